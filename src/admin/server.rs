//! Serves the admin address.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::answer::Answerer;
use super::{Recorder, Subject};

/// Connections at once. More of them wait in the system's queue until one ends.
const CONNECTIONS: usize = 64;

/// For how long a client may take to say what it wants; a kept connection is closed after it as well.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);

/// For how long any connection lives, so that clients that do not read their answers cannot use them all up.
const CONNECTION_DEADLINE: Duration = Duration::from_mins(10);

/// For how long requests in flight may go on when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// How often observations are sorted into histograms when nobody asks for them.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// For how long nothing is accepted after that failed, which it does if there are too many open files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// The address of the admin server, bound. That it is in use is found out before there is anything to say.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// The admin server.
#[derive(Debug)]
pub struct Server<S> {
    listener: TcpListener,
    answerer: Arc<Answerer<S>>,
}

/// The admin server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (admin.listen): {source}")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl Bound {
    /// Binds to `address`. Nothing is answered before [`Server::run`].
    ///
    /// # Errors
    /// If the address is in use, or none of this machine's.
    pub async fn to(address: SocketAddr) -> Result<Self, BindError> {
        let bind = async || {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, bound) = bind().await.map_err(|source| BindError { address, source })?;
        Ok(Self { listener, address: bound })
    }

    /// The address; with the port that the system chose, if it was asked to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server that answers there.
    pub fn server<S: Subject>(self, subject: Arc<S>, recorder: Recorder) -> Server<S> {
        let answerer = Arc::new(Answerer { subject, recorder, started: Instant::now() });
        Server { listener: self.listener, answerer }
    }
}

impl<S: Subject> Server<S> {
    /// Serves until `shutdown` is ready; then lets requests in flight end, for a short while.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let (end, ending) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut tidy = interval(TIDY_EVERY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = tidy.tick() => self.answerer.recorder.tidy(),
                Some(_) = connections.join_next() => {}
                Some((stream, place)) = accept(&self.listener, &places) => {
                    let answerer = Arc::clone(&self.answerer);
                    connections.spawn(serve(stream, answerer, ending.clone(), place));
                }
            }
        }
        drop(self.listener);
        // Nobody is left to hear it only if there are no connections.
        let _ = end.send(true);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if timeout(GRACE, all_ended).await.is_err() {
            connections.shutdown().await;
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "the admin server cannot accept a connection");
            sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

/// Answers the requests of one connection.
async fn serve<S: Subject>(
    stream: TcpStream,
    answerer: Arc<Answerer<S>>,
    mut ending: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answerer = Arc::clone(&answerer);
        async move { Ok::<_, Infallible>(answerer.answer(request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let served = async {
        tokio::select! {
            result = connection.as_mut() => result,
            () = async { let _ = ending.wait_for(|ending| *ending).await; } => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    // A probe that hangs up early is nobody's business.
    if let Ok(Err(error)) = timeout(CONNECTION_DEADLINE, served).await {
        tracing::debug!(%error, "a connection to the admin server ended early");
    }
    drop(place);
}
