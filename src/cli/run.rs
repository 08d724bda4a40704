//! `forebay` and `forebay run`: take telemetry in and deliver it.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::logging;
use super::words::counted;
use crate::admin::Recorder;
use crate::app::{App, greeting};
use crate::config::Loaded;

/// Runs until SIGTERM or Ctrl-C.
pub(super) fn run(loaded: Loaded) -> anyhow::Result<ExitCode> {
    let recorder = Recorder::install().context("cannot set up the metrics")?;
    logging::start();
    if let Some(file) = &loaded.file {
        tracing::info!(file = %file.display(), "the configuration was read");
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    super::server_runtime()?.block_on(serve(loaded, recorder))
}

async fn serve(loaded: Loaded, recorder: Recorder) -> anyhow::Result<ExitCode> {
    let config = loaded.config;
    // Before anything is opened, so that a signal that comes early ends it in the right order too.
    let shutdown = shutdown()?;
    let app = App::start(config.clone(), recorder).await?;
    super::print(&greeting(&config, app.listeners()))?;
    let status = app.run(shutdown).await?;
    if status.queued_objects > 0 {
        let objects = counted(status.queued_objects, "object");
        tracing::warn!(
            "{objects} could not be delivered in time; they are on disk and go after the next start"
        );
    }
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
}

/// Ready when somebody asks the process to end.
fn shutdown() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
