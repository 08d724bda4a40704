//! Takes connections from the listeners, as many at once as there may be.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::{self, Phase};
use super::endpoint::Endpoint;
use super::stage::Stage;
use super::{Error, Intake, Listeners, Options};
use crate::listen::{Peer, Stream};
use crate::metrics;

/// Pause after a failed accept; the usual reason is a lack of file descriptors, which does not go at once.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(200);

/// Receives exports on all addresses.
#[derive(Debug)]
pub struct Receiver<I> {
    listeners: Listeners,
    stage: Arc<Stage<I>>,
}

impl<I: Intake> Receiver<I> {
    /// Receives on addresses that are bound already; connections wait there until [`Receiver::run`].
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn new(options: Options, listeners: Listeners, intake: I) -> Result<Self, Error> {
        options.validate().map_err(Error::Options)?;
        Ok(Self { listeners, stage: Arc::new(Stage::new(options, intake)) })
    }

    /// Receives until `shutdown` is ready. Then it accepts no more, lets what has come be answered for
    /// `receive.finish_within`, and returns when no connection and no task is left.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listeners, stage } = self;
        let finish_within = stage.options.finish_within.duration();
        let (phase, _) = watch::channel(Phase::Serving);
        let mut connections = JoinSet::new();
        {
            let accepting = accept(&listeners, &stage, &phase, &mut connections);
            tokio::select! {
                () = shutdown => {}
                () = accepting => {}
                () = listeners.keep_fresh() => {}
            }
        }
        drop(listeners);
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
    stage: &Arc<Stage<I>>,
    phase: &watch::Sender<Phase>,
    connections: &mut JoinSet<()>,
) {
    let places = Arc::new(Semaphore::new(stage.options.max_connections as usize));
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
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
    stage: Arc<Stage<I>>,
    endpoint: Arc<Endpoint>,
    mut phase: watch::Receiver<Phase>,
) {
    let shaken = tokio::select! {
        shaken = endpoint.shake_hands(stream) => shaken,
        // Who has not even done that has nothing to lose.
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
    };
    match shaken {
        Ok(stream) => connection::serve(stream, peer, stage, endpoint, phase).await,
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
