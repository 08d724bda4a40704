//! Another configuration for a process that runs.
//!
//! What can change does so all at once, and only if all of it is right: first everything is prepared that may fail (files are
//! read, buckets opened), and only then anything is changed, which cannot fail. What cannot change without a restart is
//! named. Which is which stands in the table of the module `config`.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::spawn_blocking;

use super::App;
use super::intake::LogIntake;
use super::pipeline;
use super::subject::Process;
use super::told;
use crate::config::{Config, Invalid, Loaded, Reloaded};
use crate::metrics;
use crate::receive::{self, Control};

/// Has a process go by another configuration.
#[derive(Debug)]
pub struct Reloader {
    process: Arc<Process>,
    receiver: Control<LogIntake>,
    running: Loaded,
}

/// What came of a configuration that was read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The settings that have changed.
    pub live: Vec<String>,
    /// Those that take effect after a restart.
    pub restart: Vec<String>,
}

/// Everything that was found to be right.
struct Prepared {
    receiving: receive::Prepared,
    pipeline: pipeline::Prepared,
}

impl App {
    /// What changes its settings while it runs; `running` is the configuration with which it was started.
    pub fn reloader(&self, running: Loaded) -> Reloader {
        metrics::config::register();
        Reloader { process: Arc::clone(&self.process), receiver: self.receiver.control(), running }
    }
}

impl Reloader {
    /// The configuration that is in force.
    pub fn config(&self) -> &Config {
        &self.running.config
    }

    /// Puts of `wanted` in force what can change. What is wrong with it leaves everything as it is.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn apply(&mut self, wanted: &Loaded) -> Result<Changed, Invalid> {
        let outcome = self.try_apply(wanted).await;
        match &outcome {
            Ok(changed) => {
                metrics::config::reloaded(true);
                let note = |key: &String| format!("{key} takes effect after a restart");
                self.process.tell(changed.restart.iter().map(note).collect());
            }
            Err(invalid) => self.refuse(invalid),
        }
        outcome
    }

    /// Tells that the configuration was read again and cannot be used.
    pub fn refuse(&self, invalid: &Invalid) {
        metrics::config::reloaded(false);
        let first = invalid.problems.first().map(String::as_str).unwrap_or_default();
        let note = format!("the configuration was read again and not taken, for it is wrong: {first}");
        self.process.tell(vec![note]);
    }

    async fn try_apply(&mut self, wanted: &Loaded) -> Result<Changed, Invalid> {
        let Reloaded { loaded, live, restart } = self.running.reload(wanted)?;
        let (process, receiver, config) =
            (Arc::clone(&self.process), self.receiver.clone(), loaded.config.clone());
        let preparing = spawn_blocking(move || {
            let receiving = receiver.prepare(&config.receive).map_err(|error| error.to_string())?;
            let pipeline = process.pipeline.prepare(&config)?;
            Ok(Prepared { receiving, pipeline })
        });
        let prepared = preparing.await.unwrap_or_else(|error| Err(error.to_string()));
        let Prepared { receiving, pipeline } =
            prepared.map_err(|problem| Invalid { problems: vec![problem] })?;
        self.receiver.change(receiving);
        self.process.pipeline.change(&loaded.config, pipeline).await;
        metrics::disk::free_floor(loaded.config.log.free_space_floor.bytes());
        let finish_within = loaded.config.upload.finish_within.duration();
        let milliseconds = u64::try_from(finish_within.as_millis()).unwrap_or(u64::MAX);
        self.process.finish_within_milliseconds.store(milliseconds, Ordering::Release);
        self.process.show(loaded.settings.iter().map(told::setting).collect());
        self.running = loaded;
        Ok(Changed { live, restart })
    }
}
