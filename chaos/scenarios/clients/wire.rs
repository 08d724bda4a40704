//! Requests as bytes, and what comes back for them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use forebay::otlp::Signal;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{self, JSON, PROTOBUF, framed, over_http1, over_http2};
use crate::world::clients::to_json;
use crate::world::ledger::Numbered;
use crate::world::random::Random;
use crate::world::telemetry::request;

/// What has not happened by then never will.
pub(super) const AT_LAST: Duration = Duration::from_mins(2);

/// The three ways to send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Grpc,
    Protobuf,
    Json,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::Grpc, Self::Protobuf, Self::Json];

    /// An export as it goes this way, before compression.
    pub(super) fn encode(self, export: &Numbered) -> Vec<u8> {
        match self {
            Self::Json => to_json(&request(export)),
            Self::Grpc | Self::Protobuf => request(export).to_protobuf(),
        }
    }

    /// A request with this body; `compression` is what is said of it.
    pub(super) fn request(
        self,
        signal: Signal,
        body: &[u8],
        compression: Option<&str>,
    ) -> Request<Full<Bytes>> {
        match (self, compression) {
            (Self::Grpc, None) => client::grpc(signal, body),
            (Self::Grpc, Some(name)) => client::grpc_compressed(signal, name, body),
            (_, None) => client::http(signal, self.media_type(), body),
            (_, Some(name)) => client::http_compressed(signal, self.media_type(), name, body),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Grpc => "application/grpc",
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        }
    }

    /// Sends a request on a connection of its own. Says how it was answered, in the words of gRPC.
    pub(super) async fn send(self, to: SocketAddr, request: Request<Full<Bytes>>) -> tonic::Code {
        if self == Self::Grpc {
            return over_http2(to, request).await.grpc_status().code();
        }
        let answer = over_http1(to, request).await;
        match (answer.status, answer.header("retry-after")) {
            (200, None) => tonic::Code::Ok,
            (503, Some(_)) => tonic::Code::Unavailable,
            (400, None) => tonic::Code::InvalidArgument,
            (413, None) => tonic::Code::ResourceExhausted,
            (404 | 405 | 415, None) => tonic::Code::Unimplemented,
            _ => panic!("{answer:?}"),
        }
    }
}

/// The head of a POST over HTTP/1.1 that announces so many bytes.
pub(super) fn head(way: Way, signal: Signal, length: usize) -> Vec<u8> {
    let path = if way == Way::Grpc { "/".to_owned() } else { signal.path().to_owned() };
    let media_type = way.media_type();
    format!("POST {path} HTTP/1.1\r\nhost: forebay\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n")
        .into_bytes()
}

/// An export as a whole request over HTTP/1.1.
pub(super) fn whole(way: Way, export: &Numbered) -> Vec<u8> {
    let body = way.encode(export);
    [head(way, export.signal, body.len()), body].concat()
}

/// A call of gRPC in the frame of its message.
pub(super) fn framed_call(export: &Numbered) -> Vec<u8> {
    framed(0, &Way::Grpc.encode(export))
}

pub(super) async fn connect(to: SocketAddr) -> TcpStream {
    let stream = timeout(AT_LAST, TcpStream::connect(to)).await.expect("connections are accepted").unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Has the connection be reset when it is dropped.
pub(super) fn reset_at_end(stream: &TcpStream) {
    stream.set_zero_linger().unwrap();
}

/// Writes all of it, says that no more comes, and reads until the far side has nothing more to say.
pub(super) async fn exchange(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(to).await;
    // The far side may hang up in the middle; what it has said is read all the same.
    if stream.write_all(bytes).await.is_ok() {
        let _ = stream.shutdown().await;
    }
    read_to_end(&mut stream).await
}

/// Writes all of it, waits for so many answers, and only then says that no more comes: a client that says so before is
/// taken for gone.
pub(super) async fn ask(to: SocketAddr, bytes: &[u8], answers: usize) -> Vec<u8> {
    let mut stream = connect(to).await;
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    while statuses(&answer).len() < answers {
        let read = timeout(AT_LAST, stream.read_buf(&mut answer)).await.expect("it is answered");
        if read.unwrap_or(0) == 0 {
            return answer;
        }
    }
    let _ = stream.shutdown().await;
    answer.extend(read_to_end(&mut stream).await);
    answer
}

/// What comes until the far side ends the connection, one way or the other.
pub(super) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = timeout(AT_LAST, stream.read_to_end(&mut answer)).await.expect("the connection comes to an end");
    answer
}

/// The status codes of answers over HTTP/1.1, one behind the other.
pub(super) fn statuses(answers: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answers);
    let codes =
        text.match_indices("HTTP/1.1 ").filter_map(|(at, found)| text.get(at + found.len()..)?.get(..3));
    codes.map(|code| code.parse().unwrap()).collect()
}

/// Bytes that mean nothing.
pub(super) fn noise(random: &mut Random, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        std::iter::repeat_with(|| random.next().to_le_bytes()).take(length / 8 + 1).flatten().collect();
    bytes.truncate(length);
    bytes
}
