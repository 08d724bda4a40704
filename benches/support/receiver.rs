//! A receiver on a port of the system's choice.

use forebay::receive::{Intake, Listeners, Options, Receiver};

/// Receives on a port of 127.0.0.1 for as long as the runtime lives, gRPC and HTTP alike. Returns the port.
pub(crate) async fn start(intake: impl Intake) -> u16 {
    let options = Options { grpc: "127.0.0.1:0".to_owned(), http: "off".to_owned(), ..Options::default() };
    let listeners = Listeners::bind(&options).await.unwrap();
    let port = listeners.tcp_address("grpc").unwrap().port();
    let receiver = Receiver::new(options, listeners, intake).unwrap();
    tokio::spawn(receiver.run(std::future::pending()));
    port
}
