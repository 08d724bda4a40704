//! What forebay tells about itself: lines on the standard error, for whoever reads them.
//!
//! - One event is one line, as text or as JSON. Under systemd, text has no time of its own and begins with a priority, for
//!   journald keeps both.
//! - An event that repeats is shown at once, and then at most once in `telemetry.logs.repeat_after`, with how many others
//!   were left out. Nothing is left out without being counted, and what is counted is told in the end.
//! - An event takes a bounded piece of memory, and so do all that are remembered.

mod logs;
mod options;

pub use logs::Logs;
pub(crate) use options::directives;
pub use options::{LogFormat, LogOptions, Options};
