//! `forebay` and `forebay run`: take telemetry in and deliver it.

use std::process::ExitCode;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::drain::left;
use super::logging;
use super::reload::{Reading, Reloading, Wish};
use crate::admin::Recorder;
use crate::app::{App, Ended, greeting};
use crate::collector::Table;
use crate::config::{Config, Loaded};
use crate::telemetry::{Exporter, Instance, Logs};

/// Runs until SIGTERM or Ctrl-C; a second one ends it at once.
pub(super) fn run(loaded: Loaded, table: Option<&Table>, reading: Reading) -> anyhow::Result<ExitCode> {
    let recorder = Recorder::install().context("cannot set up the metrics")?;
    let logs = logging::serve(&loaded.config.telemetry)?;
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
    let outcome = runtime.block_on(watched(loaded, reading, recorder, &logs));
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

/// Serves, and exports what there is to tell about it, if that is wanted, until the very end.
async fn watched(
    loaded: Loaded,
    reading: Reading,
    recorder: Recorder,
    logs: &Logs,
) -> anyhow::Result<ExitCode> {
    let (config, started_at) = (loaded.config.clone(), Timestamp::now());
    // Before anything is opened, so that a signal that comes early ends it in the right order too.
    let (signals, wish) = (Signals::listen()?, Wish::listen()?);
    let app = App::start(loaded.clone(), recorder).await?;
    let instance = Instance { id: app.instance(), started_at };
    let exporter = Exporter::start(&config.telemetry.export, &instance, logs, app.numbers());
    let exporter = exporter.map_err(anyhow::Error::msg)?;
    let reloading = Reloading::start(reading, app.reloader(loaded), wish);
    let Some(ended) = serve(&config, app, signals, reloading).await.transpose() else {
        tracing::warn!("ended at once, on a second signal; what was acknowledged is on disk");
        return Ok(ExitCode::FAILURE);
    };
    let outcome = ended.map(|ended| farewell(&ended));
    if let Some(exporter) = exporter {
        exporter.stop().await;
    }
    outcome
}

/// Serves until a signal, and takes everything down; `None` if a second signal did not wait for that.
async fn serve(
    config: &Config,
    app: App,
    mut signals: Signals,
    reloading: Reloading,
) -> anyhow::Result<Option<Ended>> {
    super::print(&greeting(config, app.listeners()))?;
    let (ask, asked) = oneshot::channel();
    let running = app.run(async {
        // An error says that nobody can ask any more.
        let _ = asked.await;
    });
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => return ended.map(Some),
        () = async { signals.next().await; reloading.stop().await } => drop(ask.send(())),
    }
    tokio::select! {
        ended = &mut running => ended.map(Some),
        () = signals.next() => Ok(None),
    }
}

fn farewell(ended: &Ended) -> ExitCode {
    if !ended.is_all_delivered() {
        let left = left(ended);
        if ended.segments == 0 && ended.delivery.waits_until.is_some() {
            tracing::info!(
                "{left} wait for their hours (upload.hours); they are on disk and go after the next start"
            );
        } else {
            tracing::warn!(
                "{left} could not be delivered in time; they are on disk and go after the next start"
            );
        }
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
