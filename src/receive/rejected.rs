//! OTLP's partial success: items of a request that are not stored while the rest is, and how the answer says so.

use std::fmt::Display;

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use prost::Message;
use serde_json::json;

use crate::otlp::{Invalid, InvalidJson, Salvaged, Signal, read_json, salvage, salvage_json};

/// Items that could not be decoded. The client must not send them again, and is told why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    signal: Signal,
    pub(super) items: u32,
    message: String,
}

impl Rejected {
    /// What was cut out of a request, of which `first` was found first.
    fn of(signal: Signal, salvaged: &Salvaged, first: &impl Display) -> Self {
        let items = salvaged.rejected;
        let of = u64::from(items) + u64::from(salvaged.items);
        let name = match signal {
            Signal::Logs => "log records",
            Signal::Metrics => "data points",
            Signal::Traces => "spans",
            Signal::Profiles => "profiles",
        };
        let message =
            format!("{items} of {of} {name} cannot be decoded and are not stored; the first: {first}");
        Self { signal, items, message }
    }

    /// An `Export*ServiceResponse` as protobuf. It is the same for every signal but for the names of its fields.
    pub(super) fn to_protobuf(&self) -> Vec<u8> {
        let partial_success = ExportLogsPartialSuccess {
            rejected_log_records: self.items.into(),
            error_message: self.message.clone(),
        };
        ExportLogsServiceResponse { partial_success: Some(partial_success) }.encode_to_vec()
    }

    /// An `Export*ServiceResponse` as JSON.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let rejected = match self.signal {
            Signal::Logs => "rejectedLogRecords",
            Signal::Metrics => "rejectedDataPoints",
            Signal::Traces => "rejectedSpans",
            Signal::Profiles => "rejectedProfiles",
        };
        // A number of 64 bits is a string in OTLP's JSON.
        let partial_success = json!({ rejected: self.items.to_string(), "errorMessage": self.message });
        json!({ "partialSuccess": partial_success }).to_string().into_bytes()
    }
}

/// The items that are left of `body`, a request, and the request without those that cannot be decoded, of which `invalid`
/// was found first; `None` if nothing is left, or if something else cannot be decoded.
pub(super) fn without_undecodable(
    signal: Signal,
    body: &[u8],
    invalid: &Invalid,
) -> Option<(u32, Vec<u8>, Rejected)> {
    let salvaged = salvage(signal, body).ok().filter(|salvaged| salvaged.items > 0)?;
    let rejected = Rejected::of(signal, &salvaged, invalid);
    Some((salvaged.items, salvaged.body, rejected))
}

/// The request in protobuf that `json` is, `limit_bytes` long at most, without items that cannot be read; unless nothing
/// is left then.
pub(super) fn protobuf_of(
    signal: Signal,
    json: &[u8],
    limit_bytes: usize,
) -> Result<(Vec<u8>, Option<Rejected>), InvalidJson> {
    let invalid = match read_json(signal, json, limit_bytes) {
        Ok(body) => return Ok((body, None)),
        Err(too_large @ InvalidJson::TooLarge { .. }) => return Err(too_large),
        Err(invalid) => invalid,
    };
    match salvage_json(signal, json, limit_bytes) {
        Ok(salvaged) if salvaged.items > 0 => {
            let rejected = Rejected::of(signal, &salvaged, &invalid);
            Ok((salvaged.body, Some(rejected)))
        }
        Err(too_large @ InvalidJson::TooLarge { .. }) => Err(too_large),
        _ => Err(invalid),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
    use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceResponse;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;

    use super::*;
    use crate::otlp::validate;

    fn rejected(signal: Signal) -> Rejected {
        let first = validate(signal, &[0x0a, 5]).unwrap_err();
        let salvaged = Salvaged { body: Vec::new(), items: 298, rejected: 2 };
        Rejected::of(signal, &salvaged, &first)
    }

    #[test]
    fn an_answer_says_how_many_and_why_in_the_words_of_its_signal() {
        let why = |items: &str, field: &str| {
            format!(
                "2 of 300 {items} cannot be decoded and are not stored; the first: {field}, at byte 1: a length of \
                 5 bytes goes beyond the 0 bytes that are left of the message"
            )
        };
        let logs = rejected(Signal::Logs);
        let answer =
            ExportLogsServiceResponse::decode(&*logs.to_protobuf()).unwrap().partial_success.unwrap();
        assert_eq!(
            (answer.rejected_log_records, answer.error_message),
            (2, why("log records", "resource_logs"))
        );
        let metrics = rejected(Signal::Metrics);
        let answer =
            ExportMetricsServiceResponse::decode(&*metrics.to_protobuf()).unwrap().partial_success.unwrap();
        assert_eq!(
            (answer.rejected_data_points, answer.error_message),
            (2, why("data points", "resource_metrics"))
        );
        let traces = rejected(Signal::Traces);
        let answer =
            ExportTraceServiceResponse::decode(&*traces.to_protobuf()).unwrap().partial_success.unwrap();
        assert_eq!((answer.rejected_spans, answer.error_message), (2, why("spans", "resource_spans")));

        let profiles = rejected(Signal::Profiles);
        let answer =
            ExportProfilesServiceResponse::decode(&*profiles.to_protobuf()).unwrap().partial_success.unwrap();
        assert_eq!(
            (answer.rejected_profiles, answer.error_message),
            (2, why("profiles", "resource_profiles"))
        );

        for (signal, name) in [
            (Signal::Logs, "rejectedLogRecords"),
            (Signal::Metrics, "rejectedDataPoints"),
            (Signal::Traces, "rejectedSpans"),
            (Signal::Profiles, "rejectedProfiles"),
        ] {
            let rejected = rejected(signal);
            let answer: serde_json::Value = serde_json::from_slice(&rejected.to_json()).unwrap();
            let expected = json!({ "partialSuccess": { name: "2", "errorMessage": rejected.message } });
            assert_eq!(answer, expected);
        }
    }
}
