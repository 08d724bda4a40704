//! Carries requests to any receiver of OTLP, over gRPC or HTTP, encrypted or not.
//!
//! Both go by one HTTP client, which knows the system's authorities and proxies. A call over gRPC is one message behind five
//! bytes of prefix.

use std::sync::Once;
use std::time::Duration;

use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};
use http_body_util::{BodyExt as _, Limited};
use reqwest::{Certificate, Client};

use super::address::address;
use super::carried::{Carried, PREFIX_BYTES};
use super::error::Error;
use super::protocol::Protocol;
use super::receiver::Receiver;
use crate::otlp::{self, Signal};

/// As much of an answer as is read; those of receivers are small.
const ANSWER_BYTES: usize = 64 << 10;

/// How long a connection is kept that has nothing to do.
const IDLE: Duration = Duration::from_secs(15);

/// The way to a receiver.
#[derive(Debug)]
pub(crate) struct Carrier {
    client: Client,
    protocol: Protocol,
    /// Without a slash at its end.
    base: String,
    /// Host and port.
    address: String,
    headers: HeaderMap,
    timeout: Duration,
}

impl Carrier {
    /// Makes the way. No request is sent.
    ///
    /// # Errors
    /// If the address is none, the authorities cannot be read, or the system has no HTTP client to give.
    pub(crate) fn new(receiver: &Receiver) -> Result<Self, Error> {
        let to = address(&receiver.to)?;
        let client = client(receiver, &to)?;
        let Receiver { protocol, timeout, .. } = *receiver;
        let mut headers = receiver.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(protocol.media_type()));
        if protocol == Protocol::Grpc {
            headers.insert(TE, HeaderValue::from_static("trailers"));
            // It tells the far side the deadline, in at most eight digits.
            let milliseconds = timeout.as_millis().min(99_999_999);
            if let Ok(value) = HeaderValue::try_from(format!("{milliseconds}m")) {
                headers.insert("grpc-timeout", value);
            }
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("forebay/", env!("CARGO_PKG_VERSION"))));
        let address = to.authority().map(ToString::to_string).unwrap_or_default();
        let base = to.to_string().trim_end_matches('/').to_owned();
        Ok(Self { client, protocol, base, address, headers, timeout })
    }

    /// Sends a request of a signal, and waits for its answer, as long as the way allows.
    ///
    /// # Errors
    /// If there is no answer.
    pub(crate) async fn carry(&self, signal: Signal, message: &[u8]) -> Result<Carried, Error> {
        let body = match self.protocol {
            Protocol::Grpc => framed(message),
            Protocol::HttpProtobuf => message.to_vec(),
            Protocol::HttpJson => {
                let mut json = Vec::new();
                if let Err(error) = otlp::write_json(signal, message, &mut json) {
                    return Ok(Carried::Never { why: format!("it is no OTLP: {error}") });
                }
                json
            }
        };
        let url = format!("{}{}", self.base, self.protocol.path(signal));
        let request = self.client.post(url).headers(self.headers.clone()).body(body);
        let answered = request.send().await.map_err(|error| self.failed(&error.without_url()))?;
        let (parts, body) = http::Response::from(answered).into_parts();
        let collected = Limited::new(body, ANSWER_BYTES).collect().await;
        let collected = collected.map_err(|error| self.failed(&*error))?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let body = collected.to_bytes();
        Ok(match self.protocol {
            Protocol::Grpc => Carried::over_grpc(parts.status, &parts.headers, &trailers, &body),
            protocol => {
                Carried::over_http(parts.status, &parts.headers, protocol == Protocol::HttpJson, &body)
            }
        })
    }

    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        Error::connection(&self.address, self.timeout, error)
    }
}

/// The HTTP client; over gRPC it speaks HTTP/2 from the first byte.
fn client(receiver: &Receiver, to: &Uri) -> Result<Client, Error> {
    install_tls();
    let mut builder = Client::builder()
        .connect_timeout(receiver.timeout)
        .timeout(receiver.timeout)
        // Receivers close connections that are idle; a request must not meet one that is just closing.
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    if receiver.protocol == Protocol::Grpc {
        builder = builder.http2_prior_knowledge();
    }
    if to.scheme_str() == Some("http") {
        // A proxy is for the way out of the house, and has no business with what is not encrypted; nor has it authorities,
        // of which a small container has none.
        builder = builder.no_proxy().tls_certs_only([]);
    } else if let Some(path) = &receiver.ca_file {
        let wrong = |why: String| Error::CaFile { path: path.clone(), why };
        let pem = std::fs::read(path).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(wrong("it has no certificate in it; name a PEM file".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| Error::connection("the receiver", receiver.timeout, &error))
}

/// Installs the TLS provider of the process, unless that was done.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else's provider is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A message behind its prefix. Ours are far shorter than four bytes can say.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut framed = Vec::with_capacity(PREFIX_BYTES + message.len());
    framed.push(0);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    framed
}
