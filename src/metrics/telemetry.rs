//! Metrics of what forebay tells about itself.

use metrics::counter;
use tracing::Level;

/// Makes every counter show up with 0 before anything happens, so that a first error is a change that alerts see.
pub fn register() {
    for level in ["error", "warn", "info"] {
        counter!("forebay_telemetry_log_events_total", "level" => level).increment(0);
    }
    repeats_left_out(0);
    lines_lost(0);
}

/// `forebay_telemetry_log_events_total`: what was logged, by level, with what was left out because it repeats. When `error`
/// grows, read the log: each of them wants somebody to do something.
pub fn log_events(level: &Level) {
    let level = match *level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    counter!("forebay_telemetry_log_events_total", "level" => level).increment(1);
}

/// `forebay_telemetry_log_repeats_total`: events that were not shown when they came, because one like them was; a line tells
/// later how many. `telemetry.logs.repeat_after: 0s` shows all of them.
pub fn repeats_left_out(by: u64) {
    counter!("forebay_telemetry_log_repeats_total").increment(by);
}

/// `forebay_telemetry_log_lines_lost_total`: lines that the standard error did not take. See where it leads to: its reader is
/// gone, or its disk is full.
pub fn lines_lost(by: u64) {
    counter!("forebay_telemetry_log_lines_lost_total").increment(by);
}

/// Makes the counters of the export show up with 0, if there is one.
pub fn register_export() {
    export_dropped(0);
    for signal in ["metrics", "logs"] {
        for became in ["taken", "failed", "own"] {
            let labels = [("signal", signal), ("became", became)];
            counter!("forebay_telemetry_export_requests_total", &labels).increment(0);
        }
    }
}

/// `forebay_telemetry_export_requests_total`: requests with forebay's own telemetry, by what became of them. `failed`: see the
/// log for what the receiver says; nothing that forebay stores for others depends on it. `own`: `telemetry.export.endpoint`
/// leads to this forebay itself, and nothing is exported until that is changed.
pub fn export_requests(signal: &'static str, became: &'static str) {
    counter!("forebay_telemetry_export_requests_total", "signal" => signal, "became" => became).increment(1);
}

/// `forebay_telemetry_export_dropped_lines_total`: lines of the log that were not exported, because the receiver did not take
/// them for so long that others came, or refused them. They are on the standard error.
pub fn export_dropped(lines: u64) {
    counter!("forebay_telemetry_export_dropped_lines_total").increment(lines);
}
