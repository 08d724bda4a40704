//! Clients over any kind of connection.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ALL_VERSIONS, ClientConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::{Authority, Identity, client_config};
use crate::client::{AT_LAST, Answer};

/// Sends a request over HTTP/1.1 on this connection, which ends with the answer.
pub(crate) async fn http1_over<S>(stream: S, request: Request<Full<Bytes>>) -> Answer
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let exchange = async { Answer::read(sender.send_request(request).await.unwrap()).await };
    timeout(AT_LAST, exchange).await.expect("every request is answered")
}

/// A client over HTTP/2 on this connection.
pub(crate) async fn http2_over<S>(stream: S) -> http2::SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Sends a request over HTTP/2.
pub(crate) async fn ask(
    sender: &mut http2::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Answer {
    let exchange = async { Answer::read(sender.send_request(request).await.unwrap()).await };
    timeout(AT_LAST, exchange).await.expect("every request is answered")
}

/// A connection over TLS that trusts `authority`.
pub(crate) async fn connect(
    address: SocketAddr,
    authority: &Authority,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_with(address, client_config(authority, None, alpn, ALL_VERSIONS)).await
}

/// A connection over TLS that shows a certificate.
pub(crate) async fn connect_as(
    address: SocketAddr,
    authority: &Authority,
    identity: &Identity,
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_with(address, client_config(authority, Some(identity), b"h2", ALL_VERSIONS)).await
}

pub(crate) async fn connect_with(
    address: SocketAddr,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), stream).await
}
