//! The listeners, and the connections they accept.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::{self, Phase};
use super::stage::Stage;
use super::{Error, Intake, Options};
use crate::metrics;

/// Pause after a failed accept; the usual reason is a lack of file descriptors, which does not go at once.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(200);

/// Receives exports on two addresses.
#[derive(Debug)]
pub struct Receiver<I> {
    grpc: Listener,
    http: Listener,
    stage: Arc<Stage<I>>,
}

impl<I: Intake> Receiver<I> {
    /// Listens on both addresses; connections wait there until [`Receiver::run`].
    ///
    /// # Errors
    /// When a setting is wrong or an address cannot be listened on.
    pub async fn bind(options: Options, intake: I) -> Result<Self, Error> {
        options.validate().map_err(Error::Options)?;
        let grpc = Listener::bind("receive.grpc", &options.grpc).await?;
        let http = Listener::bind("receive.http", &options.http).await?;
        Ok(Self { grpc, http, stage: Arc::new(Stage::new(options, intake)) })
    }

    /// The address that `receive.grpc` came to, with the port the system chose if it was 0.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc.address
    }

    /// The address that `receive.http` came to, with the port the system chose if it was 0.
    pub fn http_address(&self) -> SocketAddr {
        self.http.address
    }

    /// Receives until `shutdown` is ready. Then it accepts no more, lets what has come be answered for
    /// `receive.finish_within`, and returns when no connection and no task is left.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { grpc, http, stage } = self;
        let finish_within = stage.options.finish_within.duration();
        let (phase, _) = watch::channel(Phase::Serving);
        let mut connections = JoinSet::new();
        {
            let accepting = accept(&grpc, &http, &stage, &phase, &mut connections);
            tokio::select! {
                () = shutdown => {}
                () = accepting => {}
            }
        }
        drop((grpc, http));
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
    grpc: &Listener,
    http: &Listener,
    stage: &Arc<Stage<I>>,
    phase: &watch::Sender<Phase>,
    connections: &mut JoinSet<()>,
) {
    let places = Arc::new(Semaphore::new(stage.options.max_connections as usize));
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = grpc.accept() => accepted,
            accepted = http.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let serving = connection::serve(stream, peer, stage.clone(), phase.subscribe());
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

/// A socket that takes connections.
#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    async fn bind(key: &'static str, address: &str) -> Result<Self, Error> {
        let bound = async {
            let socket = Self::bind_first(address).await?;
            let address = socket.local_addr()?;
            Ok(Self { socket, address })
        };
        bound.await.map_err(|error| Error::bind(key, address, error))
    }

    /// Binds the first address of a host that can be bound. Those of IPv4 come first: clients that are told `localhost`
    /// try it at the latest when IPv6 is refused, and those that are told `127.0.0.1` try nothing else.
    async fn bind_first(address: &str) -> io::Result<TcpListener> {
        let mut candidates: Vec<SocketAddr> = lookup_host(address).await?.collect();
        candidates.sort_by_key(SocketAddr::is_ipv6);
        TcpListener::bind(candidates.as_slice()).await
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.socket.accept().await?;
        // Answers are small and must not wait for more to come. This fails if the client is gone already, which is
        // found out soon enough.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }
}
