//! The addresses on which clients are expected, bound.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use super::endpoint::{Authenticators, Endpoint};
use super::live::Live;
use super::{Error, Options};
use crate::listen::{Peer, Socket, Stream};
use tokio::sync::Notify;

/// All addresses, bound, with what is needed to serve there. That an address is in use or a certificate is missing is found
/// out before anything behind it is opened.
pub struct Listeners {
    all: Vec<(Socket, Arc<Live<Endpoint>>)>,
    /// What the endpoints ask for credentials by.
    pub(super) authenticators: Arc<Mutex<Authenticators>>,
    /// The endpoints are others.
    pub(super) changed: Arc<Notify>,
    /// The one that is asked first for a connection, so that none is passed over for long.
    next: AtomicUsize,
}

/// A connection, and what holds for it.
type Accepted = (Stream, Peer, Arc<Live<Endpoint>>);

/// What a listener came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listened {
    /// `grpc`, `http` or the name that the configuration gives it.
    pub name: String,
    /// Its address, with the port that the system chose if it was 0, or `unix:` and the path of its socket.
    pub address: String,
    /// Whether it speaks TLS only.
    pub tls: bool,
    /// Whether it asks for credentials.
    pub auth: bool,
}

impl Listeners {
    /// Listens on all addresses; connections wait there until a [`Receiver`](super::Receiver) runs.
    ///
    /// # Errors
    /// When a setting is wrong, an address cannot be listened on, or a file is not what it has to be.
    pub async fn bind(options: &Options) -> Result<Self, Error> {
        options.validate().map_err(Error::Options)?;
        let (mut all, mut authenticators) = (Vec::new(), Authenticators::new());
        for listening in options.listening().map_err(Error::Options)? {
            let endpoint = Endpoint::load(&listening, options, &mut authenticators, None)?;
            let socket =
                Socket::bind(&listening.address_key, &listening.address, options.socket_mode).await?;
            all.extend(socket.map(|socket| (socket, Arc::new(Live::new(endpoint)))));
        }
        let authenticators = Arc::new(Mutex::new(authenticators));
        Ok(Self { all, authenticators, changed: Arc::default(), next: AtomicUsize::new(0) })
    }

    /// Every listener.
    pub fn addresses(&self) -> impl Iterator<Item = Listened> {
        self.all.iter().map(|(socket, endpoint)| {
            let endpoint = endpoint.get();
            Listened {
                name: endpoint.name.clone(),
                address: socket.to_string(),
                tls: endpoint.has_tls(),
                auth: endpoint.asks(),
            }
        })
    }

    /// The address of the network that the listener `name` came to; `None` if it has none.
    pub fn tcp_address(&self, name: &str) -> Option<SocketAddr> {
        let (socket, _) = self.all.iter().find(|(_, endpoint)| endpoint.get().name == name)?;
        socket.tcp_address()
    }

    /// The next connection on any of them, with what holds for it.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for offset in 0..self.all.len() {
            let index = first.wrapping_add(offset).checked_rem(self.all.len()).unwrap_or_default();
            let (socket, endpoint) = &self.all[index];
            if let Poll::Ready(accepted) = socket.poll_accept(context) {
                return Poll::Ready(accepted.map(|(stream, peer)| (stream, peer, Arc::clone(endpoint))));
            }
        }
        Poll::Pending
    }

    /// What holds for the connections of each of them.
    pub(super) fn endpoints(&self) -> Vec<Arc<Live<Endpoint>>> {
        self.all.iter().map(|(_, endpoint)| Arc::clone(endpoint)).collect()
    }

    /// Looks at the files of all of them every now and then. Never returns.
    pub(super) async fn keep_fresh(&self) {
        loop {
            let endpoints: Vec<_> = self.all.iter().map(|(_, endpoint)| endpoint.get()).collect();
            tokio::select! {
                _ = futures::future::join_all(endpoints.iter().map(|endpoint| endpoint.keep_fresh())) => {}
                () = self.changed.notified() => {}
            }
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.addresses()).finish()
    }
}
