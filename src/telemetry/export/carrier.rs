//! Carries exports to the receiver, over gRPC or HTTP.
//!
//! Both go by one HTTP client, which knows the system's authorities and proxies. A call over gRPC is one message behind five
//! bytes of prefix, and its status stands in the trailers, or in the headers where there is no message.

use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use prost::Message as _;
use reqwest::{Certificate, Client, Url};
use tonic::{Code, Status};
use tonic_types::pb;

use crate::otlp::Signal;
use crate::receive::{INSTANCE_HEADER, OWN_TELEMETRY};
use crate::send::rejected_in_protobuf;
use crate::telemetry::{ExportOptions, Protocol};

/// As much of an answer as is read; those of receivers are small.
const ANSWER_BYTES: usize = 64 << 10;

/// How long a connection is kept that has nothing to do.
const IDLE: Duration = Duration::from_secs(15);

/// Bytes before a message of gRPC.
const PREFIX_BYTES: usize = 5;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it, without so many items that it rejected.
    Taken { rejected: u64 },
    /// It may be taken later, for the reason says nothing against it.
    Later(String),
    /// It will never be taken.
    Never(String),
    /// The receiver is the very forebay that sent it.
    Own,
}

/// The way to the receiver.
#[derive(Debug)]
pub(super) struct Carrier {
    client: Client,
    protocol: Protocol,
    /// Without a slash at its end.
    base: String,
    headers: HeaderMap,
}

impl Carrier {
    /// The way that the settings name, for the forebay with this id. No request is sent.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub(super) fn new(options: &ExportOptions, instance: &str) -> Result<Self, String> {
        Ok(Self {
            client: client(options)?,
            protocol: options.protocol,
            base: options.endpoint.trim_end_matches('/').to_owned(),
            headers: headers(options, instance)?,
        })
    }

    /// Sends a request of a signal, and waits for its answer, as long as the settings allow.
    pub(super) async fn carry(&self, signal: Signal, message: &[u8]) -> Outcome {
        let (path, body) = match self.protocol {
            Protocol::Grpc => (method(signal), framed(message)),
            Protocol::HttpProtobuf => (signal.path(), message.to_vec()),
        };
        let request =
            self.client.post(format!("{}{path}", self.base)).headers(self.headers.clone()).body(body);
        let answered = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Outcome::Later(innermost(&error.without_url())),
        };
        let (parts, body) = http::Response::from(answered).into_parts();
        let collected = match Limited::new(body, ANSWER_BYTES).collect().await {
            Ok(collected) => collected,
            Err(error) => return Outcome::Later(innermost(&*error)),
        };
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let body = collected.to_bytes();
        match self.protocol {
            Protocol::Grpc => over_grpc(parts.status, &parts.headers, &trailers, &body),
            Protocol::HttpProtobuf => over_http(parts.status, &body),
        }
    }
}

/// The HTTP client; over gRPC it speaks HTTP/2 from the first byte.
fn client(options: &ExportOptions) -> Result<Client, String> {
    install_tls();
    let timeout = options.timeout.duration();
    let mut builder = Client::builder()
        .connect_timeout(timeout)
        .timeout(timeout)
        // Receivers close connections that are idle; a request must not meet one that is just closing.
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    if options.protocol == Protocol::Grpc {
        builder = builder.http2_prior_knowledge();
    }
    // A proxy is for the way out of the house, and has no business with what is not encrypted.
    if Url::parse(&options.endpoint).is_ok_and(|url| url.scheme() == "http") {
        builder = builder.no_proxy();
    }
    if let Some(path) = &options.ca_file {
        let wrong = |problem: &str| format!("telemetry.export.ca_file is {}: {problem}", path.display());
        let pem = std::fs::read(path).map_err(|error| wrong(&format!("it cannot be read: {error}")))?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(wrong("it has no certificate in it; name a PEM file"));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| format!("cannot make an HTTP client: {}", innermost(&error)))
}

/// Installs the TLS provider of the process, unless that was done.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else's provider is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The headers of every request.
fn headers(options: &ExportOptions, instance: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &options.headers {
        let wrong = |_| format!("telemetry.export.headers has `{name}`, which is no header of HTTP");
        let name = name.parse::<HeaderName>().map_err(|error| wrong(error.to_string()))?;
        let mut value = value.reveal().parse::<HeaderValue>().map_err(|error| wrong(error.to_string()))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let media_type = match options.protocol {
        Protocol::Grpc => "application/grpc",
        Protocol::HttpProtobuf => "application/x-protobuf",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if options.protocol == Protocol::Grpc {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("forebay/", env!("CARGO_PKG_VERSION"))));
    let instance = instance.parse().map_err(|_| format!("`{instance}` cannot be the id of a forebay"))?;
    headers.insert(INSTANCE_HEADER, instance);
    Ok(headers)
}

/// The method of a signal over gRPC.
fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Profiles => "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
    }
}

/// A message behind its prefix. Ours are far shorter than four bytes can say.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// What an answer over HTTP says. Which ones may be sent again is OTLP's rule.
fn over_http(status: StatusCode, body: &Bytes) -> Outcome {
    if status.is_success() {
        return Outcome::Taken { rejected: rejected_in_protobuf(body).unwrap_or(0) };
    }
    let message = pb::Status::decode(body.clone()).map(|status| status.message).unwrap_or_default();
    if message.contains(OWN_TELEMETRY) {
        return Outcome::Own;
    }
    let why = if message.is_empty() { status.to_string() } else { format!("{status}: {message}") };
    match status.as_u16() {
        429 | 502 | 503 | 504 => Outcome::Later(why),
        _ => Outcome::Never(why),
    }
}

/// What an answer over gRPC says. Which ones may be sent again is OTLP's rule.
fn over_grpc(http: StatusCode, headers: &HeaderMap, trailers: &HeaderMap, body: &Bytes) -> Outcome {
    let status = Status::from_header_map(trailers).or_else(|| Status::from_header_map(headers));
    let Some(status) = status else {
        return Outcome::Later(format!("{http}, and no status of gRPC: is it a receiver of OTLP over gRPC?"));
    };
    let why = || format!("{:?}: {}", status.code(), status.message());
    match status.code() {
        Code::Ok => {
            let message = body.get(PREFIX_BYTES..).unwrap_or_default();
            Outcome::Taken { rejected: rejected_in_protobuf(message).unwrap_or(0) }
        }
        Code::FailedPrecondition if status.message().contains(OWN_TELEMETRY) => Outcome::Own,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Outcome::Later(why()),
        _ => Outcome::Never(why()),
    }
}

/// The innermost cause, which says what is the matter.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc_status(message: &str) -> Bytes {
        pb::Status { message: message.to_owned(), ..pb::Status::default() }.encode_to_vec().into()
    }

    #[test]
    fn what_may_be_sent_again_is_otlps_rule() {
        for (status, message, outcome) in [
            (200, "", Outcome::Taken { rejected: 0 }),
            (503, "full", Outcome::Later("503 Service Unavailable: full".to_owned())),
            (429, "", Outcome::Later("429 Too Many Requests".to_owned())),
            (401, "who?", Outcome::Never("401 Unauthorized: who?".to_owned())),
            (500, "", Outcome::Never("500 Internal Server Error".to_owned())),
            (508, &format!("{OWN_TELEMETRY}; so"), Outcome::Own),
            (508, "another loop", Outcome::Never("508 Loop Detected: another loop".to_owned())),
        ] {
            let body = if status == 200 { Bytes::new() } else { rpc_status(message) };
            assert_eq!(over_http(StatusCode::from_u16(status).unwrap(), &body), outcome, "{status}");
        }
        let grpc = |status: Status| {
            let response = status.into_http::<String>();
            over_grpc(StatusCode::OK, response.headers(), &HeaderMap::new(), &Bytes::new())
        };
        for (status, outcome) in [
            (Status::ok(""), Outcome::Taken { rejected: 0 }),
            (Status::unavailable("full"), Outcome::Later("Unavailable: full".to_owned())),
            (Status::unauthenticated("who?"), Outcome::Never("Unauthenticated: who?".to_owned())),
            (Status::failed_precondition("else"), Outcome::Never("FailedPrecondition: else".to_owned())),
            (Status::failed_precondition(OWN_TELEMETRY), Outcome::Own),
        ] {
            assert_eq!(grpc(status), outcome);
        }
        let none = over_grpc(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &HeaderMap::new(), &Bytes::new());
        assert!(matches!(none, Outcome::Later(why) if why.starts_with("502 Bad Gateway, and no status")));
    }
}
