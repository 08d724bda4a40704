//! Calls for which there is no room are held, and refused only when their patience ends.

use std::time::{Duration, Instant};

use forebay::otlp::Signal;
use forebay::receive::Options;
use forebay::units::{ByteSize, Span};
use tonic::Code;
use tonic_types::StatusExt;

use crate::client::{PROTOBUF, grpc, http, over_http1, over_http2};
use crate::intake::Room;
use crate::payload::logs;
use crate::server::{Server, options};

fn holding(milliseconds: u64) -> Options {
    Options { hold_before_refusing: Span(Duration::from_millis(milliseconds)), ..options() }
}

#[tokio::test]
async fn a_call_that_gets_room_while_it_is_held_is_acknowledged() {
    let server = Server::start(holding(60_000), Room::None).await;
    let (address, body) = (server.grpc, logs(1));
    let grpc_call = tokio::spawn(over_http2(address, grpc(Signal::Logs, &body)));
    let http_call = tokio::spawn(over_http1(address, http(Signal::Logs, PROTOBUF, &body)));
    server.intake.until_waiting(2).await;
    assert!(!grpc_call.is_finished() && !http_call.is_finished());
    server.intake.set_room(Room::Plenty);
    assert_eq!(grpc_call.await.unwrap().grpc_status().code(), Code::Ok);
    assert_eq!(http_call.await.unwrap().status, 200);
    assert_eq!(server.intake.take().len(), 2);
}

#[tokio::test]
async fn a_call_that_gets_no_room_is_told_to_come_back() {
    let server = Server::start(holding(50), Room::None).await;
    let begun = Instant::now();
    let status = over_http2(server.grpc, grpc(Signal::Logs, &logs(1))).await.grpc_status();
    assert!(begun.elapsed() >= Duration::from_millis(50));
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().is_some());
    let answer = over_http1(server.http, http(Signal::Logs, PROTOBUF, &logs(1))).await;
    assert_eq!(answer.status, 503);
    assert!(matches!(answer.header("retry-after"), Some("1" | "2")), "{:?}", answer.headers);
    assert_eq!(server.intake.take(), []);
}

#[tokio::test]
async fn a_call_is_not_held_beyond_its_own_deadline() {
    let server = Server::start(holding(60_000), Room::None).await;
    let mut call = grpc(Signal::Logs, &logs(1));
    call.headers_mut().insert("grpc-timeout", "1050m".parse().unwrap());
    let begun = Instant::now();
    let status = over_http2(server.grpc, call).await.grpc_status();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(30), "refused with time to spare");
}

#[tokio::test]
async fn more_than_fits_into_memory_is_told_to_come_back_and_others_are_let_in_when_it_goes() {
    let options = Options {
        max_request_bytes: ByteSize::kib(64),
        max_inflight_bytes: ByteSize::kib(128),
        ..holding(50)
    };
    let server = Server::start(options, Room::Hanging).await;
    let (address, large) = (server.grpc, logs(63 << 10));
    let held: Vec<_> =
        (0..2).map(|_| tokio::spawn(over_http2(address, grpc(Signal::Logs, &large)))).collect();
    server.intake.until_waiting(2).await;

    let status = over_http2(address, grpc(Signal::Logs, &large)).await.grpc_status();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "too much is being received at once");
    assert!(status.get_details_retry_info().is_some());
    let answer = over_http1(address, http(Signal::Logs, PROTOBUF, &large)).await;
    assert_eq!(answer.status, 503);
    assert!(matches!(answer.header("retry-after"), Some("1" | "2")), "{:?}", answer.headers);

    server.intake.set_room(Room::Plenty);
    for call in held {
        assert_eq!(call.await.unwrap().grpc_status().code(), Code::Ok);
    }
    let answer = over_http1(address, http(Signal::Logs, PROTOBUF, &large)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.intake.take().len(), 3);
}
