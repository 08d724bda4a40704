//! Size limits, and clients that do not keep to the rules.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use forebay::otlp::Signal;
use forebay::receive::Options;
use forebay::units::{ByteSize, Span};
use futures::stream;
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;
use tonic_types::StatusExt;

use crate::client::{
    AT_LAST, Answer, JSON, PROTOBUF, grpc, grpc_compressed, http, http_compressed, over_http1, over_http2,
};
use crate::intake::Room;
use crate::payload::{self, compressed, logs, logs_json, zstd};
use crate::server::{Server, options};

fn assert_too_large(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 413, "{what}");
    assert_eq!(answer.rpc_status().0, 8, "{what}: RESOURCE_EXHAUSTED");
    assert_eq!(answer.header("retry-after"), None, "{what}");
}

fn assert_exhausted(answer: &Answer, what: &str) {
    let status = answer.grpc_status();
    assert_eq!(status.code(), Code::ResourceExhausted, "{what}");
    assert!(status.get_details_retry_info().is_none(), "{what}: it would be sent again for ever");
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_for_good_before_and_after_decompression() {
    let server = Server::start(options(), Room::Plenty).await;
    let limit = 1 << 20;
    let (fits, large, json) = (logs(limit - 100), logs(limit), logs_json(limit));
    for address in server.addresses() {
        let answer = over_http2(address, grpc(Signal::Logs, &large)).await;
        assert_exhausted(&answer, "as sent");
        for (encoding, bytes) in compressed(&large) {
            let answer = over_http2(address, grpc_compressed(Signal::Logs, encoding, &bytes)).await;
            assert_exhausted(&answer, encoding);
            for media_type in [PROTOBUF, JSON] {
                let request = http_compressed(Signal::Logs, media_type, encoding, &bytes);
                assert_too_large(&over_http1(address, request).await, encoding);
            }
        }
        let answer = over_http1(address, http(Signal::Logs, PROTOBUF, &large)).await;
        assert_too_large(&answer, "protobuf as sent");
        let answer = over_http1(address, http(Signal::Logs, JSON, &json)).await;
        assert_too_large(&answer, "JSON as sent");

        assert!(over_http2(address, grpc(Signal::Logs, &fits)).await.grpc_status().code() == Code::Ok);
        let mut requests = compressed(&fits);
        requests.push(("identity", fits.clone()));
        for (encoding, bytes) in &requests {
            let request = http_compressed(Signal::Logs, PROTOBUF, encoding, bytes);
            assert_eq!(over_http1(address, request).await.status, 200, "{encoding}");
        }
        let stored = server.intake.take();
        assert_eq!(stored.len(), 1 + requests.len());
        assert!(stored.iter().all(|export| export.body == fits), "a large one is stored as it was sent");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_taken_up_to_the_limit() {
    let server = Server::start(options(), Room::Plenty).await;
    for (text_bytes, status) in [(0, 200), (500_000, 200), (2_000_000, 413)] {
        let body = logs(text_bytes);
        let frames: Vec<_> = body
            .chunks(10_000)
            .map(|chunk| Ok::<_, std::convert::Infallible>(Frame::data(Bytes::copy_from_slice(chunk))))
            .collect();
        let request = Request::post("/v1/logs")
            .header("host", "forebay")
            .header("content-type", PROTOBUF)
            .body(StreamBody::new(stream::iter(frames)))
            .unwrap();
        let stream = TcpStream::connect(server.http).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let answer = Answer::read(sender.send_request(request).await.unwrap()).await;
        assert_eq!(answer.status, status, "{text_bytes}");
        let stored = server.intake.take();
        assert_eq!(stored.len(), usize::from(status == 200));
        assert!(stored.iter().all(|export| export.body == body));
    }
}

/// The most memory that this process ever used, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_decompression_bomb_stops_at_the_limit() {
    let server = Server::start(options(), Room::Plenty).await;
    // A bomb larger than the limit as it is would not be opened at all. Snappy makes zeros twenty times shorter at best.
    let mut bombs = payload::bombs(1024, 8 << 20);
    bombs.extend(payload::bombs(128, 8 << 20).into_iter().filter(|(encoding, _)| *encoding == "snappy"));
    assert_eq!(bombs.len(), 6);
    let before = peak_memory();
    for (encoding, bomb) in &bombs {
        let options = Options {
            max_request_bytes: ByteSize::mib(8),
            max_inflight_bytes: ByteSize::mib(32),
            ..options()
        };
        let roomy = Server::start(options, Room::Plenty).await;
        for server in [&server, &roomy] {
            let call = grpc_compressed(Signal::Logs, encoding, bomb);
            assert_exhausted(&over_http2(server.grpc, call).await, encoding);
            for media_type in [PROTOBUF, JSON] {
                let request = http_compressed(Signal::Logs, media_type, encoding, bomb);
                assert_too_large(&over_http1(server.http, request).await, encoding);
            }
        }
    }
    let grown = peak_memory() - before;
    assert!(grown < 256 * 1024, "memory grew by {grown} KiB, for 1 GiB in each of dozens of requests");
}

#[tokio::test]
async fn bombs_that_need_more_and_more_memory_do_not_wait_for_each_other() {
    // Each has some of the memory, and wants most of it.
    let options = Options {
        max_inflight_bytes: ByteSize(5 << 19),
        hold_before_refusing: Span::seconds(60),
        ..options()
    };
    let server = Server::start(options, Room::Plenty).await;
    let bomb = zstd(&vec![0; 32 << 20]);
    let calls: Vec<_> = (0..16)
        .map(|_| tokio::spawn(over_http2(server.grpc, grpc_compressed(Signal::Logs, "zstd", &bomb))))
        .collect();
    for call in calls {
        assert_exhausted(&call.await.unwrap(), "answered without having been held");
    }
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_gets_it_or_its_refusal() {
    let server = Server::start(options(), Room::Plenty).await;
    let body = logs(1000);
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    let head = |length: usize| {
        format!(
            "POST /v1/logs HTTP/1.1\r\nhost: forebay\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {length}\r\n\
             expect: 100-continue\r\n\r\n"
        )
    };
    stream.write_all(head(body.len()).as_bytes()).await.unwrap();
    let mut leave = [0; 25];
    stream.read_exact(&mut leave).await.unwrap();
    assert_eq!(&leave, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&body).await.unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    assert_eq!(server.intake.take().len(), 1);

    let mut stream = TcpStream::connect(server.http).await.unwrap();
    stream.write_all(head(2 << 20).as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413", "without having been sent a byte of it");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_refused_before_it_takes_much_memory() {
    let server = Server::start(options(), Room::Plenty).await;
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    stream.write_all(b"POST /v1/logs HTTP/1.1\r\nhost: forebay\r\nx: ").await.unwrap();
    stream.write_all(&vec![b'x'; 80 << 10]).await.unwrap();
    let mut answer = [0; 12];
    timeout(AT_LAST, stream.read_exact(&mut answer)).await.expect("it is not read on").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");

    let mut request = http(Signal::Logs, PROTOBUF, &logs(1));
    request.headers_mut().insert("x", "x".repeat(40 << 10).parse().unwrap());
    assert_eq!(over_http1(server.http, request).await.status, 200, "a long head is none without end");
}

#[tokio::test]
async fn a_request_that_was_sent_half_blocks_nobody_and_is_interrupted_in_the_end() {
    let options = Options { stalled_after: Span::seconds(1), ..options() };
    let server = Server::start(options, Room::Plenty).await;
    let body = logs(1000);
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: forebay\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut slow = TcpStream::connect(server.http).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&body[..500]).await.unwrap();

    for _ in 0..3 {
        assert_eq!(over_http1(server.http, http(Signal::Logs, PROTOBUF, &body)).await.status, 200);
    }
    assert_eq!(server.intake.take().len(), 3);

    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    assert_eq!(server.intake.take(), [], "half a request is none");
}

#[tokio::test]
async fn a_body_that_trickles_is_interrupted_and_gives_its_memory_back() {
    // Each trickling body takes half of the memory, and never stands still for long.
    let options = Options {
        max_inflight_bytes: ByteSize::mib(2),
        stalled_after: Span::seconds(1),
        hold_before_refusing: Span::seconds(0),
        ..options()
    };
    let server = Server::start(options, Room::Plenty).await;
    let mut over_http = TcpStream::connect(server.http).await.unwrap();
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: forebay\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
        1 << 20
    );
    over_http.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = over_http.into_split();
    let http_trickle = tokio::spawn(async move {
        // Writing fails once the answer was given.
        while writing.write_all(b"\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let prefix = Bytes::from_static(&[0, 0, 0x10, 0, 0]);
    let grpc_trickle = stream::unfold(prefix, |next| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, std::convert::Infallible>(Frame::data(next)), Bytes::from_static(b"\n")))
    });
    let (parts, _) = grpc(Signal::Logs, b"").into_parts();
    let request = Request::from_parts(parts, StreamBody::new(Box::pin(grpc_trickle)));
    let stream = TcpStream::connect(server.grpc).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);

    let answer =
        timeout(AT_LAST, sender.send_request(request)).await.expect("it is not waited for without end");
    let status = Answer::read(answer.unwrap()).await.grpc_status();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.get_details_retry_info().is_some(), "the client keeps its data: {status}");
    // The connection is reset behind the answer, for there was more to read.
    let mut answer = Vec::new();
    let _ = timeout(AT_LAST, reading.read_to_end(&mut answer)).await.expect("nor is this one");
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    http_trickle.await.unwrap();

    let large = logs((1 << 20) - 100);
    assert_eq!(over_http1(server.http, http(Signal::Logs, PROTOBUF, &large)).await.status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let server = Server::start(options(), Room::Hanging).await;
    let address = server.grpc;
    let calls: Vec<_> = (0..3)
        .map(|_| tokio::spawn(async move { over_http2(address, grpc(Signal::Logs, &logs(1))).await }))
        .collect();
    let body = logs(1);
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: forebay\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut over_http1 = TcpStream::connect(address).await.unwrap();
    over_http1.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    server.intake.until_waiting(4).await;
    for call in &calls {
        call.abort();
    }
    drop(over_http1);
    server.intake.until_waiting(0).await;
    server.intake.set_room(Room::Plenty);
    let answer = over_http2(address, grpc(Signal::Logs, &logs(1))).await;
    assert_eq!(answer.grpc_status().code(), Code::Ok);
    assert_eq!(server.intake.take().len(), 1, "a call that was dropped is not stored later");
}
