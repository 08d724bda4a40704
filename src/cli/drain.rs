//! `forebay drain`: deliver everything that is in a data folder, and end.

use std::cell::Cell;
use std::process::ExitCode;

use anyhow::bail;

use super::arguments::Drain;
use super::logging;
use super::progress::{Progress, Unit};
use crate::admin::Recorder;
use crate::app::{self, Draining, Ended};
use crate::config::Config;
use crate::units::Span;
use crate::words::counted;

/// Delivers, and says what is left.
pub(super) fn run(config: &Config, drain: &Drain) -> anyhow::Result<ExitCode> {
    if !config.data_dir.is_dir() {
        bail!("there is no data folder {} (data_dir)", config.data_dir.display());
    }
    // Nobody reads the metrics of a command, but the stages write them.
    let _recorder = Recorder::install()?;
    logging::start();
    let patience = drain.wait.map(Span::duration);
    let progress = Progress::begin("draining", Unit::Items, 0);
    // As many as there ever were: segments that are found damaged, and outputs that take some signals only, make it less.
    let most = Cell::new(0);
    let watch = |left: &Draining| {
        most.set(left.items.max(most.get()));
        progress.set(most.get() - left.items, most.get(), &remaining(left));
    };
    let ended = super::server_runtime()?.block_on(app::drain(config, patience, watch))?;
    drop(progress);
    let delivered = counted(ended.delivery.delivered_objects, "object");
    if ended.is_all_delivered() && ended.receipts == 0 {
        super::print(&format!("delivered {delivered}; nothing is left\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut left = left(&ended);
    if ended.receipts > 0 {
        let receipts = counted(ended.receipts, "receipt");
        left = if left.is_empty() { receipts } else { format!("{left} and {receipts}") };
    }
    let why = match ended.delivery.failing {
        Some(failing) => failing.error,
        None if ended.segments > 0 => "what was logged above says why they are not packed".to_owned(),
        None if ended.receipts > 0 => "what was logged above says why they are not carried".to_owned(),
        None => "there was no time".to_owned(),
    };
    super::print(&format!("delivered {delivered}; {left} left in {}: {why}\n", config.data_dir.display()))?;
    Ok(ExitCode::FAILURE)
}

/// What is left while it goes on: `2 objects and 1 segment; 403 Forbidden`.
fn remaining(draining: &Draining) -> String {
    let left = listed(draining.objects, draining.segments);
    match &draining.trouble {
        Some(trouble) => format!("{left}; {trouble}"),
        None => left,
    }
}

/// What is left: `2 objects and 1 segment`.
pub(super) fn left(ended: &Ended) -> String {
    listed(ended.delivery.queued_objects, ended.segments)
}

fn listed(objects: u64, segments: u64) -> String {
    let kinds = [(objects, "object"), (segments, "segment")];
    let left: Vec<_> = kinds
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, one)| counted(number, one))
        .collect();
    left.join(" and ")
}
