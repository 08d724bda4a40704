//! `forebay drain`: deliver everything that is in a data folder, and end.

use std::process::ExitCode;

use super::arguments::Drain;
use super::logging;
use super::words::counted;
use crate::admin::Recorder;
use crate::app;
use crate::config::Config;
use crate::units::Span;

/// Delivers, and says what is left.
pub(super) fn run(config: &Config, drain: &Drain) -> anyhow::Result<ExitCode> {
    // Nobody reads the metrics of a command, but the stages write them.
    let _recorder = Recorder::install()?;
    logging::start();
    let patience = drain.wait.map(Span::duration);
    let status = super::server_runtime()?.block_on(app::drain(config, patience))?;
    let delivered = counted(status.delivered_objects, "object");
    if status.queued_objects == 0 {
        super::print(&format!("delivered {delivered}; nothing is left\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let left = counted(status.queued_objects, "object");
    let why = status.failing.map_or_else(|| "there was no time".to_owned(), |failing| failing.error);
    super::print(&format!("delivered {delivered}; {left} left in {}: {why}\n", config.data_dir.display()))?;
    Ok(ExitCode::FAILURE)
}
