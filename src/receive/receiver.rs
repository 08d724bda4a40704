//! Takes connections from the listeners, as many at once as there may be.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::{self, Phase};
use super::endpoint::Endpoint;
use super::live::Live;
use super::places::Places;
use super::stage::Stage;
use super::tally::Tally;
use super::{Control, Error, Intake, Listeners, Options};
use crate::listen::{Peer, Stream};
use crate::metrics;

/// Pause after a failed accept; the usual reason is a lack of file descriptors, which does not go at once.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(200);

/// Receives exports on all addresses.
#[derive(Debug)]
pub struct Receiver<I> {
    listeners: Listeners,
    stage: Arc<Live<Stage<I>>>,
    places: Places,
}

impl<I: Intake> Receiver<I> {
    /// Receives on addresses that are bound already; connections wait there until [`Receiver::run`].
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn new(options: Options, listeners: Listeners, intake: I) -> Result<Self, Error> {
        options.validate().map_err(Error::Options)?;
        let places = Places::new(options.max_connections);
        Ok(Self { listeners, stage: Arc::new(Live::new(Stage::new(options, intake))), places })
    }

    /// What changes its settings while it runs.
    pub fn control(&self) -> Control<I> {
        Control {
            stage: Arc::clone(&self.stage),
            endpoints: self.listeners.endpoints(),
            places: self.places.clone(),
            changed: Arc::clone(&self.listeners.changed),
            authenticators: Arc::clone(&self.listeners.authenticators),
        }
    }

    /// What comes in, counted.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.stage.get().tally)
    }

    /// Receives until `shutdown` is ready. Then it accepts no more, lets what has come be answered for
    /// `receive.finish_within`, and returns when no connection and no task is left.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listeners, stage, places } = self;
        let (phase, _) = watch::channel(Phase::Serving);
        let mut connections = JoinSet::new();
        {
            let accepting = accept(&listeners, &stage, &places, &phase, &mut connections);
            tokio::select! {
                () = shutdown => {}
                () = accepting => {}
                () = listeners.keep_fresh() => {}
            }
        }
        drop(listeners);
        let finish_within = stage.get().options.finish_within.duration();
        phase.send_replace(Phase::Finishing);
        let finishing = async { while connections.join_next().await.is_some() {} };
        if timeout(finish_within, finishing).await.is_err() {
            tracing::warn!(connections = connections.len(), "not all requests were answered in time");
        }
        phase.send_replace(Phase::Over);
        while connections.join_next().await.is_some() {}
    }
}

/// Accepts connections, as many at once as there may be. Never returns.
async fn accept<I: Intake>(
    listeners: &Listeners,
    stage: &Arc<Live<Stage<I>>>,
    places: &Places,
    phase: &watch::Sender<Phase>,
    connections: &mut JoinSet<()>,
) {
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.semaphore().clone().acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        match listeners.accept().await {
            Ok((stream, peer, endpoint)) => {
                let serving = serve(stream, peer, stage.clone(), endpoint, phase.subscribe());
                connections.spawn(async move {
                    let _open = Open::begin();
                    serving.await;
                    drop(place);
                });
            }
            // A client that went away before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(AFTER_FAILED_ACCEPT).await;
            }
        }
    }
}

/// Serves a connection, once its client has shaken hands if it has to. That keeps nobody else waiting.
async fn serve<I: Intake>(
    stream: Stream,
    peer: Peer,
    stage: Arc<Live<Stage<I>>>,
    live: Arc<Live<Endpoint>>,
    mut phase: watch::Receiver<Phase>,
) {
    let endpoint = live.get();
    let shaken = tokio::select! {
        shaken = endpoint.shake_hands(stream) => shaken,
        // Who has not even done that has nothing to lose.
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
    };
    match shaken {
        Ok(stream) => connection::serve(stream, peer, stage, live, phase).await,
        Err(error) => {
            tracing::debug!(listener = endpoint.name, %peer, %error, "the TLS handshake failed");
        }
    }
}

/// A connection in the gauge of open ones.
struct Open;

impl Open {
    fn begin() -> Self {
        metrics::receive::open_connections(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::receive::open_connections(-1.0);
    }
}
