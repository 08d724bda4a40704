//! The end: what has come is answered, nothing else is taken.

use std::net::SocketAddr;

use forebay::listen;
use forebay::otlp::Signal;
use forebay::receive::{Error, Listeners, Options};
use forebay::units::Span;
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;

use crate::client::{Answer, PROTOBUF, connect_http2, grpc, http, over_http1, over_http2};
use crate::intake::Room;
use crate::payload::logs;
use crate::server::{Server, options};

/// Returns once connections are refused.
async fn until_closed(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_has_come_is_answered_and_new_connections_are_refused() {
    let server = Server::start(options(), Room::Hanging).await;
    let (grpc_address, http_address, intake) = (server.grpc, server.http, server.intake.clone());
    let mut idle = connect_http2(grpc_address).await;
    idle.ready().await.unwrap();
    let silent = TcpStream::connect(http_address).await.unwrap();
    let over_grpc = tokio::spawn(over_http2(grpc_address, grpc(Signal::Logs, &logs(1))));
    let over_http = tokio::spawn(over_http1(http_address, http(Signal::Logs, PROTOBUF, &logs(1))));
    intake.until_waiting(2).await;

    let ended = server.stop();
    until_closed(grpc_address).await;
    until_closed(http_address).await;
    assert!(!ended.is_finished() && !over_grpc.is_finished() && !over_http.is_finished());

    intake.set_room(Room::Plenty);
    assert_eq!(over_grpc.await.unwrap().grpc_status().code(), Code::Ok);
    assert_eq!(over_http.await.unwrap().status, 200);
    // Connections without calls do not keep it.
    ended.await.unwrap();
    assert_eq!(intake.take().len(), 2);
    assert!(idle.send_request(grpc(Signal::Logs, b"")).await.is_err());
    drop(silent);
}

#[tokio::test]
async fn a_call_under_way_when_the_end_is_told_is_not_lost_on_its_connection() {
    let server = Server::start(options(), Room::Hanging).await;
    let intake = server.intake.clone();
    let mut sender = connect_http2(server.grpc).await;
    let first = sender.send_request(grpc(Signal::Logs, &logs(1)));
    let first = tokio::spawn(first);
    intake.until_waiting(1).await;
    let ended = server.stop();
    intake.set_room(Room::Plenty);
    let answer = Answer::read(first.await.unwrap().unwrap()).await;
    assert_eq!(answer.grpc_status().code(), Code::Ok);
    ended.await.unwrap();
}

#[tokio::test]
async fn a_call_that_never_ends_does_not_keep_the_process() {
    let options = Options { finish_within: Span::seconds(0), ..options() };
    let server = Server::start(options, Room::Hanging).await;
    let intake = server.intake.clone();
    let mut sender = connect_http2(server.grpc).await;
    let call = tokio::spawn(sender.send_request(grpc(Signal::Logs, &logs(1))));
    intake.until_waiting(1).await;
    server.stop().await.unwrap();
    intake.until_waiting(0).await;
    assert!(call.await.unwrap().is_err());
    assert_eq!(intake.take(), []);
}

#[tokio::test]
async fn an_address_in_use_is_named_with_its_setting_and_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let in_use = Options { http: address.clone(), ..options() };
    let error = Listeners::bind(&in_use).await.unwrap_err();
    let Error::Listen(listen::Error::Bind { key, .. }) = &error else { panic!("{error}") };
    assert_eq!(key, "receive.http");
    let text = error.to_string();
    assert!(text.contains(&address) && text.contains("choose another port"), "{text}");

    let wrong = Options { grpc: "4317".into(), ..options() };
    let error = Listeners::bind(&wrong).await.unwrap_err();
    assert!(error.to_string().contains("receive.grpc is `4317`"));
}

#[tokio::test]
async fn a_host_may_be_a_name() {
    let named = Options { grpc: "localhost:0".into(), http: "localhost:0".into(), ..options() };
    let server = Server::start(named, Room::Plenty).await;
    for address in server.addresses() {
        assert!(address.ip().is_loopback());
        assert_eq!(over_http1(address, http(Signal::Logs, PROTOBUF, &logs(1))).await.status, 200);
    }
}
