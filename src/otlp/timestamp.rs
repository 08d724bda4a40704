//! Whether an export says of any moment when it was.

use super::Signal;
use super::schema::{self, Kind, Message};
use super::wire::Reader;

/// What the names of all fields that hold a moment end in.
const MOMENT: &str = "time_unix_nano";

/// Whether any moment is set in `body`, an export request of `signal` that [`validate`](super::validate()) accepts. Reads
/// no further than to the first one, which most often stands in the first item.
pub fn has_timestamp(signal: Signal, body: &[u8]) -> bool {
    is_in(schema::request(signal), Reader::new(body)).unwrap_or(false)
}

/// Whether one is in this message; `None` if the message cannot be read.
fn is_in(message: &'static Message, mut reader: Reader<'_>) -> Option<bool> {
    while !reader.is_empty() {
        let key = reader.key().ok()?;
        let field = message.field(key.number).filter(|field| field.wire_type == key.wire_type);
        let found = match field.map(|field| (field.kind, field.proto_name)) {
            Some((Kind::Message(inner), _)) => is_in(inner, reader.payload().ok()?)?,
            Some((Kind::Fixed64, name)) if name.ends_with(MOMENT) => reader.fixed64().ok()? != 0,
            _ => {
                reader.skip(key.wire_type).ok()?;
                false
            }
        };
        if found {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::read_json;

    fn is_timed(signal: Signal, json: &str) -> bool {
        has_timestamp(signal, &read_json(signal, json.as_bytes(), 1 << 20).unwrap())
    }

    #[test]
    fn a_moment_is_found_wherever_it_stands() {
        let log = |record: &str| {
            format!(r#"{{"resourceLogs":[{{}},{{"scopeLogs":[{{"logRecords":[{{}},{record}]}}]}}]}}"#)
        };
        assert!(is_timed(Signal::Logs, &log(r#"{"timeUnixNano":"1"}"#)));
        assert!(is_timed(Signal::Logs, &log(r#"{"observedTimeUnixNano":"1"}"#)));
        let sum = |point: &str| {
            format!(
                r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"sum":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
            )
        };
        assert!(is_timed(Signal::Metrics, &sum(r#"{"asInt":"5","timeUnixNano":"7"}"#)));
        let span = |event: &str| {
            format!(
                r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"x","events":[{event}]}}]}}]}}]}}"#
            )
        };
        assert!(is_timed(Signal::Traces, &span(r#"{"timeUnixNano":"9"}"#)));
    }

    #[test]
    fn numbers_that_are_no_moments_and_moments_that_are_not_set_are_none() {
        let log = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"intValue":"17"},"flags":3,"timeUnixNano":"0"}]}]}]}"#;
        assert!(!is_timed(Signal::Logs, log));
        let histogram = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"count":"5","bucketCounts":["5"]}]}}]}]}]}"#;
        assert!(!is_timed(Signal::Metrics, histogram));
        assert!(!is_timed(Signal::Traces, "{}"));
        assert!(!has_timestamp(Signal::Logs, &[0x0a]), "what cannot be read says nothing");
    }
}
