//! Sends over HTTP, as protobuf or JSON.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::{Error, Options, Outcome, Protocol, address, sample};
use crate::otlp;

/// An answer longer than this is none of OTLP.
const ANSWER_BYTES: usize = 1 << 20;

/// A client that speaks HTTP.
pub(super) struct OverHttp {
    client: Client<HttpConnector, Full<Bytes>>,
    base: Uri,
    address: String,
    is_json: bool,
    timeout: Duration,
}

impl OverHttp {
    /// A client that connects with its first request.
    pub(super) fn to(options: &Options) -> Result<Self, Error> {
        let base = address(&options.to)?;
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            address: base.authority().map(ToString::to_string).unwrap_or_default(),
            base,
            is_json: options.protocol == Protocol::HttpJson,
            timeout: options.timeout,
        })
    }

    /// Sends a request of the sample.
    pub(super) async fn send(&self, sent: sample::Request<'_>) -> Result<Outcome, Error> {
        let request = self.request(sent)?;
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| self.failed(&error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
            Ok((status, body.map_err(|error| self.failed(error.as_ref()))?.to_bytes()))
        };
        let (status, body) = timeout(self.timeout, exchange).await.map_err(|late| self.failed(&late))??;
        Ok(Outcome::over_http(status, self.is_json, &body))
    }

    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        Error::connection(&self.address, self.timeout, error)
    }

    fn request(&self, sent: sample::Request<'_>) -> Result<Request<Full<Bytes>>, Error> {
        let signal = sent.signal();
        let mut body = sent.protobuf();
        if self.is_json {
            let mut json = Vec::new();
            otlp::write_json(signal, &body, &mut json).map_err(|error| Error::Sample(error.to_string()))?;
            body = json;
        }
        let media_type = if self.is_json { "application/json" } else { "application/x-protobuf" };
        let base = self.base.to_string();
        Request::post(format!("{}{}", base.trim_end_matches('/'), signal.path()))
            .header(CONTENT_TYPE, media_type)
            .body(Full::from(body))
            .map_err(|error| Error::Address { address: base, why: error.to_string() })
    }
}
