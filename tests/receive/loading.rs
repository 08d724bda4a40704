//! `forebay load` against the receiver, and against far sides that break off.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use forebay::load::{self, Bound, Compression, Error, Options, Report, Requests, Shape};
use forebay::otlp::{Signal, validate};
use forebay::receive::Refusal;
use forebay::send::{self, Protocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::intake::Room;
use crate::ports::unused_address;
use crate::server::{Server, impatient, options as receive_options};

/// Few requests over few connections.
fn options(to: SocketAddr, protocol: Protocol) -> Options {
    Options {
        to: to.to_string(),
        protocol,
        shape: Shape::Small,
        connections: 2,
        bound: Bound::Requests(6),
        ..Options::default()
    }
}

/// So many requests, of which so many were acknowledged, refused, and failed.
fn requests(acknowledged: u64, refused: u64, failed: u64) -> Requests {
    Requests { sent: acknowledged + refused + failed, acknowledged, refused, failed }
}

#[tokio::test]
async fn what_is_reported_is_what_arrived_and_no_two_requests_are_alike() {
    let server = Server::start(receive_options(), Room::Plenty).await;
    let mut bodies: HashSet<Bytes> = HashSet::new();
    for protocol in Protocol::ALL {
        for shape in Shape::ALL {
            for compression in Compression::ALL {
                let case = format!("{protocol} {shape} {compression}");
                // More than there are in the pool, so that some differ by their number only.
                let bound = Bound::Requests(40);
                let options = Options { shape, compression, bound, ..options(server.grpc, protocol) };
                let report = load::run(&options).await.unwrap();
                assert_eq!(
                    (report.requests, report.first_failure.as_deref()),
                    (requests(40, 0, 0), None),
                    "{case}"
                );
                let stored = server.intake.take();
                assert_eq!(stored.len(), 40, "{case}");
                let items: u32 =
                    stored.iter().map(|export| validate(export.signal, &export.body).unwrap()).sum();
                assert_eq!(report.items, u64::from(items), "{case}");
                let bytes: usize = stored.iter().map(|export| export.body.len()).sum();
                // The receiver makes protobuf of JSON, which is longer.
                let is_right = match protocol {
                    Protocol::HttpJson => report.bytes > bytes as u64,
                    _ => report.bytes == bytes as u64,
                };
                assert!(is_right, "{case}: {} and {bytes}", report.bytes);
                for export in stored {
                    assert!(bodies.insert(export.body), "{case}: a request came twice");
                }
            }
        }
    }
}

#[tokio::test]
async fn shapes_are_as_large_as_their_names_say() {
    let server = Server::start(receive_options(), Room::Plenty).await;
    for (shape, items, sizes) in [
        (Shape::Logs, 1_000..=1_000, 340_000..=380_000),
        (Shape::ClaudeCode, 3..=7, 1_900..=6_000),
        (Shape::Large, 280..=280, 95_000..=105_000),
        (Shape::Small, 10..=10, 3_500..=4_500),
    ] {
        load::run(&Options { shape, ..options(server.grpc, Protocol::Grpc) }).await.unwrap();
        for export in server.intake.take() {
            assert!(sizes.contains(&export.body.len()), "{shape}: {}", export.body.len());
            assert!(items.contains(&validate(export.signal, &export.body).unwrap()), "{shape}");
        }
    }
    let own = Options { records: Some(3), record_bytes: Some(1_000), ..options(server.grpc, Protocol::Grpc) };
    let report = load::run(&own).await.unwrap();
    assert_eq!(report.items, 18);
    assert!((15_000..23_000).contains(&report.bytes), "{}", report.bytes);
}

#[tokio::test]
async fn claude_code_sends_logs_and_metrics() {
    let server = Server::start(receive_options(), Room::Plenty).await;
    let options = Options { shape: Shape::ClaudeCode, ..options(server.grpc, Protocol::Grpc) };
    load::run(&options).await.unwrap();
    let stored = server.intake.take();
    for signal in [Signal::Logs, Signal::Metrics] {
        assert_eq!(stored.iter().filter(|export| export.signal == signal).count(), 3, "{signal}");
    }
}

#[tokio::test]
async fn as_many_requests_are_under_way_as_were_asked_for() {
    let server = Server::start(receive_options(), Room::None).await;
    for (protocol, connections, in_flight) in [(Protocol::Grpc, 2, Some(7)), (Protocol::HttpJson, 5, None)] {
        let bound = Bound::Requests(20);
        let options = Options { connections, in_flight, bound, ..options(server.grpc, protocol) };
        server.intake.set_room(Room::None);
        let running = tokio::spawn(async move { load::run(&options).await });
        server.intake.until_waiting(in_flight.unwrap_or(connections)).await;
        server.intake.set_room(Room::Plenty);
        let report = running.await.unwrap().unwrap();
        assert_eq!((report.requests, server.intake.take().len()), (requests(20, 0, 0), 20), "{protocol}");
    }
}

#[tokio::test]
async fn a_stall_is_in_the_latency_of_every_request_that_it_delayed() {
    const STALL: Duration = Duration::from_millis(500);
    let server = Server::start(receive_options(), Room::None).await;
    for protocol in Protocol::ALL {
        // One due every 10 ms, and nobody but one to send them.
        let (bound, rate) = (Bound::Requests(40), Some(100));
        let options = Options { connections: 1, bound, rate, ..options(server.grpc, protocol) };
        server.intake.set_room(Room::None);
        let running = tokio::spawn(async move { load::run(&options).await });
        server.intake.until_waiting(1).await;
        tokio::time::sleep(STALL).await;
        server.intake.set_room(Room::Plenty);
        let Report { requests: sent, latency_ms, .. } = running.await.unwrap().unwrap();
        server.intake.take();
        assert_eq!(sent, requests(40, 0, 0), "{protocol}");
        // The 21st was due 200 ms after the beginning, and the stall ended 500 ms after it or later.
        assert!(latency_ms.p50 >= 290.0, "{protocol}: {latency_ms:?}");
        assert!(latency_ms.max >= 499.0, "{protocol}: {latency_ms:?}");
    }
}

#[tokio::test]
async fn at_a_rate_as_many_are_sent_as_are_due_in_the_time() {
    let server = Server::start(receive_options(), Room::Plenty).await;
    let bound = Bound::Duration(Duration::from_millis(300));
    for protocol in Protocol::ALL {
        let options = Options { bound, rate: Some(200), ..options(server.grpc, protocol) };
        let report = load::run(&options).await.unwrap();
        assert_eq!((report.requests, server.intake.take().len()), (requests(60, 0, 0), 60), "{protocol}");
        // The last was due 5 ms before the end.
        assert!(report.seconds >= 0.295, "{protocol}: {}", report.seconds);
    }
}

#[tokio::test]
async fn refusals_are_counted_and_told_in_the_words_of_the_far_side() {
    let server = Server::start(impatient(), Room::Refusing(Refusal::DiskFull)).await;
    for protocol in Protocol::ALL {
        let report = load::run(&options(server.grpc, protocol)).await.unwrap();
        assert_eq!((report.requests, report.items, report.bytes), (requests(0, 6, 0), 0, 0), "{protocol}");
        assert!(!report.is_complete());
        let why = report.first_refusal.unwrap();
        assert!(why.contains("the disk budget is used up"), "{protocol}: {why}");
        assert_eq!(report.first_failure, None, "{protocol}");
    }
}

#[tokio::test]
async fn what_is_no_refusal_is_a_failure_and_told_as_well() {
    let server = Server::start(receive_options(), Room::Plenty).await;
    for (protocol, words) in
        [(Protocol::Grpc, "Unimplemented: "), (Protocol::HttpProtobuf, "404 Not Found: ")]
    {
        let to = format!("http://{}/nowhere", server.grpc);
        let report = load::run(&Options { to, ..options(server.grpc, protocol) }).await.unwrap();
        assert_eq!(report.requests, requests(0, 0, 6), "{protocol}");
        let why = report.first_failure.unwrap();
        assert!(why.starts_with(words), "{protocol}: {why}");
    }
}

#[tokio::test]
async fn a_far_side_that_does_not_answer_in_time_is_a_failure() {
    let server = Server::start(receive_options(), Room::Hanging).await;
    for protocol in Protocol::ALL {
        let timeout = Duration::from_millis(50);
        let report = load::run(&Options { timeout, ..options(server.grpc, protocol) }).await.unwrap();
        assert_eq!(report.requests, requests(0, 0, 6), "{protocol}");
        let why = report.first_failure.unwrap();
        assert_eq!(why, format!("{} did not answer within 0.05 s", server.grpc), "{protocol}");
    }
}

#[tokio::test]
async fn an_address_where_nothing_listens_is_told_in_plain_words() {
    let closed = unused_address();
    for protocol in Protocol::ALL {
        let error = load::run(&options(closed, protocol)).await.unwrap_err();
        assert!(matches!(error, Error::Connection(send::Error::NobodyListens { .. })), "{error:?}");
        let expected = format!(
            "nothing listens on {closed}: is the receiver running? a forebay is started with `forebay`"
        );
        assert_eq!(error.to_string(), expected);
    }
}

/// Takes connections, reads a whole request of HTTP/1.1 from each, and writes this. Counts the connections.
async fn breaking_off(answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, counted) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let connections = Arc::clone(&counted);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections.fetch_add(1, Ordering::Relaxed);
            let mut received = Vec::new();
            while !is_whole(&received) && stream.read_buf(&mut received).await.unwrap_or(0) > 0 {}
            // The client may have gone away meanwhile.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, counted)
}

/// Whether this is a request with all the bytes that it announces.
fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some(body) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    received.len() - body - 4 >= length.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_connection_that_was_closed_is_made_anew_and_nothing_is_lost_by_it() {
    let (address, connections) =
        breaking_off("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    let options = Options { connections: 1, ..options(address, Protocol::HttpProtobuf) };
    let report = load::run(&options).await.unwrap();
    assert_eq!((report.requests, report.first_failure), (requests(6, 0, 0), None));
    assert_eq!(connections.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_request_whose_connection_breaks_has_failed_and_is_not_sent_again() {
    let (address, connections) = breaking_off("").await;
    let options = Options { connections: 1, ..options(address, Protocol::HttpProtobuf) };
    let report = load::run(&options).await.unwrap();
    assert_eq!(report.requests, requests(0, 0, 6));
    let why = report.first_failure.unwrap();
    assert!(why.starts_with(&format!("the connection to {address} failed: ")), "{why}");
    assert_eq!(connections.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_call_whose_connection_breaks_has_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The preface of HTTP/2 and what comes with it; then it goes away.
            let _ = stream.read(&mut [0; 24]).await;
        }
    });
    let report = load::run(&options(address, Protocol::Grpc)).await.unwrap();
    assert_eq!(report.requests, requests(0, 0, 6));
    assert!(report.first_failure.unwrap().starts_with(&format!("the connection to {address} failed: ")));
}
