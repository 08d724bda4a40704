//! Attributes of every kind.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use prost::Message as _;

use super::Promotion;
use super::logs_tests::{log, record, request, wrapped};
use super::testing::{Rows, attribute, text, texts};
use crate::otlp::Signal;

/// The map and the extra of a record with these attributes.
fn map_and_extra(attributes: Vec<KeyValue>) -> (String, Option<String>) {
    let rows = log(&[], record(attributes));
    (rows.cell(0, "attributes").unwrap(), rows.cell(0, "extra"))
}

#[test]
fn texts_are_in_the_map_alone() {
    let (map, extra) = map_and_extra(vec![text("b", "x"), text("a.b.c", ""), text("", "no key")]);
    assert_eq!((&*map, extra), (r#"{"b":"x","a.b.c":"","":"no key"}"#, None));
}

#[test]
fn other_values_are_text_in_the_map_and_exact_in_extra() {
    let list = |values: Vec<Any>| ArrayValue {
        values: values.into_iter().map(|value| AnyValue { value: Some(value) }).collect(),
    };
    let pairs = vec![
        attribute("k", Any::BoolValue(true)),
        text("k", "repeated"),
        KeyValue { key: "none".into(), ..KeyValue::default() },
    ];
    let map = Any::KvlistValue(KeyValueList { values: pairs });
    for (value, shown, exact) in [
        (Any::BoolValue(false), "false", r#"{"boolValue":false}"#),
        (Any::IntValue(i64::MIN), "-9223372036854775808", r#"{"intValue":"-9223372036854775808"}"#),
        (Any::DoubleValue(0.1), "0.1", r#"{"doubleValue":0.1}"#),
        (Any::DoubleValue(2.0), "2.0", r#"{"doubleValue":2.0}"#),
        (Any::DoubleValue(f64::NAN), "NaN", r#"{"doubleValue":"NaN"}"#),
        (Any::DoubleValue(f64::NEG_INFINITY), "-Infinity", r#"{"doubleValue":"-Infinity"}"#),
        (Any::BytesValue(vec![1, 2]), "AQI=", r#"{"bytesValue":"AQI="}"#),
        (Any::BytesValue(vec![]), "", r#"{"bytesValue":""}"#),
        (Any::ArrayValue(list(vec![])), "[]", r#"{"arrayValue":{"values":[]}}"#),
        (
            Any::ArrayValue(list(vec![Any::IntValue(1), Any::StringValue("\"".into()), map])),
            r#"[1,"\"",{"k":true,"none":null}]"#,
            concat!(
                r#"{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"\""},{"kvlistValue":{"values":["#,
                r#"{"key":"k","value":{"boolValue":true}},{"key":"k","value":{"stringValue":"repeated"}},"#,
                r#"{"key":"none"}]}}]}}"#
            ),
        ),
    ] {
        let (map, extra) = map_and_extra(vec![text("plain", "x"), attribute("a", value)]);
        assert_eq!(map, format!(r#"{{"plain":"x","a":{shown:?}}}"#));
        assert_eq!(extra.unwrap(), format!(r#"{{"attributes":[{{"key":"a","value":{exact}}}]}}"#));
    }
}

#[test]
fn a_value_that_is_missing_is_null_in_the_map_and_extra_says_how_it_is_missing() {
    let none = KeyValue { key: "a".into(), ..KeyValue::default() };
    let empty = KeyValue { value: Some(AnyValue::default()), ..none.clone() };
    for (sent, exact) in [(none, r#"{"key":"a"}"#), (empty, r#"{"key":"a","value":{}}"#)] {
        let (map, extra) = map_and_extra(vec![sent]);
        assert_eq!(map, r#"{"a":None}"#);
        assert_eq!(extra.unwrap(), format!(r#"{{"attributes":[{exact}]}}"#));
    }
}

#[test]
fn of_a_repeated_key_the_first_counts_and_extra_has_the_whole_list() {
    let (map, extra) = map_and_extra(vec![text("a", "1"), text("b", "2"), text("a", "3")]);
    assert_eq!(map, r#"{"a":"1","b":"2"}"#);
    let whole = [("a", "1"), ("b", "2"), ("a", "3")]
        .map(|(key, value)| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#));
    assert_eq!(extra.unwrap(), format!(r#"{{"attributes":[{}]}}"#, whole.join(",")));
}

#[test]
fn bytes_that_are_not_utf_8_become_replacement_characters() {
    // Two attributes of the keys FE and FF, which are the same then, and a value of one byte FF.
    let pair = |key: u8| [0x32, 8, 0x0a, 1, key, 0x12, 3, 0x0a, 1, 0xff];
    let record = [pair(0xfe), pair(0xff)].concat();
    let body = wrapped(&record);
    let rows = Rows::of(Signal::Logs, &[], &body);
    assert_eq!(rows.cell(0, "attributes").unwrap(), "{\"\u{fffd}\":\"\u{fffd}\"}");
    let one = "{\"key\":\"\u{fffd}\",\"value\":{\"stringValue\":\"\u{fffd}\"}}";
    assert_eq!(rows.cell(0, "extra").unwrap(), format!("{{\"attributes\":[{one},{one}]}}"));
}

#[test]
fn promoted_columns_hold_what_can_be_had_in_their_type() {
    let promoted = ["string", "int", "double", "bool"].map(|kind| {
        Promotion::parse(&format!("as_{kind}"), &format!("attributes.my.key as {kind}")).unwrap()
    });
    let string = |text: &str| Any::StringValue(text.into());
    for (value, expected) in [
        (string("12"), [Some("12"), Some("12"), Some("12.0"), None]),
        (string("1.5"), [Some("1.5"), None, Some("1.5"), None]),
        (string("true"), [Some("true"), None, None, Some("true")]),
        (string("nan"), [Some("nan"), None, None, None]),
        (string("1e999"), [Some("1e999"), None, None, None]),
        (
            string("9223372036854775808"),
            [Some("9223372036854775808"), None, Some("9.223372036854776e18"), None],
        ),
        (string(""), [Some(""), None, None, None]),
        (Any::IntValue(-1), [Some("-1"), Some("-1"), Some("-1.0"), None]),
        (Any::DoubleValue(3.0), [Some("3.0"), Some("3"), Some("3.0"), None]),
        (Any::DoubleValue(3.5), [Some("3.5"), None, Some("3.5"), None]),
        (
            Any::DoubleValue(9_223_372_036_854_775_808.0),
            [Some("9.223372036854776e+18"), None, Some("9.223372036854776e18"), None],
        ),
        (Any::DoubleValue(f64::NAN), [Some("NaN"), None, None, None]),
        (Any::BoolValue(false), [Some("false"), None, None, Some("false")]),
        (Any::BytesValue(b"7".to_vec()), [Some("Nw=="), None, None, None]),
        (Any::ArrayValue(ArrayValue::default()), [Some("[]"), None, None, None]),
    ] {
        let rows = log(&promoted, record(vec![attribute("my.key", value.clone())]));
        assert_eq!(rows.cells(["as_string", "as_int", "as_double", "as_bool"]), texts(expected), "{value:?}");
    }
}

/// The value that a text of JSON is; a cell's `None` is null there.
fn as_json(text: &str) -> serde_json::Value {
    serde_json::from_str(&text.replace("None", "null")).unwrap()
}

#[test]
fn an_attribute_that_lies_otherwise_on_the_wire_becomes_the_same() {
    const KEY: &[u8] = &[0x0a, 1, b'k'];
    for (value, usual) in [
        (&[0x0a, 1, b'x'][..], &[0x0a, 1, b'x'][..]),
        (&[0x18, 0x85, 0x80, 0x00], &[0x18, 5]),
        (&[0x10, 0x81, 0x00], &[0x10, 1]),
        // A field that no schema knows, and members of which the last counts.
        (&[0x18, 5, 0xf8, 0x07, 1], &[0x18, 5]),
        (&[0x18, 5, 0x0a, 1, b'x'], &[0x0a, 1, b'x']),
        (&[0x3a, 1, 7, 0x3a, 1, 8], &[0x3a, 1, 8]),
        (&[0x2a, 0], &[0x2a, 0]),
        (&[], &[]),
    ] {
        let field = |value: &[u8]| [&[0x12, u8::try_from(value.len()).unwrap()], value].concat();
        let rows = |pair: &[u8]| {
            let record = [&[0x32, u8::try_from(pair.len()).unwrap()], pair].concat();
            let rows = Rows::of(Signal::Logs, &[], &wrapped(&record));
            // Members of an object may come in any order.
            rows.cells(["attributes", "extra"]).map(|cell| cell.map(|json| as_json(&json)))
        };
        let expected = rows(&[KEY, &field(usual)].concat());
        let value = field(value);
        for (place, pair) in [
            [KEY, &value, &[]],
            [&value, KEY, &[]],
            [&[0x0a, 2, b'n', b'o'], KEY, &value],
            [&[0x0a, 2, b'n', b'o'], &value, KEY],
            [KEY, &value, &[0xf8, 0x07, 1]],
            [KEY, &value, &[0x12, 0]],
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(rows(&pair.concat()), expected, "{place}: {value:?}");
        }
    }
}

/// Attributes of few keys, so that they come again in any order, often with a value of another type.
fn few_keys() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![
        Just("a".to_owned()),
        Just("aa".to_owned()),
        Just("model".to_owned()),
        Just("cost_usd".to_owned()),
        Just("my.key".to_owned()),
        "[ab]{0,2}",
    ];
    let value = prop_oneof![
        4 => "[0-9a]{0,2}".prop_map(Any::StringValue),
        1 => any::<i64>().prop_map(Any::IntValue),
        1 => any::<bool>().prop_map(Any::BoolValue),
        1 => (0..9).prop_map(|number| Any::DoubleValue(f64::from(number) / 2.0)),
        1 => Just(Any::ArrayValue(ArrayValue::default())),
    ];
    vec((key, value).prop_map(|(key, value)| attribute(&key, value)), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(20_261_123), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_lists_before_had_makes_no_difference_to_a_list(
        few in vec(few_keys(), 1..4), order in vec((0_usize..4, 0_usize..9), 1..20),
    ) {
        // Lists that come again and again, now and then without one of their attributes.
        let lists: Vec<Vec<KeyValue>> = order.iter().map(|(list, without)| {
            let mut list = few[list % few.len()].clone();
            if *without < list.len() {
                list.remove(*without);
            }
            list
        }).collect();
        let promoted = [Promotion::parse("mine", "attributes.my.key as int").unwrap()];
        let mut together = request(record(vec![]));
        together.resource_logs[0].scope_logs[0].log_records = lists.iter().cloned().map(record).collect();
        let together = Rows::of(Signal::Logs, &promoted, &together.encode_to_vec());
        for (row, list) in lists.into_iter().enumerate() {
            let alone = log(&promoted, record(list));
            for name in ["attributes", "extra", "model", "cost_usd", "mine"] {
                prop_assert_eq!(together.cell(row, name), alone.cell(0, name), "{} of row {}", name, row);
            }
        }
    }
}
