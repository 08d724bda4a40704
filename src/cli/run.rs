//! `forebay` and `forebay run`: take telemetry in and deliver it.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::drain::left;
use super::logging;
use crate::admin::Recorder;
use crate::app::{App, Ended, greeting};
use crate::collector::Table;
use crate::config::Loaded;

/// Runs until SIGTERM or Ctrl-C; a second one ends it at once.
pub(super) fn run(loaded: Loaded, table: Option<&Table>) -> anyhow::Result<ExitCode> {
    let recorder = Recorder::install().context("cannot set up the metrics")?;
    let logs = logging::serve(&loaded.config.telemetry.logs)?;
    if let Some(table) = table {
        super::print(&super::told(table, &loaded.files))?;
    }
    if !loaded.files.is_empty() {
        tracing::info!(files = %loaded.files.join(", "), "the configuration was read");
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = super::server_runtime()?;
    let outcome = runtime.block_on(serve(loaded, recorder));
    // What still runs does so because somebody asked twice for the end.
    runtime.shutdown_background();
    match outcome {
        // Whoever collects these lines finds the end in them as well.
        Err(error) if logs.are_for_machines() => {
            tracing::error!("{error:#}");
            Ok(ExitCode::FAILURE)
        }
        outcome => outcome,
    }
}

async fn serve(loaded: Loaded, recorder: Recorder) -> anyhow::Result<ExitCode> {
    let config = loaded.config;
    // Before anything is opened, so that a signal that comes early ends it in the right order too.
    let mut signals = Signals::listen()?;
    let app = App::start(config.clone(), recorder).await?;
    super::print(&greeting(&config, app.listeners()))?;
    let (ask, asked) = oneshot::channel();
    let running = app.run(async {
        // An error says that nobody can ask any more.
        let _ = asked.await;
    });
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => return Ok(farewell(&ended?)),
        () = signals.next() => drop(ask.send(())),
    }
    tokio::select! {
        ended = &mut running => Ok(farewell(&ended?)),
        () = signals.next() => {
            tracing::warn!("ended at once, on a second signal; what was acknowledged is on disk");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn farewell(ended: &Ended) -> ExitCode {
    if !ended.is_all_delivered() {
        let left = left(ended);
        tracing::warn!("{left} could not be delivered in time; they are on disk and go after the next start");
    }
    tracing::info!("ended");
    ExitCode::SUCCESS
}

/// The signals that ask the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
