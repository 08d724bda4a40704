//! Lines of the log as log records of OTLP.

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use tracing::Level;

use super::attributes::{attribute, text};
use crate::telemetry::logs::{Event, REPEATED, Value};

/// The attribute that says where in the code a record comes from.
const TARGET: &str = "target";

/// A log record for each line. Their fields are attributes, also the count of those that were left out.
pub(super) fn records(events: &[Event]) -> Vec<LogRecord> {
    events.iter().map(record).collect()
}

fn record(event: &Event) -> LogRecord {
    let time = nanoseconds(event.time);
    let severity = match event.level {
        Level::ERROR => SeverityNumber::Error,
        Level::WARN => SeverityNumber::Warn,
        Level::INFO => SeverityNumber::Info,
        Level::DEBUG => SeverityNumber::Debug,
        Level::TRACE => SeverityNumber::Trace,
    };
    let mut attributes = vec![text(TARGET, event.target)];
    attributes.extend(event.fields.iter().map(|(name, value)| attribute(name, any(value))));
    if event.repeated > 0 {
        attributes.push(attribute(REPEATED, whole(event.repeated)));
    }
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity.into(),
        severity_text: event.level.as_str().to_owned(),
        body: Some(AnyValue { value: Some(Any::StringValue(event.message.clone())) }),
        attributes,
        ..LogRecord::default()
    }
}

fn any(value: &Value) -> Any {
    match value {
        Value::Text(text) | Value::Shown(text) => Any::StringValue(text.clone()),
        Value::Integer(number) => Any::IntValue(*number),
        Value::Unsigned(number) => whole(*number),
        Value::Float(number) => Any::DoubleValue(*number),
        Value::Boolean(truth) => Any::BoolValue(*truth),
    }
}

/// A whole number; as text if OTLP has none as large.
fn whole(number: u64) -> Any {
    i64::try_from(number).map_or_else(|_| Any::StringValue(number.to_string()), Any::IntValue)
}

/// Since 1970.
pub(super) fn nanoseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_all_that_a_line_says() {
        let fields = vec![
            ("output", Value::Text("main".to_owned())),
            ("attempt", Value::Unsigned(u64::MAX)),
            ("change", Value::Integer(-1)),
            ("share", Value::Float(0.5)),
            ("last", Value::Boolean(true)),
        ];
        let event = Event { fields, repeated: 117, ..Event::test(Level::WARN, "it failed") };
        let [record] = records(&[event]).try_into().unwrap();
        assert_eq!((record.severity_number, record.severity_text.as_str()), (13, "WARN"));
        assert_eq!(record.time_unix_nano, 1_787_394_030_500_000_000);
        assert_eq!(record.body.unwrap().value, Some(Any::StringValue("it failed".to_owned())));
        assert_eq!(
            record.attributes,
            [
                text("target", "forebay::upload"),
                text("output", "main"),
                text("attempt", "18446744073709551615"),
                attribute("change", Any::IntValue(-1)),
                attribute("share", Any::DoubleValue(0.5)),
                attribute("last", Any::BoolValue(true)),
                attribute("repeated", Any::IntValue(117)),
            ]
        );
    }
}
