//! One connection, kept open from request to request, and made anew when it was closed.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, TE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::answer::{self, Answer};
use super::batched::Batched;
use super::bodies::Body;
use super::message::Message;
use super::options::{Compression, Options};
use crate::otlp::Signal;
use crate::send::{self, Protocol};

/// How long a sender waits whose connection cannot be made anew: what would be sent meanwhile could only fail as well.
const PAUSE: Duration = Duration::from_millis(100);

/// The signals that are sent.
const SIGNALS: [Signal; 2] = [Signal::Logs, Signal::Metrics];

/// The far side, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Target {
    protocol: Protocol,
    /// Host and port.
    address: String,
    /// The head of a request of each of [`SIGNALS`].
    requests: [Request<()>; SIGNALS.len()],
    timeout: Duration,
}

impl Target {
    /// Of what the options say.
    pub(super) fn of(options: &Options) -> Result<Self, send::Error> {
        let base = send::address(&options.to)?;
        let wrong = |why: String| send::Error::Address { address: options.to.clone(), why };
        let host = base.host().unwrap_or_default();
        let address = format!("{host}:{}", base.port_u16().unwrap_or(80));
        let [logs, metrics] = SIGNALS.map(|signal| request(options, &base, signal));
        let requests = [
            logs.map_err(|error| wrong(error.to_string()))?,
            metrics.map_err(|error| wrong(error.to_string()))?,
        ];
        Ok(Self { protocol: options.protocol, address, requests, timeout: options.timeout })
    }

    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> send::Error {
        send::Error::connection(&self.address, self.timeout, error)
    }

    async fn connect(&self) -> Result<Line, send::Error> {
        let connecting = async {
            let stream = TcpStream::connect(&self.address).await.map_err(|error| self.failed(&error))?;
            stream.set_nodelay(true).map_err(|error| self.failed(&error))?;
            let line = match self.protocol {
                Protocol::Grpc => Line::http2(stream).await,
                Protocol::HttpProtobuf | Protocol::HttpJson => Line::http1(stream).await,
            };
            line.map_err(|error| self.failed(&error))
        };
        timeout(self.timeout, connecting).await.map_err(|late| self.failed(&late))?
    }
}

/// The head of the requests of a signal.
fn request(options: &Options, base: &Uri, signal: Signal) -> http::Result<Request<()>> {
    let root = base.path().trim_end_matches('/');
    let authority = base.authority().map(ToString::to_string).unwrap_or_default();
    let encoding = (options.compression != Compression::None).then(|| options.compression.name());
    let mut request = match options.protocol {
        Protocol::Grpc => Request::builder()
            .version(Version::HTTP_2)
            .uri(format!("http://{authority}{root}{}", method(signal)))
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .header("grpc-timeout", format!("{}m", options.timeout.as_millis().min(99_999_999))),
        Protocol::HttpProtobuf | Protocol::HttpJson => {
            let media_type = match options.protocol {
                Protocol::HttpJson => "application/json",
                _ => "application/x-protobuf",
            };
            Request::builder()
                .uri(format!("{root}{}", signal.path()))
                .header(HOST, authority)
                .header(CONTENT_TYPE, media_type)
        }
    };
    if let Some(encoding) = encoding {
        let name = match options.protocol {
            Protocol::Grpc => HeaderName::from_static("grpc-encoding"),
            Protocol::HttpProtobuf | Protocol::HttpJson => CONTENT_ENCODING,
        };
        request = request.header(name, encoding);
    }
    let agent = HeaderValue::from_static(concat!("forebay-load/", env!("CARGO_PKG_VERSION")));
    request.method(Method::POST).header(USER_AGENT, agent).body(())
}

/// The method of OTLP over gRPC (`opentelemetry/proto/collector/*/v1/*_service.proto`).
const fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Profiles => "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
    }
}

/// An open connection.
#[derive(Debug)]
enum Line {
    /// It carries one request at a time.
    Http1(http1::SendRequest<Message>),
    Http2(http2::SendRequest<Message>),
}

impl Line {
    async fn http1(stream: TcpStream) -> hyper::Result<Self> {
        let (line, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // What befalls it is told to whoever sends over it.
        tokio::spawn(connection);
        Ok(Self::Http1(line))
    }

    async fn http2(stream: TcpStream) -> hyper::Result<Self> {
        let (line, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(Batched::new(stream))).await?;
        tokio::spawn(connection);
        Ok(Self::Http2(line))
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Http1(line) => line.is_closed(),
            Self::Http2(line) => line.is_closed(),
        }
    }
}

/// One connection to the far side.
#[derive(Debug)]
pub(super) struct Connection {
    target: Arc<Target>,
    line: Mutex<Option<Line>>,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(target: Arc<Target>) -> Result<Self, send::Error> {
        let line = Mutex::new(Some(target.connect().await?));
        Ok(Self { target, line })
    }

    /// Sends a body as the request with this number, and waits for what becomes of it.
    pub(super) async fn send(&self, body: &Body, number: u64) -> Answer {
        let target = &self.target;
        let place = SIGNALS.iter().position(|signal| *signal == body.signal).unwrap_or(0);
        let request = target.requests[place].clone().map(|()| body.message(number));
        match timeout(target.timeout, self.exchange(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Failed { why: error.to_string() },
            Err(late) => Answer::Failed { why: target.failed(&late).to_string() },
        }
    }

    async fn exchange(&self, request: Request<Message>) -> Result<Answer, send::Error> {
        let mut kept = self.line.lock().await;
        let line = match kept.take() {
            Some(line) if !line.is_closed() => line,
            _ => match self.target.connect().await {
                Ok(line) => line,
                Err(error) => {
                    tokio::time::sleep(PAUSE).await;
                    return Err(error);
                }
            },
        };
        let failed = |error: hyper::Error| self.target.failed(&error);
        match line {
            Line::Http2(mut line) => {
                *kept = Some(Line::Http2(line.clone()));
                // Others send over it meanwhile.
                drop(kept);
                answer::over_grpc(line.send_request(request).await.map_err(failed)?).await.map_err(failed)
            }
            Line::Http1(mut line) => {
                line.ready().await.map_err(failed)?;
                let response: Response<Incoming> = line.send_request(request).await.map_err(failed)?;
                let is_json = self.target.protocol == Protocol::HttpJson;
                let answer = answer::over_http(response, is_json).await.map_err(failed)?;
                // Only after a whole answer: otherwise the next request would meet the rest of this one.
                *kept = Some(Line::Http1(line));
                Ok(answer)
            }
        }
    }
}
