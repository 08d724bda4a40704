//! Log records, times and promoted columns.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;

use super::Promotion;
use super::testing::{Rows, attribute, text, texts};
use crate::otlp::Signal;

pub(super) fn record(attributes: Vec<KeyValue>) -> LogRecord {
    LogRecord { attributes, ..LogRecord::default() }
}

pub(super) fn request(record: LogRecord) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

pub(super) fn log(promoted: &[Promotion], record: LogRecord) -> Rows {
    Rows::of(Signal::Logs, promoted, &request(record).encode_to_vec())
}

/// A request with one record, encoded already; all of it shorter than 128 bytes.
pub(super) fn wrapped(record: &[u8]) -> Vec<u8> {
    [0x12, 0x12, 0x0a].into_iter().fold(record.to_vec(), |inside, key| {
        [&[key, u8::try_from(inside.len()).unwrap()], &inside[..]].concat()
    })
}

const TIMES: [&str; 4] = ["timestamp", "time_unix_nano", "observed_timestamp", "extra"];

#[test]
fn every_record_has_a_time_whatever_was_sent() {
    for (time, observed, expected) in [
        (0, 0, [Some("1787393472123456"), Some("0"), None, None]),
        (0, 5_000, [Some("5"), Some("0"), Some("5"), None]),
        (7_001, 5_000, [Some("7"), Some("7001"), Some("5"), None]),
        (7_001, 7_001, [Some("7"), Some("7001"), Some("7"), None]),
        (7_001, 7_000, [Some("7"), Some("7001"), Some("7"), Some(r#"{"observedTimeUnixNano":"7000"}"#)]),
        (7_001, 8_001, [Some("7"), Some("7001"), Some("8"), Some(r#"{"observedTimeUnixNano":"8001"}"#)]),
        (7_001, 999, [Some("7"), Some("7001"), Some("0"), Some(r#"{"observedTimeUnixNano":"999"}"#)]),
        (
            u64::MAX,
            u64::MAX,
            [
                Some("18446744073709551"),
                None,
                Some("18446744073709551"),
                Some(r#"{"timeUnixNano":"18446744073709551615"}"#),
            ],
        ),
    ] {
        let record =
            LogRecord { time_unix_nano: time, observed_time_unix_nano: observed, ..LogRecord::default() };
        assert_eq!(log(&[], record).cells(TIMES), texts(expected), "{time} {observed}");
    }
}

#[test]
fn a_body_is_the_text_or_else_text_of_the_value() {
    let body = |value| LogRecord { body: Some(AnyValue { value }), ..LogRecord::default() };
    for (record, expected) in [
        (LogRecord::default(), [None, None]),
        (body(None), [None, Some(r#"{"body":{}}"#)]),
        (body(Some(Any::StringValue(String::new()))), [Some(""), None]),
        (body(Some(Any::StringValue("{}".into()))), [Some("{}"), None]),
        (body(Some(Any::IntValue(1))), [Some("1"), Some(r#"{"body":{"intValue":"1"}}"#)]),
        (
            body(Some(Any::KvlistValue(opentelemetry_proto::tonic::common::v1::KeyValueList {
                values: vec![text("k", "v")],
            }))),
            [
                Some(r#"{"k":"v"}"#),
                Some(r#"{"body":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}}"#),
            ],
        ),
    ] {
        assert_eq!(log(&[], record).cells(["body", "extra"]), texts(expected));
    }
}

#[test]
fn ids_are_hex_of_whatever_length_and_null_when_empty() {
    let ids = |trace_id: &[u8], span_id: &[u8]| {
        let record = LogRecord { trace_id: trace_id.into(), span_id: span_id.into(), ..LogRecord::default() };
        log(&[], record).cells(["trace_id", "span_id", "extra"])
    };
    assert_eq!(ids(&[], &[]), texts([None, None, None]));
    assert_eq!(ids(&[0xab, 1], &[0; 9]), texts([Some("ab01"), Some("000000000000000000"), None]));
}

#[test]
fn the_name_of_an_event_is_the_field_or_else_the_attribute() {
    let name = |field: &str, attributes| {
        let record = LogRecord { event_name: field.into(), ..record(attributes) };
        log(&[], record).cells(["event_name", "extra"])
    };
    assert_eq!(name("", vec![]), texts([None, None]));
    assert_eq!(name("", vec![text("event.name", "a")]), texts([Some("a"), None]));
    let extra = Some(r#"{"eventName":"f"}"#);
    assert_eq!(name("f", vec![text("event.name", "a")]), texts([Some("f"), extra]));
}

#[test]
fn what_a_record_has_no_column_for_is_in_extra() {
    let record = LogRecord {
        dropped_attributes_count: 3,
        flags: u32::MAX,
        severity_number: 9,
        severity_text: "INFO".into(),
        ..LogRecord::default()
    };
    assert_eq!(
        log(&[], record).cells(["severity_number", "severity_text", "extra"]),
        texts([Some("9"), Some("INFO"), Some(r#"{"droppedAttributesCount":3,"flags":4294967295}"#)])
    );
    assert_eq!(log(&[], LogRecord::default()).cells(["severity_number", "severity_text"]), texts([None; 2]));
}

#[test]
fn columns_of_claude_codes_events_take_numbers_and_texts_of_numbers() {
    let record = record(vec![
        text("event.sequence", "12"),
        attribute("input_tokens", Any::IntValue(5)),
        text("output_tokens", "6"),
        text("cache_read_tokens", "many"),
        attribute("cost_usd", Any::DoubleValue(0.25)),
        text("duration_ms", "1016"),
        text("success", "false"),
        attribute("status_code", Any::IntValue(529)),
    ]);
    let names = [
        "event_sequence",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cost_usd",
        "duration_ms",
        "success",
        "status_code",
    ];
    let expected = ["12", "5", "6", "", "0.25", "1016.0", "false", "529"].map(Some);
    let expected = expected.map(|text| text.filter(|text| !text.is_empty()));
    assert_eq!(log(&[], record).cells(names), texts(expected));
}

#[test]
fn a_field_given_twice_has_its_last_value_and_a_oneof_its_last_member() {
    // severity_number 1 and 9; a body of two pieces, an int and then a text.
    let sent = [0x10, 1, 0x2a, 2, 0x18, 5, 0x10, 9, 0x2a, 3, 0x0a, 1, b'x'];
    let rows = Rows::of(Signal::Logs, &[], &wrapped(&sent));
    assert_eq!(rows.cells(["severity_number", "body", "extra"]), texts([Some("9"), Some("x"), None]));
}

#[test]
fn fields_that_are_sent_with_what_their_absence_says_leave_nothing_over() {
    // dropped_attributes_count 0, flags 0 and an empty event_name, as some clients send them.
    let rows = Rows::of(Signal::Logs, &[], &wrapped(&[0x38, 0, 0x45, 0, 0, 0, 0, 0x62, 0]));
    assert_eq!(rows.cells(["event_name", "extra"]), texts([None, None]));
}
