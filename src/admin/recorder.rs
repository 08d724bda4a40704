//! Keeps the numbers that `/metrics` shows.

use std::time::Instant;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::{Subject, process};

/// Bounds of histograms of seconds: 10 µs, about what a group commit costs on a disk that lies, to a minute, the longest
/// time between two attempts to deliver.
const SECONDS: [f64; 21] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Bounds of histograms of bytes: 256 B to 4 GiB, each four times the one before.
const BYTES: [f64; 13] = [
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
    4_294_967_296.0,
];

/// Bounds of all other histograms, which count things.
const COUNTS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 4_096.0, 16_384.0];

/// The numbers of this process. Clones show the same numbers.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
}

impl Recorder {
    /// Makes it the recorder of this process, to which every function in [`crate::metrics`] reports from now on. Without
    /// it they cost next to nothing and report to nobody.
    ///
    /// # Errors
    /// If there is one already.
    pub fn install() -> Result<Self, BuildError> {
        let handle = builder()?.install_recorder()?;
        crate::metrics::describe();
        Ok(Self { handle })
    }

    /// The numbers, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// The same, after everything was brought up to date that nobody sets otherwise. The process began at `started`.
    pub(crate) fn render_now(&self, subject: &impl Subject, started: Instant) -> String {
        process::report(started);
        subject.refresh_metrics();
        self.render()
    }

    /// Sorts observations into the buckets of their histograms, so that they do not pile up while nobody asks.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// How histograms are kept: by bounds, not quantiles, so that several instances can be added up.
fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets(&COUNTS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES)
}

#[cfg(test)]
impl Recorder {
    /// One that only sees what is reported within [`metrics::with_local_recorder`].
    pub(super) fn detached() -> (Self, metrics_exporter_prometheus::PrometheusRecorder) {
        let recorder = builder().unwrap().build_recorder();
        (Self { handle: recorder.handle() }, recorder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_the_bounds_of_its_unit() {
        let (numbers, recorder) = Recorder::detached();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("test_seconds").record(0.000_02);
            metrics::histogram!("test_bytes").record(1_000.0);
            metrics::histogram!("test_records").record(3.0);
        });
        let text = numbers.render();
        for line in [
            "test_seconds_bucket{le=\"0.00001\"} 0",
            "test_seconds_bucket{le=\"0.000025\"} 1",
            "test_bytes_bucket{le=\"1024\"} 1",
            "test_records_bucket{le=\"4\"} 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
