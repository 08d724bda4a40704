//! The two addresses on which clients are expected, bound.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

use super::{Error, Options};

/// Both addresses, bound. That an address is in use is found out before anything behind it is opened.
#[derive(Debug)]
pub struct Listeners {
    grpc: Listener,
    http: Listener,
}

impl Listeners {
    /// Listens on both addresses; connections wait there until a [`Receiver`](super::Receiver) runs.
    ///
    /// # Errors
    /// When a setting is wrong or an address cannot be listened on.
    pub async fn bind(options: &Options) -> Result<Self, Error> {
        options.validate().map_err(Error::Options)?;
        let grpc = Listener::bind("receive.grpc", &options.grpc).await?;
        let http = Listener::bind("receive.http", &options.http).await?;
        Ok(Self { grpc, http })
    }

    /// The address that `receive.grpc` came to, with the port the system chose if it was 0.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc.address
    }

    /// The address that `receive.http` came to, with the port the system chose if it was 0.
    pub fn http_address(&self) -> SocketAddr {
        self.http.address
    }

    /// The next connection on either.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        tokio::select! {
            accepted = self.grpc.accept() => accepted,
            accepted = self.http.accept() => accepted,
        }
    }
}

/// A socket that takes connections.
#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Connections that wait to be accepted, as far as the system allows (`net.core.somaxconn`). As many machines as there are
/// may come at once, after a restart say, and a connection for which there is no place here is one that hangs.
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // So that a restart need not wait for the connections of the process before it to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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
        let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
        for candidate in candidates {
            outcome = listen(candidate);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.socket.accept().await?;
        // Answers are small and must not wait for more to come. This fails if the client is gone already, which is
        // found out soon enough.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }
}
