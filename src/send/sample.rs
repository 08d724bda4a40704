//! The bundled sample: what Claude Code 2.1.330 sent in a session of one prompt, moved to the present.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, metric::Data};
use prost::Message;

use super::Error;
use crate::otlp::Signal;

const LOGS: &[u8] = include_bytes!("sample/logs.pb");
const METRICS: &[u8] = include_bytes!("sample/metrics.pb");
const TRACES: &[u8] = include_bytes!("sample/traces.pb");

/// An attribute of log records that repeats their time as text.
const TIME_AS_TEXT: &str = "event.timestamp";

/// One request of each signal that Claude Code sends.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) logs: ExportLogsServiceRequest,
    pub(crate) metrics: ExportMetricsServiceRequest,
    traces: ExportTraceServiceRequest,
}

/// A request of the sample.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'s> {
    Logs(&'s ExportLogsServiceRequest),
    Metrics(&'s ExportMetricsServiceRequest),
    Traces(&'s ExportTraceServiceRequest),
}

impl Sample {
    /// The sample as if its last moment was `now`.
    pub(crate) fn at(now: SystemTime) -> Result<Self, Error> {
        let broken = |error: prost::DecodeError| Error::Sample(error.to_string());
        let mut sample = Self {
            logs: ExportLogsServiceRequest::decode(LOGS).map_err(broken)?,
            metrics: ExportMetricsServiceRequest::decode(METRICS).map_err(broken)?,
            traces: ExportTraceServiceRequest::decode(TRACES).map_err(broken)?,
        };
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        let mut last = 0;
        sample.visit_times(|time| last = last.max(*time));
        sample.visit_times(|time| *time = now.saturating_sub(last - *time));
        sample.write_times_as_text();
        Ok(sample)
    }

    /// Its requests, in the order in which they are sent.
    pub(crate) fn requests(&self) -> [Request<'_>; 3] {
        [Request::Logs(&self.logs), Request::Metrics(&self.metrics), Request::Traces(&self.traces)]
    }

    fn visit_times(&mut self, mut visit: impl FnMut(&mut u64)) {
        // A time of 0 means that it is not known.
        let mut visit = |time: &mut u64| {
            if *time != 0 {
                visit(time);
            }
        };
        let scopes = self.logs.resource_logs.iter_mut().flat_map(|resource| &mut resource.scope_logs);
        for record in scopes.flat_map(|scope| &mut scope.log_records) {
            visit(&mut record.time_unix_nano);
            visit(&mut record.observed_time_unix_nano);
        }
        let scopes =
            self.metrics.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
        for data in scopes.flat_map(|scope| &mut scope.metrics).filter_map(|metric| metric.data.as_mut()) {
            for point in points_mut(data) {
                visit(&mut point.start_time_unix_nano);
                visit(&mut point.time_unix_nano);
            }
        }
        let scopes = self.traces.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans);
        for span in scopes.flat_map(|scope| &mut scope.spans) {
            visit(&mut span.start_time_unix_nano);
            visit(&mut span.end_time_unix_nano);
            for event in &mut span.events {
                visit(&mut event.time_unix_nano);
            }
        }
    }

    fn write_times_as_text(&mut self) {
        let scopes = self.logs.resource_logs.iter_mut().flat_map(|resource| &mut resource.scope_logs);
        for record in scopes.flat_map(|scope| &mut scope.log_records) {
            let Ok(time) = Timestamp::from_nanosecond(record.time_unix_nano.into()) else { continue };
            let text = time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            for attribute in &mut record.attributes {
                set_text(attribute, TIME_AS_TEXT, &text);
            }
        }
    }
}

impl Request<'_> {
    /// Its signal.
    pub(crate) const fn signal(self) -> Signal {
        match self {
            Self::Logs(_) => Signal::Logs,
            Self::Metrics(_) => Signal::Metrics,
            Self::Traces(_) => Signal::Traces,
        }
    }

    /// Its items.
    pub(crate) fn items(self) -> u64 {
        let items = match self {
            Self::Logs(request) => {
                let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
                scopes.map(|scope| scope.log_records.len()).sum::<usize>()
            }
            Self::Metrics(request) => {
                let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
                let metrics = scopes.flat_map(|scope| &scope.metrics);
                metrics.filter_map(|metric| metric.data.as_ref().map(points)).map(<[_]>::len).sum()
            }
            Self::Traces(request) => {
                let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
                scopes.map(|scope| scope.spans.len()).sum()
            }
        };
        items as u64
    }

    /// It, as protobuf.
    pub(crate) fn protobuf(self) -> Vec<u8> {
        match self {
            Self::Logs(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
            Self::Traces(request) => request.encode_to_vec(),
        }
    }
}

fn set_text(attribute: &mut KeyValue, key: &str, text: &str) {
    if attribute.key == key
        && let Some(value) = &mut attribute.value
    {
        value.value = Some(Value::StringValue(text.to_owned()));
    }
}

/// The data points of a metric, of the kinds that Claude Code sends.
fn points(data: &Data) -> &[NumberDataPoint] {
    match data {
        Data::Sum(sum) => &sum.data_points,
        Data::Gauge(gauge) => &gauge.data_points,
        _ => &[],
    }
}

fn points_mut(data: &mut Data) -> &mut [NumberDataPoint] {
    match data {
        Data::Sum(sum) => &mut sum.data_points,
        Data::Gauge(gauge) => &mut gauge.data_points,
        _ => &mut [],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_sample_lies_just_before_now_and_all_of_it_moves_together() {
        let now = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        let mut sample = Sample::at(now).unwrap();
        let (mut first, mut last) = (u64::MAX, 0);
        sample.visit_times(|time| (first, last) = (first.min(*time), last.max(*time)));
        assert_eq!(last, 2_000_000_000_000_000_000);
        assert!(last - first < 60_000_000_000, "a session of one prompt takes less than a minute");

        let text = format!("{:?}", sample.logs);
        assert!(text.contains("2033-05-18T03:33:"), "the time as text moves as well");
        assert!(!text.contains("2026-"), "and nothing stays behind");
    }

    #[test]
    fn the_sample_has_items_of_every_signal_that_claude_code_sends() {
        let sample = Sample::at(SystemTime::now()).unwrap();
        assert_eq!(
            sample.requests().map(|request| (request.signal(), request.items())),
            [(Signal::Logs, 7), (Signal::Metrics, 7), (Signal::Traces, 2)]
        );
    }
}
