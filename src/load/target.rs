//! The far side, and the heads of the requests to it.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, TE, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri, Version};

use super::bodies::Body;
use super::message::Message;
use super::options::{Compression, Options};
use crate::otlp::Signal;
use crate::send::{self, Protocol};

/// The signals that are sent.
const SIGNALS: [Signal; 2] = [Signal::Logs, Signal::Metrics];

/// The far side, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) protocol: Protocol,
    /// Host and port.
    pub(super) address: String,
    /// The head of a request of each of [`SIGNALS`].
    requests: [Request<()>; SIGNALS.len()],
    pub(super) timeout: Duration,
}

impl Target {
    /// Of what the options say.
    pub(super) fn of(options: &Options) -> Result<Self, send::Error> {
        let base = send::plain_address(&options.to)?;
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

    /// The body as the request with this number.
    pub(super) fn request(&self, body: &Body, number: u64) -> Request<Message> {
        let place = SIGNALS.iter().position(|signal| *signal == body.signal).unwrap_or(0);
        self.requests[place].clone().map(|()| body.message(number))
    }

    /// Says in plain words what befell a connection.
    pub(super) fn failed(&self, error: &(dyn std::error::Error + 'static)) -> send::Error {
        send::Error::connection(&self.address, self.timeout, error)
    }
}

/// The head of the requests of a signal.
fn request(options: &Options, base: &Uri, signal: Signal) -> http::Result<Request<()>> {
    let root = base.path().trim_end_matches('/');
    let authority = base.authority().map(ToString::to_string).unwrap_or_default();
    let encoding = (options.compression != Compression::None).then(|| options.compression.name());
    let path = options.protocol.path(signal);
    let mut request = match options.protocol {
        Protocol::Grpc => Request::builder()
            .version(Version::HTTP_2)
            .uri(format!("http://{authority}{root}{path}"))
            .header(TE, "trailers")
            .header("grpc-timeout", format!("{}m", options.timeout.as_millis().min(99_999_999))),
        Protocol::HttpProtobuf | Protocol::HttpJson => {
            Request::builder().uri(format!("{root}{path}")).header(HOST, authority)
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
    request
        .method(Method::POST)
        .header(CONTENT_TYPE, options.protocol.media_type())
        .header(USER_AGENT, agent)
        .body(())
}
