//! What the far side made of a request, read from its answer over HTTP.

use http::StatusCode;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;
use serde_json::Value;
use tonic_types::pb;

/// What the far side made of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// OK, with this many items rejected.
    Acknowledged { rejected: u64 },
    /// An error, in the far side's words.
    Refused { why: String },
}

impl Outcome {
    /// Of an answer over HTTP, in the format in which the request was.
    pub(crate) fn over_http(status: StatusCode, is_json: bool, body: &[u8]) -> Self {
        if status.is_success() {
            let rejected = if is_json { rejected_in_json(body) } else { rejected_in_protobuf(body) };
            return Self::Acknowledged { rejected: rejected.unwrap_or(0) };
        }
        let message = if is_json {
            let answer: Option<Value> = serde_json::from_slice(body).ok();
            answer.and_then(|answer| Some(answer.get("message")?.as_str()?.to_owned()))
        } else {
            pb::Status::decode(body).ok().map(|status| status.message)
        };
        Self::Refused { why: format!("{status}: {}", message.unwrap_or_default()) }
    }
}

/// How many items an answer says were rejected. The answers of all signals have their number at the same place: it is
/// field 1 of field 1.
pub(crate) fn rejected_in_protobuf(body: &[u8]) -> Option<u64> {
    ExportLogsServiceResponse::decode(body).ok()?.partial_success?.rejected_log_records.try_into().ok()
}

fn rejected_in_json(body: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?;
    let names = ["rejectedLogRecords", "rejectedDataPoints", "rejectedSpans"];
    let rejected = names.into_iter().find_map(|name| partial.get(name))?;
    // OTLP writes 64-bit integers as strings; some servers write numbers.
    rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    };

    use super::*;

    #[test]
    fn rejected_items_are_found_in_the_answers_of_every_signal() {
        let (rejected_data_points, rejected_spans, error_message) = (3, 4, "why".to_owned());
        let partial =
            ExportMetricsPartialSuccess { rejected_data_points, error_message: error_message.clone() };
        let metrics = ExportMetricsServiceResponse { partial_success: Some(partial) };
        assert_eq!(rejected_in_protobuf(&metrics.encode_to_vec()), Some(3));
        let partial = ExportTracePartialSuccess { rejected_spans, error_message };
        let traces = ExportTraceServiceResponse { partial_success: Some(partial) };
        assert_eq!(rejected_in_protobuf(&traces.encode_to_vec()), Some(4));
        assert_eq!(rejected_in_protobuf(b""), None);

        for (body, rejected) in [
            (r#"{"partialSuccess":{"rejectedSpans":"5"}}"#, 5),
            (r#"{"partialSuccess":{"rejectedDataPoints":6}}"#, 6),
            (r#"{"partialSuccess":{}}"#, 0),
            ("{}", 0),
        ] {
            let outcome = Outcome::over_http(StatusCode::OK, true, body.as_bytes());
            assert_eq!(outcome, Outcome::Acknowledged { rejected }, "{body}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_far_side() {
        let refused =
            |is_json, body: &[u8]| Outcome::over_http(StatusCode::SERVICE_UNAVAILABLE, is_json, body);
        let why = || "503 Service Unavailable: no room".to_owned();
        let status = pb::Status { message: "no room".into(), ..pb::Status::default() };
        assert_eq!(refused(false, &status.encode_to_vec()), Outcome::Refused { why: why() });
        assert_eq!(refused(true, br#"{"message":"no room"}"#), Outcome::Refused { why: why() });
    }
}
