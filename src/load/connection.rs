//! One connection, kept open from request to request, and made anew when it was closed.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::answer::{self, Answer};
use super::batched::Batched;
use super::bodies::Body;
use super::message::Message;
use super::target::Target;
use crate::send::{self, Protocol};

/// How long a sender waits whose connection cannot be made anew: what would be sent meanwhile could only fail as well.
const PAUSE: Duration = Duration::from_millis(100);

/// One connection to the far side.
#[derive(Debug)]
pub(super) struct Connection {
    target: Arc<Target>,
    /// Over HTTP/1.1 nothing while a request is under way. The lock is one that may be held while it is waited for
    /// something: whoever shares the connection waits until it is made anew.
    line: Mutex<Option<Line>>,
}

/// An open connection.
#[derive(Debug)]
enum Line {
    /// It carries one request at a time.
    Http1(http1::SendRequest<Message>),
    Http2(http2::SendRequest<Message>),
}

impl Connection {
    /// Connects.
    pub(super) async fn open(target: Arc<Target>) -> Result<Self, send::Error> {
        let line = Mutex::new(Some(Line::to(&target).await?));
        Ok(Self { target, line })
    }

    /// Sends a body as the request with this number, and waits for what becomes of it.
    pub(super) async fn send(&self, body: &Body, number: u64) -> Answer {
        let target = &self.target;
        let answer = timeout(target.timeout, self.exchange(target.request(body, number))).await;
        let answer = answer.unwrap_or_else(|late| Err(target.failed(&late)));
        answer.unwrap_or_else(|error| Answer::Failed { why: error.to_string() })
    }

    async fn exchange(&self, request: Request<Message>) -> Result<Answer, send::Error> {
        let failed = |error: hyper::Error| self.target.failed(&error);
        match self.take_line().await? {
            Line::Http2(mut line) => {
                let response = line.send_request(request).await.map_err(failed)?;
                answer::over_grpc(response).await.map_err(failed)
            }
            Line::Http1(mut line) => {
                let response = line.send_request(request).await.map_err(failed)?;
                let is_json = self.target.protocol == Protocol::HttpJson;
                let answer = answer::over_http(response, is_json).await.map_err(failed)?;
                // Only after a whole answer: otherwise the next request would meet the rest of this one.
                *self.line.lock().await = Some(Line::Http1(line));
                Ok(answer)
            }
        }
    }

    /// A line over which a request can go: the one there is, or a new one if that was closed.
    async fn take_line(&self) -> Result<Line, send::Error> {
        let mut kept = self.line.lock().await;
        let usable = match kept.take() {
            Some(line) => line.usable().await,
            None => None,
        };
        let line = match usable {
            Some(line) => line,
            None => match Line::to(&self.target).await {
                Ok(line) => line,
                Err(error) => {
                    sleep(PAUSE).await;
                    return Err(error);
                }
            },
        };
        if let Line::Http2(line) = &line {
            // Others send over it meanwhile.
            *kept = Some(Line::Http2(line.clone()));
        }
        Ok(line)
    }
}

impl Line {
    /// Connects.
    async fn to(target: &Target) -> Result<Self, send::Error> {
        let connecting = async {
            let stream = TcpStream::connect(&target.address).await.map_err(|error| target.failed(&error))?;
            stream.set_nodelay(true).map_err(|error| target.failed(&error))?;
            let line = match target.protocol {
                Protocol::Grpc => Self::http2(stream).await,
                Protocol::HttpProtobuf | Protocol::HttpJson => Self::http1(stream).await,
            };
            line.map_err(|error| target.failed(&error))
        };
        timeout(target.timeout, connecting).await.map_err(|late| target.failed(&late))?
    }

    async fn http1(stream: TcpStream) -> hyper::Result<Self> {
        let (line, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // What befalls it is told to whoever sends over it; it ends when nobody does any more.
        tokio::spawn(connection);
        Ok(Self::Http1(line))
    }

    async fn http2(stream: TcpStream) -> hyper::Result<Self> {
        let io = TokioIo::new(Batched::new(stream));
        let (line, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        Ok(Self::Http2(line))
    }

    /// This, as soon as it takes a request; none, if it was closed.
    async fn usable(self) -> Option<Self> {
        match self {
            Self::Http1(mut line) => line.ready().await.is_ok().then_some(Self::Http1(line)),
            Self::Http2(mut line) => line.ready().await.is_ok().then_some(Self::Http2(line)),
        }
    }
}
