//! A receiver that runs beside a test.

use std::net::SocketAddr;

use forebay::receive::{Listeners, Options, Receiver};
use forebay::units::{ByteSize, Span};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::intake::{Memory, Room};

pub(crate) struct Server {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) intake: Memory,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// Settings for tests: ports of the system's choice, small limits.
pub(crate) fn options() -> Options {
    Options {
        grpc: "127.0.0.1:0".into(),
        http: "127.0.0.1:0".into(),
        max_request_bytes: ByteSize::mib(1),
        max_inflight_bytes: ByteSize::mib(8),
        ..Options::default()
    }
}

/// Calls that find no room are refused at once.
pub(crate) fn impatient() -> Options {
    Options { hold_before_refusing: Span::seconds(0), ..options() }
}

impl Server {
    pub(crate) async fn start(options: Options, room: Room) -> Self {
        let intake = Memory::with(room);
        let listeners = Listeners::bind(&options).await.unwrap();
        let (grpc, http) = (listeners.tcp_address("grpc").unwrap(), listeners.tcp_address("http").unwrap());
        let receiver = Receiver::new(options, listeners, intake.clone()).unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(receiver.run(async {
            // The sender is dropped when a test ends early.
            let _ = stopped.await;
        }));
        Self { grpc, http, intake, stop, running }
    }

    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        [self.grpc, self.http]
    }

    /// Asks the receiver to end; the handle tells when it has.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.running
    }
}
