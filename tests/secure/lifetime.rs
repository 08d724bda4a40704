//! When connections end that their clients do not close.

use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::otlp::Signal;
use forebay::receive::{ConnectionOptions, Options};
use forebay::units::{Span, SpanOrOff};
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{AT_LAST, Answer, PROTOBUF, http};
use crate::intake::Room;
use crate::payload::logs;
use crate::server::{Server, options};

async fn server(connection: ConnectionOptions) -> Server {
    Server::start(Options { connection, ..options() }, Room::Plenty).await
}

/// How long it takes until the server ends this connection.
async fn until_ended(client: &mut TcpStream) -> Duration {
    let began = Instant::now();
    let mut said = Vec::new();
    let _ = timeout(AT_LAST, client.read_to_end(&mut said)).await.expect("it is ended");
    assert!(said.is_empty(), "{said:?}");
    began.elapsed()
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_its_connection_and_silence_does_not() {
    let options = ConnectionOptions { header_timeout: Span::seconds(1), ..ConnectionOptions::default() };
    let server = server(options).await;
    let mut silent = TcpStream::connect(server.http).await.unwrap();
    let mut slow = TcpStream::connect(server.http).await.unwrap();
    slow.write_all(b"POST /v1/logs HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let took = until_ended(&mut slow).await;
    assert!((700..10_000).contains(&took.as_millis()), "{took:?}");

    // Every byte is in time, and all of them together are not.
    let mut trickling = TcpStream::connect(server.http).await.unwrap();
    let began = Instant::now();
    while trickling.write_all(b"x").await.is_ok() && began.elapsed() < AT_LAST {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());

    silent.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut said = [0; 12];
    timeout(AT_LAST, silent.read_exact(&mut said)).await.expect("it is answered").unwrap();
    assert_eq!(&said, b"HTTP/1.1 404");
}

#[tokio::test]
async fn a_connection_without_requests_ends_over_both_versions() {
    let options = ConnectionOptions { idle_timeout: SpanOrOff::seconds(1), ..ConnectionOptions::default() };
    let server = server(options).await;
    let mut silent = TcpStream::connect(server.http).await.unwrap();
    let stream = TokioIo::new(TcpStream::connect(server.http).await.unwrap());
    let (mut over_1, ends_1) = http1::handshake::<_, Full<Bytes>>(stream).await.unwrap();
    let ends_1 = tokio::spawn(ends_1);
    let stream = TokioIo::new(TcpStream::connect(server.grpc).await.unwrap());
    let (mut over_2, ends_2) =
        http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), stream).await.unwrap();
    let ends_2 = tokio::spawn(ends_2);
    let request = || http(Signal::Logs, PROTOBUF, &logs(1));
    assert_eq!(Answer::read(over_1.send_request(request()).await.unwrap()).await.status, 200);
    assert_eq!(Answer::read(over_2.send_request(request()).await.unwrap()).await.status, 200);
    until_ended(&mut silent).await;
    timeout(AT_LAST, ends_1).await.expect("it is ended").unwrap().unwrap();
    timeout(AT_LAST, ends_2).await.expect("it is ended").unwrap().unwrap();
}

#[tokio::test]
async fn an_old_http1_connection_ends_with_an_answer_that_says_so() {
    let options = ConnectionOptions { max_age: SpanOrOff::seconds(1), ..ConnectionOptions::default() };
    let server = server(options).await;
    let stream = TokioIo::new(TcpStream::connect(server.http).await.unwrap());
    let (mut client, ends) = http1::handshake::<_, Full<Bytes>>(stream).await.unwrap();
    let ends = tokio::spawn(ends);
    let mut answers = 0;
    let last = loop {
        client.ready().await.expect("it ends with an answer, and not between two");
        let answer =
            Answer::read(client.send_request(http(Signal::Logs, PROTOBUF, &logs(1))).await.unwrap()).await;
        assert_eq!(answer.status, 200);
        answers += 1;
        if answer.header("connection") == Some("close") {
            break answers;
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert!((2..500).contains(&last), "{last}");
    timeout(AT_LAST, ends).await.expect("it is ended").unwrap().unwrap();
    assert_eq!(server.intake.take().len(), answers);
}
