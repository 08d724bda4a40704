//! What analysts ask of Claude Code's telemetry, answered by the rows and by the requests themselves.

use std::collections::BTreeMap;

use forebay::otlp::{Signal, read_json};
use forebay::rows::{Layout, Origin, Table, flatten};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;

use crate::captured;
use crate::cells::{self, Row};
use crate::decoded::Decoded;

/// Larger than any captured request.
const LIMIT_BYTES: usize = 1 << 24;

/// Sums by session and by what is summed.
type Sums = BTreeMap<(String, String), f64>;

/// The captured requests of a signal, as protobuf.
fn bodies(signal: Signal) -> Vec<Vec<u8>> {
    let captured = captured::all().into_iter().filter(|captured| captured.signal == signal);
    captured
        .map(|captured| {
            if captured.is_json {
                read_json(signal, &captured.body, LIMIT_BYTES).unwrap()
            } else {
                captured.body
            }
        })
        .collect()
}

/// The rows of all captured requests of a signal.
fn rows(signal: Signal) -> Vec<Row> {
    let layout = Layout::new(signal, &[]);
    let mut table = Table::new(layout.columns());
    for (seq, body) in (0..).zip(bodies(signal)) {
        flatten(&layout, Origin { writer: "log", seq, received_at: 0 }, &body, &mut table).unwrap();
    }
    cells::rows(&layout, &table)
}

/// The text of an attribute.
fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

/// The number of an attribute, however it was sent.
#[expect(clippy::cast_precision_loss, reason = "tokens are few")]
fn number(attributes: &[KeyValue], key: &str) -> Option<f64> {
    match attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => text.parse().ok(),
        Any::IntValue(number) => Some(*number as f64),
        Any::DoubleValue(number) => Some(*number),
        _ => None,
    }
}

fn add(sums: &mut Sums, session: String, what: &str, number: Option<f64>) {
    if let Some(number) = number {
        *sums.entry((session, what.to_owned())).or_default() += number;
    }
}

/// Both sums are of the same numbers in the same order, so that they are the same to the last bit.
fn assert_same(rows: &Sums, sent: &Sums) {
    assert_eq!(rows, sent);
    assert!(sent.len() > 10, "{sent:?}");
    assert!(sent.values().all(|sum| *sum >= 0.0) && sent.values().any(|sum| *sum > 0.0), "{sent:?}");
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "tokens are few")]
fn tokens_and_cost_by_session_are_those_of_the_metrics_that_were_sent() {
    let mut sent = Sums::new();
    for body in bodies(Signal::Metrics) {
        let Decoded::Metrics(request) = Decoded::from_protobuf(Signal::Metrics, &body).unwrap() else {
            panic!()
        };
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let Some(Data::Sum(data)) = metric.data else { continue };
            for point in data.data_points {
                let number = match point.value {
                    Some(number_data_point::Value::AsDouble(number)) => number,
                    Some(number_data_point::Value::AsInt(number)) => number as f64,
                    None => continue,
                };
                let session = text(&point.attributes, "session.id").unwrap_or_default();
                let kind = text(&point.attributes, "type").unwrap_or_default();
                add(&mut sent, session, &format!("{} {kind}", metric.name), Some(number));
            }
        }
    }
    let mut read = Sums::new();
    for row in rows(Signal::Metrics) {
        assert_eq!(row.text("metric_type"), Some("sum"));
        assert_eq!(row.text("temporality"), Some("delta"));
        let session = row.text("session_id").unwrap_or_default().to_owned();
        let what =
            format!("{} {}", row.text("metric_name").unwrap(), row.text("attr_type").unwrap_or_default());
        add(&mut read, session, &what, row.double("value"));
    }
    assert_same(&read, &sent);
    for name in ["claude_code.token.usage input", "claude_code.cost.usage "] {
        assert!(sent.iter().any(|((_, what), sum)| what == name && *sum > 0.0), "{name}: {sent:?}");
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "tokens are few")]
fn tokens_cost_and_duration_by_session_are_those_of_the_events_that_were_sent() {
    const DOUBLES: [&str; 2] = ["cost_usd", "duration_ms"];
    const INTEGERS: [&str; 4] =
        ["input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"];
    let mut sent = Sums::new();
    for body in bodies(Signal::Logs) {
        let Decoded::Logs(request) = Decoded::from_protobuf(Signal::Logs, &body).unwrap() else { panic!() };
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        for record in scopes.flat_map(|scope| scope.log_records) {
            let session = text(&record.attributes, "session.id").unwrap_or_default();
            for name in DOUBLES.into_iter().chain(INTEGERS) {
                add(&mut sent, session.clone(), name, number(&record.attributes, name));
            }
        }
    }
    let mut read = Sums::new();
    for row in rows(Signal::Logs) {
        let session = row.text("session_id").unwrap_or_default().to_owned();
        for name in DOUBLES {
            add(&mut read, session.clone(), name, row.double(name));
        }
        for name in INTEGERS {
            add(&mut read, session.clone(), name, row.integer(name).map(|number| number as f64));
        }
    }
    assert_same(&read, &sent);
    for name in DOUBLES.into_iter().chain(INTEGERS) {
        assert!(sent.iter().any(|((_, what), sum)| what == name && *sum > 0.0), "{name}: {sent:?}");
    }
}

#[test]
fn every_event_has_its_name_its_session_and_its_place() {
    for row in rows(Signal::Logs) {
        let attribute = |key: &str| {
            let found = row.map("attributes").iter().find(|(found, _)| found == key);
            found.and_then(|(_, value)| value.as_deref())
        };
        assert_eq!(row.text("service_name"), Some("claude-code"));
        assert_eq!(row.text("event_name"), attribute("event.name"));
        assert_eq!(row.text("body"), Some(&*format!("claude_code.{}", attribute("event.name").unwrap())));
        assert_eq!(row.text("prompt_id"), attribute("prompt.id"));
        assert_eq!(row.text("tool_name"), attribute("tool_name"));
        assert_eq!(row.integer("event_sequence").unwrap().to_string(), attribute("event.sequence").unwrap());
        let success = match row.cell("success") {
            cells::Cell::Null => None,
            cells::Cell::Boolean(true) => Some("true"),
            cells::Cell::Boolean(false) => Some("false"),
            other => panic!("{other:?}"),
        };
        assert_eq!(success, attribute("success"));
    }
}
