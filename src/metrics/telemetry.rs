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
