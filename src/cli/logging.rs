//! What forebay says while it runs, on the standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::progress::Stderr;
use crate::config::LOG_VARIABLE;

/// Begins to log as `FOREBAY_LOG` says: `error`, `warn`, `info` (the default), `debug`, or more finely. What the libraries below have to say is of use only to those who ask for it.
pub(super) fn start() {
    let chosen = std::env::var(LOG_VARIABLE).unwrap_or_default();
    let filter = match chosen.as_str() {
        "" => EnvFilter::new("warn,forebay=info,sled=error"),
        level if !level.contains(['=', ',']) => EnvFilter::new(format!("warn,forebay={level}")),
        directives => EnvFilter::new(directives),
    };
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
    if let Err(error) = started {
        eprintln!("forebay: cannot log: {error}");
    }
}
