//! OTLP/JSON as it stands in `extra`, read by hand: opentelemetry-proto's serde refuses some of what OTLP/JSON allows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, EntityRef, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, exemplar};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use serde_json::Value;

/// A number, which stands as a string if it has 64 bits; 0 where it is missing.
pub(crate) fn number<T: std::str::FromStr + Default>(json: &Value) -> T {
    match json {
        Value::Null => T::default(),
        Value::String(text) => text.parse().ok().unwrap(),
        Value::Number(number) => number.to_string().parse().ok().unwrap(),
        other => panic!("{other} is no number"),
    }
}

/// A double, which stands as a string if JSON has no number for it; 0 where it is missing.
pub(crate) fn double(json: &Value) -> f64 {
    match json {
        Value::Null => 0.0,
        Value::Number(number) => number.as_f64().unwrap(),
        Value::String(text) if text == "NaN" => f64::NAN,
        Value::String(text) if text == "Infinity" => f64::INFINITY,
        Value::String(text) if text == "-Infinity" => f64::NEG_INFINITY,
        other => panic!("{other} is no double"),
    }
}

/// A double, if there is one.
pub(crate) fn optional_double(json: &Value) -> Option<f64> {
    (!json.is_null()).then(|| double(json))
}

/// Text; empty where it is missing.
pub(crate) fn text(json: &Value) -> String {
    match json {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => panic!("{other} is no text"),
    }
}

/// The elements of an array; none where it is missing.
pub(crate) fn list<T>(json: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    match json {
        Value::Null => Vec::new(),
        Value::Array(elements) => elements.iter().map(read).collect(),
        other => panic!("{other} is no array"),
    }
}

/// The bytes of an id; none where it is missing.
pub(crate) fn id(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// The members of a message.
pub(crate) fn any_value(json: &Value) -> AnyValue {
    let object = json.as_object().unwrap();
    assert!(object.len() <= 1, "{json} has at most one member");
    let value = object.iter().next().map(|(name, value)| match name.as_str() {
        "stringValue" => Any::StringValue(text(value)),
        "boolValue" => Any::BoolValue(value.as_bool().unwrap()),
        "intValue" => Any::IntValue(number(value)),
        "doubleValue" => Any::DoubleValue(double(value)),
        "bytesValue" => Any::BytesValue(STANDARD.decode(text(value)).unwrap()),
        "stringValueStrindex" => Any::StringValueStrindex(number(value)),
        "arrayValue" => Any::ArrayValue(ArrayValue { values: list(&value["values"], any_value) }),
        "kvlistValue" => Any::KvlistValue(KeyValueList { values: list(&value["values"], key_value) }),
        other => panic!("{other} is no member of AnyValue"),
    });
    AnyValue { value }
}

/// An attribute.
pub(crate) fn key_value(json: &Value) -> KeyValue {
    KeyValue {
        key: text(&json["key"]),
        value: json.get("value").map(any_value),
        key_strindex: number(&json["keyStrindex"]),
    }
}

/// A reference to an entity.
pub(crate) fn entity_ref(json: &Value) -> EntityRef {
    EntityRef {
        schema_url: text(&json["schemaUrl"]),
        r#type: text(&json["type"]),
        id_keys: list(&json["idKeys"], text),
        description_keys: list(&json["descriptionKeys"], text),
    }
}

/// An event of a span.
pub(crate) fn event(json: &Value) -> Event {
    Event {
        time_unix_nano: number(&json["timeUnixNano"]),
        name: text(&json["name"]),
        attributes: list(&json["attributes"], key_value),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
    }
}

/// A link of a span.
pub(crate) fn link(json: &Value) -> Link {
    Link {
        trace_id: id(&text(&json["traceId"])),
        span_id: id(&text(&json["spanId"])),
        trace_state: text(&json["traceState"]),
        attributes: list(&json["attributes"], key_value),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
        flags: number(&json["flags"]),
    }
}

/// An exemplar of a data point.
pub(crate) fn exemplar(json: &Value) -> Exemplar {
    let value = match (json.get("asDouble"), json.get("asInt")) {
        (Some(value), None) => Some(exemplar::Value::AsDouble(double(value))),
        (None, Some(value)) => Some(exemplar::Value::AsInt(number(value))),
        (None, None) => None,
        both => panic!("{both:?}"),
    };
    Exemplar {
        filtered_attributes: list(&json["filteredAttributes"], key_value),
        time_unix_nano: number(&json["timeUnixNano"]),
        span_id: id(&text(&json["spanId"])),
        trace_id: id(&text(&json["traceId"])),
        value,
    }
}

/// The buckets of an exponential histogram.
pub(crate) fn buckets(json: &Value) -> Buckets {
    Buckets { offset: number(&json["offset"]), bucket_counts: list(&json["bucketCounts"], number) }
}

/// A quantile of a summary.
pub(crate) fn quantile(json: &Value) -> ValueAtQuantile {
    ValueAtQuantile { quantile: double(&json["quantile"]), value: double(&json["value"]) }
}
