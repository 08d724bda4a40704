//! Ports that nobody else is given.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// An address at which nothing listens but the server that is told of it.
///
/// It is kept until this process ends, also while that server is away: a port that was only seen to be free may be given
/// to another server meanwhile. A socket that is bound and never listens sees to that, and servers that set
/// `SO_REUSEADDR`, as they all do, can listen beside it.
pub(crate) fn unused_address() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}
