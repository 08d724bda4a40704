//! The port that the program connects to.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Shared;
use super::exchange;

/// What the port does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    Closed,
    HalfOpen,
}

/// A port that stays ours while nobody listens on it: a socket that is bound and does not listen.
#[derive(Debug)]
pub(super) struct Port(TcpSocket);

/// No more of a request is read ahead of the pace of the line; the least that hyper takes is 8 KiB.
const READ_AHEAD_BYTES: usize = 16 << 10;
/// No more of it lies in the system, so that the program feels the pace of the line.
const BUFFER_BYTES: u32 = 64 << 10;

impl Port {
    pub(super) fn reserve() -> Self {
        Self(socket(SocketAddr::from(([127, 0, 0, 1], 0))))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(super) fn listen(&self) -> TcpListener {
        socket(self.address()).listen(64).unwrap()
    }
}

/// A socket that is bound to an address that others of its kind may share.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.set_recv_buffer_size(BUFFER_BYTES).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// Listens, or not, as it is told.
pub(super) async fn keep(
    port: Port,
    listener: TcpListener,
    mut told: watch::Receiver<Door>,
    shared: Arc<Shared>,
) {
    let mut listener = Some(listener);
    loop {
        let door = *told.borrow_and_update();
        if door == Door::Closed {
            listener = None;
            if told.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listening = listener.take().unwrap_or_else(|| port.listen());
        // They are reset when they are dropped.
        let mut held = Vec::new();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                turned = told.changed() => match turned {
                    Ok(()) => break,
                    Err(_) => return,
                },
                accepted = listening.accept() => {
                    let Ok((stream, _)) = accepted else { return };
                    // A connection that is dropped is reset, not ended.
                    stream.set_zero_linger().unwrap();
                    match door {
                        Door::HalfOpen => held.push(stream),
                        _ => drop(connections.spawn(serve(stream, Arc::clone(&shared)))),
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| exchange::exchange(Arc::clone(&shared), request));
    // A connection that breaks is what this is for.
    let _ = http1::Builder::new()
        .max_buf_size(READ_AHEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
