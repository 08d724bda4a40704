//! Asks a running forebay, through its admin address.

mod tls;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{FlushReport, Options, Status};
use crate::listen::{Address, Stream};
use crate::secret::Secret;
use crate::units::Span;

/// Within which an answer must be there, beside the time for which it was asked to wait.
const DEADLINE: Duration = Duration::from_secs(5);

/// Bytes of an answer that are read at most.
const ANSWER_MOST: usize = 1 << 20;

/// Asks the forebay that listens at one admin address.
#[derive(Clone, Debug)]
pub struct Client {
    place: Place,
    tls: Option<Arc<ClientConfig>>,
    /// The header that says who asks.
    credentials: Option<(HeaderName, HeaderValue)>,
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A host and a port.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// There is no answer of a forebay.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error("nothing listens on {0}: is forebay running? (admin.listen says where it would)")]
    Nobody(String),
    /// The network does not reach it.
    #[error("cannot reach {address}: {source}")]
    Unreachable {
        /// The admin address.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// It does not answer in time.
    #[error("no answer from {address} within {} s", deadline.as_secs())]
    Late {
        /// The admin address.
        address: String,
        /// The time it had.
        deadline: Duration,
    },
    /// It answers that it cannot.
    #[error("forebay says: {0}")]
    Refused(String),
    /// It asks for credentials, or for others.
    #[error("forebay asks for credentials that are known to it; set admin.client.token")]
    Unauthenticated,
    /// Something else has the port.
    #[error(
        "what listens on {address} does not answer as forebay does ({what}): is the port another program's?"
    )]
    Stranger {
        /// The admin address.
        address: String,
        /// What was odd.
        what: String,
    },
}

impl Client {
    /// A client of the server that listens at `address`, without TLS or credentials. An address that stands for all of a
    /// machine's (`0.0.0.0`) is asked on the loopback.
    pub fn new(address: SocketAddr) -> Self {
        Self { place: Place::tcp(&address.to_string()), tls: None, credentials: None }
    }

    /// A client of the server that has these settings; `None` if it is off.
    ///
    /// # Errors
    /// A sentence about a setting, or a file that one of them names.
    pub fn of(options: &Options) -> Result<Option<Self>, String> {
        let place = match options.address()? {
            Address::Off => return Ok(None),
            Address::Tcp(address) => Place::tcp(&address),
            Address::Unix(path) => Place::Unix(path),
        };
        let has_tls = options.tls.is_on() || options.client.ca_file.is_some();
        let tls = has_tls.then(|| tls::config(options)).transpose()?.map(Arc::new);
        Ok(Some(Self { place, tls, credentials: credentials(options) }))
    }

    /// How it is doing.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.ask(Method::GET, "/status", DEADLINE).await
    }

    /// Has it seal and deliver everything now, and waits for that.
    ///
    /// # Errors
    /// If there is no answer, or it cannot.
    pub async fn flush(&self, patience: Span) -> Result<FlushReport, ClientError> {
        self.ask(Method::POST, &format!("/flush?wait={patience}"), patience.duration() + DEADLINE).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        deadline: Duration,
    ) -> Result<T, ClientError> {
        let (status, body) = timeout(deadline, self.exchange(method, path))
            .await
            .map_err(|_| ClientError::Late { address: self.place.to_string(), deadline })??;
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| self.stranger(&error)),
            StatusCode::UNAUTHORIZED => Err(ClientError::Unauthenticated),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_REQUEST => {
                Err(ClientError::Refused(String::from_utf8_lossy(&body).trim().to_owned()))
            }
            other => Err(self.stranger(&other)),
        }
    }

    /// One request on a connection of its own.
    async fn exchange(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), ClientError> {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.connect().await?))
                .await
                .map_err(|error| self.stranger(&error))?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.place.host())
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.stranger(&error))?;
        request.headers_mut().extend(self.credentials.clone());
        let answered = async {
            let answer = sender.send_request(request).await.map_err(|error| self.stranger(&error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_MOST).collect().await;
            Ok((status, body.map_err(|error| self.stranger(&error))?.to_bytes()))
        };
        tokio::pin!(connection);
        tokio::pin!(answered);
        // The connection does the reading and writing; whatever becomes of it shows in the answer.
        tokio::select! {
            answered = &mut answered => answered,
            _ = &mut connection => answered.await,
        }
    }

    async fn connect(&self) -> Result<Stream, ClientError> {
        let address = || self.place.to_string();
        let stream: Result<Stream, _> = match &self.place {
            Place::Tcp(host_and_port) => {
                TcpStream::connect(host_and_port).await.map(|stream| Box::new(stream) as Stream)
            }
            Place::Unix(path) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as Stream),
        };
        let is_a_file = matches!(self.place, Place::Unix(_));
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => ClientError::Nobody(address()),
            io::ErrorKind::NotFound if is_a_file => ClientError::Nobody(address()),
            _ => ClientError::Unreachable { address: address(), source: error },
        })?;
        let Some(tls) = &self.tls else { return Ok(stream) };
        let name = ServerName::try_from(self.place.host_name()).map_err(|error| self.stranger(&error))?;
        let shaken = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        let unreachable = |source| ClientError::Unreachable { address: address(), source };
        shaken.map(|stream| Box::new(stream) as Stream).map_err(unreachable)
    }

    fn stranger(&self, what: &impl ToString) -> ClientError {
        ClientError::Stranger { address: self.place.to_string(), what: what.to_string() }
    }
}

/// The header that says who asks: with the token of the client, or the first one that the server is known to take.
fn credentials(options: &Options) -> Option<(HeaderName, HeaderValue)> {
    let auth = &options.auth;
    let of_server = || auth.tokens.values().find_map(|token| token.token.as_ref()).filter(|_| auth.is_on());
    let token = options.client.token.as_ref().or_else(of_server).map(Secret::reveal)?;
    let value = if auth.scheme.is_empty() { token.to_owned() } else { format!("{} {token}", auth.scheme) };
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some((auth.header.parse().ok()?, value))
}

impl Place {
    fn tcp(address: &str) -> Self {
        let Ok(mut parsed) = address.parse::<SocketAddr>() else { return Self::Tcp(address.to_owned()) };
        match parsed.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => parsed.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => parsed.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Self::Tcp(parsed.to_string())
    }

    /// The value of the header `Host`.
    fn host(&self) -> &str {
        match self {
            Self::Tcp(address) => address,
            Self::Unix(_) => "localhost",
        }
    }

    /// The name that a certificate has to have.
    fn host_name(&self) -> String {
        let host = self.host();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name.trim_matches(['[', ']']).to_owned()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
