//! What those may send who have credentials.

use std::collections::BTreeMap;

use bytes::Bytes;
use forebay::listen::auth::{AuthOptions, Token, WhenFull};
use forebay::otlp::Signal;
use forebay::receive::Options;
use forebay::secret::Secret;
use forebay::units::{ByteSize, Span};
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::client::{PROTOBUF, grpc, http, http_compressed, over_http1, over_http2};
use crate::intake::Room;
use crate::payload::{gzip, logs};
use crate::server::{Server, options};

async fn server(token: Token) -> Server {
    let token = Token { token: Some(Secret::from("t")), ..token };
    let tokens = BTreeMap::from([("t".to_owned(), token)]);
    let auth = AuthOptions { tokens, ..AuthOptions::default() };
    Server::start(Options { auth, hold_before_refusing: Span::seconds(5), ..options() }, Room::Plenty).await
}

fn mine(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().insert("authorization", "Bearer t".parse().unwrap());
    request
}

#[tokio::test]
async fn a_request_may_be_as_large_as_its_credentials_allow_also_decompressed() {
    let server = server(Token { max_request_bytes: Some(ByteSize::kib(4)), ..Token::default() }).await;
    let (small, large) = (logs(4000), logs(5000));
    assert_eq!(over_http1(server.http, mine(http(Signal::Logs, PROTOBUF, &small))).await.status, 200);
    for request in
        [http(Signal::Logs, PROTOBUF, &large), http_compressed(Signal::Logs, PROTOBUF, "gzip", &gzip(&large))]
    {
        let answer = over_http1(server.http, mine(request)).await;
        assert_eq!(answer.status, 413);
        assert!(answer.rpc_status().1.contains("which is 4KiB"), "{answer:?}");
    }
    let answer = over_http2(server.grpc, mine(grpc(Signal::Logs, &large))).await;
    assert_eq!(answer.grpc_status().code(), Code::ResourceExhausted);
    assert_eq!(server.intake.take().len(), 1);
}

#[tokio::test]
async fn what_comes_faster_than_credentials_allow_is_refused_and_told_when_to_come_back() {
    let limit =
        Token { bytes_per_second: Some(ByteSize::kib(1)), when_full: WhenFull::Refuse, ..Token::default() };
    let server = server(limit).await;
    // As it is uncompressed: ten seconds' worth.
    let large = gzip(&logs(10 << 10));
    let sent = over_http1(server.http, mine(http_compressed(Signal::Logs, PROTOBUF, "gzip", &large))).await;
    assert_eq!(sent.status, 200);
    let answer = over_http1(server.http, mine(http(Signal::Logs, PROTOBUF, &logs(1)))).await;
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert_eq!((answer.status, answer.rpc_status().0), (429, i64::from(i32::from(Code::Unavailable))));
    assert!((8..=10).contains(&seconds), "{seconds}");
    let status = over_http2(server.grpc, mine(grpc(Signal::Logs, &logs(1)))).await.grpc_status();
    let delay = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert!((8..=10).contains(&delay.as_secs()), "{delay:?}");
}

#[tokio::test]
async fn what_comes_a_little_faster_is_held_until_it_is_due() {
    let server = server(Token { bytes_per_second: Some(ByteSize::kib(2)), ..Token::default() }).await;
    let send =
        async || over_http1(server.http, mine(http(Signal::Logs, PROTOBUF, &logs(3 << 10)))).await.status;
    let began = Instant::now();
    assert_eq!(send().await, 200);
    assert!(began.elapsed().as_millis() < 400, "the first one at once");
    assert_eq!(send().await, 200);
    assert!(began.elapsed().as_millis() >= 450, "the second when the first is over: {:?}", began.elapsed());
}
