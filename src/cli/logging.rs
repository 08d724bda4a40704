//! What forebay says on the standard error.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use super::progress::Stderr;
use crate::config::LOG_VARIABLE;
use crate::telemetry::{Logs, Options, directives};

/// Begins to log what a server does, as the configuration says; `FOREBAY_LOG` wins over its level. That is after the
/// configuration was read: what is said of it before, the command line says.
pub(super) fn serve(options: &Options) -> anyhow::Result<Logs> {
    Logs::start(options, chosen().as_deref()).context("cannot log")
}

/// Begins to log what a command does, for the person who waits for it, as `FOREBAY_LOG` says: `error`, `warn`, `info` (the
/// default), `debug`, or more finely.
pub(super) fn start() {
    let filter = EnvFilter::new(directives(&chosen().unwrap_or_default()));
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

/// What `FOREBAY_LOG` says, if it says anything.
fn chosen() -> Option<String> {
    std::env::var(LOG_VARIABLE).ok().filter(|level| !level.is_empty())
}
