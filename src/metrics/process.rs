//! Metrics of the process itself.

use std::time::Duration;

use metrics::gauge;

/// Says which version runs (`forebay_build_info`, always 1). During a rollout, count the instances by `version`.
pub fn build_info(version: &'static str) {
    gauge!("forebay_build_info", "version" => version).set(1.0);
}

/// For how long the process has run, in seconds. It falls to 0 with each restart: if it does so again and again, look
/// for the reason in the log of the one before.
pub fn uptime(uptime: Duration) {
    gauge!("forebay_process_uptime_seconds").set(uptime.as_secs_f64());
    gauge!("otelcol_process_uptime").set(uptime.as_secs_f64());
}

/// Memory in use, in bytes. It does not depend on how much waits to be delivered; if it grows all the time, that is a
/// fault worth reporting.
#[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
pub fn memory(bytes: u64) {
    gauge!("forebay_process_memory_bytes").set(bytes as f64);
    gauge!("otelcol_process_memory_rss").set(bytes as f64);
}

/// Processor time used since the start, in seconds. If its rate comes near the number of processors, intake and packing
/// compete: give it more, or choose a lower `objects.level`.
pub fn processor_time(used: Duration) {
    gauge!("forebay_process_cpu_seconds").set(used.as_secs_f64());
    gauge!("otelcol_process_cpu_seconds").set(used.as_secs_f64());
}

/// Open files and connections. If it comes near the limit of the system (`ulimit -n`), clients cannot connect any more:
/// raise the limit.
pub fn open_files(count: u32) {
    gauge!("forebay_process_open_files").set(f64::from(count));
}
