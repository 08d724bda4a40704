//! Asks a running forebay, through its admin address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{FlushReport, Status};
use crate::units::Span;

/// Within which an answer must be there, beside the time for which it was asked to wait.
const DEADLINE: Duration = Duration::from_secs(5);

/// Bytes of an answer that are read at most.
const ANSWER_MOST: usize = 1 << 20;

/// Asks the forebay that listens at one admin address.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    address: SocketAddr,
}

/// There is no answer of a forebay.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error("nothing listens on {0}: is forebay running? (admin.listen says where it would)")]
    Nobody(SocketAddr),
    /// The network does not reach it.
    #[error("cannot reach {address}: {source}")]
    Unreachable {
        /// The admin address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// It does not answer in time.
    #[error("no answer from {address} within {} s", deadline.as_secs())]
    Late {
        /// The admin address.
        address: SocketAddr,
        /// The time it had.
        deadline: Duration,
    },
    /// It answers that it cannot.
    #[error("forebay says: {0}")]
    Refused(String),
    /// Something else has the port.
    #[error(
        "what listens on {address} does not answer as forebay does ({what}): is the port another program's?"
    )]
    Stranger {
        /// The admin address.
        address: SocketAddr,
        /// What was odd.
        what: String,
    },
}

impl Client {
    /// A client of the server that listens at `address`. An address that stands for all of a machine's (`0.0.0.0`) is
    /// asked on the loopback.
    pub fn new(mut address: SocketAddr) -> Self {
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Self { address }
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
        let address = self.address;
        let (status, body) = timeout(deadline, self.exchange(method, path))
            .await
            .map_err(|_| ClientError::Late { address, deadline })??;
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| self.stranger(&error)),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_REQUEST => {
                Err(ClientError::Refused(String::from_utf8_lossy(&body).trim().to_owned()))
            }
            other => Err(self.stranger(&other)),
        }
    }

    /// One request on a connection of its own.
    async fn exchange(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), ClientError> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => ClientError::Nobody(self.address),
            _ => ClientError::Unreachable { address: self.address, source: error },
        })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.stranger(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.stranger(&error))?;
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

    fn stranger(&self, what: &impl ToString) -> ClientError {
        ClientError::Stranger { address: self.address, what: what.to_string() }
    }
}
