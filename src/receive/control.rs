//! Other settings for a receiver that runs.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::endpoint::{Authenticators, Endpoint};
use super::live::Live;
use super::options::Options;
use super::places::Places;
use super::stage::Stage;
use super::{Error, Intake};

/// Changes the settings of a receiver.
#[derive(Clone, Debug)]
pub struct Control<I> {
    pub(super) stage: Arc<Live<Stage<I>>>,
    pub(super) endpoints: Vec<Arc<Live<Endpoint>>>,
    pub(super) places: Places,
    /// The endpoints are others: their files are, too.
    pub(super) changed: Arc<Notify>,
    pub(super) authenticators: Arc<Mutex<Authenticators>>,
}

/// Settings that were found to be right, ready to be in force.
#[derive(Debug)]
pub struct Prepared {
    options: Options,
    endpoints: Vec<Endpoint>,
    authenticators: Authenticators,
}

impl<I: Intake> Control<I> {
    /// Looks whether `options` can be in force, which have the same listeners at the same addresses. Nothing changes yet.
    /// Blocks the thread: settings name files.
    ///
    /// # Errors
    /// When a setting is wrong, or a file is not what it has to be.
    pub fn prepare(&self, options: &Options) -> Result<Prepared, Error> {
        options.validate().map_err(Error::Options)?;
        let listening = options.listening().map_err(Error::Options)?;
        // Who asks for the same as before goes on with what it knows of limits.
        let mut authenticators = self.authenticators.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut endpoints = Vec::new();
        for endpoint in &self.endpoints {
            let before = endpoint.get();
            let own = listening.iter().find(|listening| listening.name == before.name);
            let own = own.ok_or_else(|| Error::Options(format!("the listener {} is gone", before.name)))?;
            endpoints.push(Endpoint::load(own, options, &mut authenticators, Some(&before))?);
        }
        let asked = |known: &(_, Arc<_>)| endpoints.iter().any(|endpoint| endpoint.asks_by(&known.1));
        authenticators.retain(asked);
        Ok(Prepared { options: options.clone(), endpoints, authenticators })
    }

    /// Requests that begin from now on go by these settings, on connections that are there, too. Must be called on a tokio
    /// runtime.
    pub fn change(&self, prepared: Prepared) {
        let Prepared { options, endpoints, authenticators } = prepared;
        *self.authenticators.lock().unwrap_or_else(PoisonError::into_inner) = authenticators;
        for (live, endpoint) in self.endpoints.iter().zip(endpoints) {
            live.set(endpoint);
        }
        self.places.resize(options.max_connections);
        self.stage.set(self.stage.get().with_options(options));
        self.changed.notify_one();
    }
}

#[cfg(test)]
impl<I: Intake> Control<I> {
    /// What is in force, asked of those who go by it.
    pub(crate) fn in_force(&self) -> Options {
        let stage = self.stage.get();
        let mut options = stage.options.clone();
        options.max_request_bytes = stage.opener.limit();
        options.max_inflight_bytes = stage.admission.capacity();
        options.max_connections = self.places.all();
        for endpoint in &self.endpoints {
            endpoint.get().show(&mut options);
        }
        options
    }
}
