//! Sends over HTTP, as protobuf or JSON.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;
use tokio::time::timeout;
use tonic_types::pb;

use super::{Error, Options, Outcome, Protocol, sample};
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
        let base = options.base()?;
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
        Ok(self.outcome(sent, status, &body))
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

    fn outcome(&self, sent: sample::Request<'_>, status: StatusCode, body: &[u8]) -> Outcome {
        if status.is_success() {
            let rejected =
                if self.is_json { rejected_in_json(sent, body) } else { rejected_in_protobuf(sent, body) };
            return Outcome::Acknowledged { rejected: rejected.unwrap_or(0) };
        }
        let message = if self.is_json {
            let answer: Option<Value> = serde_json::from_slice(body).ok();
            answer.and_then(|answer| Some(answer.get("message")?.as_str()?.to_owned()))
        } else {
            pb::Status::decode(body).ok().map(|status| status.message)
        };
        Outcome::Refused { why: format!("{status}: {}", message.unwrap_or_default()) }
    }
}

fn rejected_in_protobuf(sent: sample::Request<'_>, body: &[u8]) -> Option<u64> {
    let rejected = match sent {
        sample::Request::Logs(_) => {
            ExportLogsServiceResponse::decode(body).ok()?.partial_success?.rejected_log_records
        }
        sample::Request::Metrics(_) => {
            ExportMetricsServiceResponse::decode(body).ok()?.partial_success?.rejected_data_points
        }
        sample::Request::Traces(_) => {
            ExportTraceServiceResponse::decode(body).ok()?.partial_success?.rejected_spans
        }
    };
    rejected.try_into().ok()
}

fn rejected_in_json(sent: sample::Request<'_>, body: &[u8]) -> Option<u64> {
    let name = match sent {
        sample::Request::Logs(_) => "rejectedLogRecords",
        sample::Request::Metrics(_) => "rejectedDataPoints",
        sample::Request::Traces(_) => "rejectedSpans",
    };
    let answer: Value = serde_json::from_slice(body).ok()?;
    let rejected = answer.get("partialSuccess")?.get(name)?;
    // OTLP writes 64-bit integers as strings; some servers write numbers.
    rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok())
}
