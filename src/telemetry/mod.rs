//! What forebay tells about itself: lines on the standard error, and both lines and numbers to a receiver of OTLP.
//!
//! - One event is one line, as text or as JSON. Under systemd, text has no time of its own and begins with a priority, for
//!   journald keeps both.
//! - An event that repeats is shown at once, and then at most once in `telemetry.logs.repeat_after`, with how many others
//!   were left out. Nothing is left out without being counted, and what is counted is told in the end.
//! - An event takes a bounded piece of memory, and so do all that are remembered.
//! - What is exported, how much at most, and why that never feeds itself, says `export`.

mod export;
mod logs;
mod options;

pub use export::{Exporter, Instance};
pub use logs::Logs;
pub(crate) use options::directives;
pub use options::{ExportOptions, LogFormat, LogOptions, Options, Protocol};

/// What this machine calls itself; empty if the system does not say.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}
