//! A client that can say anything.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use forebay::otlp::Signal;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Status;
use tonic_types::pb;

pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";

/// A test waits no longer than this, so that it fails where it would hang.
pub(crate) const AT_LAST: Duration = Duration::from_secs(30);

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

/// Sends a request over HTTP/1.1 on a connection of its own.
pub(crate) async fn over_http1(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let exchange = async { Answer::read(sender.send_request(request).await.unwrap()).await };
    let answer = timeout(AT_LAST, exchange).await.expect("every request is answered");
    drop(sender);
    connection.await.unwrap().unwrap();
    answer
}

/// Sends a request over HTTP/2 with prior knowledge, on a connection of its own.
pub(crate) async fn over_http2(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let mut sender = connect_http2(address).await;
    let exchange = async { Answer::read(sender.send_request(request).await.unwrap()).await };
    timeout(AT_LAST, exchange).await.expect("every request is answered")
}

pub(crate) async fn connect_http2(address: SocketAddr) -> http2::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A call of a signal's `Export` with one message.
pub(crate) fn grpc(signal: Signal, message: &[u8]) -> Request<Full<Bytes>> {
    grpc_framed(signal, &framed(0, message))
}

/// A call of a signal's `Export` with a message that is compressed as `encoding` says.
pub(crate) fn grpc_compressed(signal: Signal, encoding: &str, message: &[u8]) -> Request<Full<Bytes>> {
    let mut request = grpc_framed(signal, &framed(1, message));
    request.headers_mut().insert("grpc-encoding", encoding.parse().unwrap());
    request
}

/// A call of a signal's `Export` with any body.
pub(crate) fn grpc_framed(signal: Signal, body: &[u8]) -> Request<Full<Bytes>> {
    let service = match signal {
        Signal::Logs => "logs.v1.LogsService",
        Signal::Metrics => "metrics.v1.MetricsService",
        Signal::Traces => "trace.v1.TraceService",
        Signal::Profiles => "profiles.v1development.ProfilesService",
    };
    grpc_to(&format!("/opentelemetry.proto.collector.{service}/Export"), body)
}

/// A call of any method.
pub(crate) fn grpc_to(path: &str, body: &[u8]) -> Request<Full<Bytes>> {
    Request::post(format!("http://forebay{path}"))
        .header(CONTENT_TYPE, "application/grpc")
        .header("te", "trailers")
        .body(Full::from(body.to_vec()))
        .unwrap()
}

/// A message behind its prefix.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag], &length[..], message].concat()
}

/// A POST of a signal.
pub(crate) fn http(signal: Signal, media_type: &str, body: &[u8]) -> Request<Full<Bytes>> {
    Request::post(format!("http://forebay{}", signal.path()))
        .header(CONTENT_TYPE, media_type)
        .body(Full::from(body.to_vec()))
        .unwrap()
}

/// A POST of a signal, compressed as `encoding` says.
pub(crate) fn http_compressed(
    signal: Signal,
    media_type: &str,
    encoding: &str,
    body: &[u8],
) -> Request<Full<Bytes>> {
    let mut request = http(signal, media_type, body);
    request.headers_mut().insert("content-encoding", encoding.parse().unwrap());
    request
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        Self { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes(), trailers }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The gRPC status, from the trailers or, where there is no message, from the headers.
    pub(crate) fn grpc_status(&self) -> Status {
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/grpc")));
        Status::from_header_map(&self.trailers)
            .or_else(|| Status::from_header_map(&self.headers))
            .expect("every answer over gRPC has a status")
    }

    /// The code, message and, if there is one, type of the detail of the `google.rpc.Status` in the body.
    pub(crate) fn rpc_status(&self) -> (i64, String, Option<String>) {
        match self.header("content-type") {
            Some(PROTOBUF) => {
                let status = pb::Status::decode(self.body.clone()).unwrap();
                let detail = status.details.first().map(|detail| detail.type_url.clone());
                (status.code.into(), status.message, detail)
            }
            Some(JSON) => {
                let status: Value = serde_json::from_slice(&self.body).unwrap();
                let detail = status.pointer("/details/0/@type").and_then(Value::as_str);
                (
                    status["code"].as_i64().unwrap(),
                    status["message"].as_str().unwrap().to_owned(),
                    detail.map(str::to_owned),
                )
            }
            other => panic!("the body of an error is protobuf or JSON, not {other:?}"),
        }
    }
}
