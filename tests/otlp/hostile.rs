//! Input made to hurt: deep nesting, and messages whose fields are out of order at every level.

use forebay::otlp::{Invalid, InvalidJson, Problem, Signal, read_json, validate, write_json};
use prost::encoding::{encode_key, encode_varint};

/// Nesting that no stack would bear.
const LEVELS: usize = 100_000;

/// Lays `message` into a field, given what stands before it in its new message.
fn within(tag: u32, before: &[u8], message: &[u8]) -> Vec<u8> {
    let mut bytes = before.to_vec();
    encode_key(tag, prost::encoding::WireType::LengthDelimited, &mut bytes);
    encode_varint(message.len() as u64, &mut bytes);
    bytes.extend_from_slice(message);
    bytes
}

/// A log request whose only record has this body.
fn log_with_body(value: &[u8]) -> Vec<u8> {
    let record = within(5, &[], value);
    within(1, &[], &within(2, &[], &within(2, &[], &record)))
}

/// `levels` arrays within each other. Lengths are written from the inside out, so it is built back to front.
fn nested(levels: usize) -> Vec<u8> {
    let mut backward = Vec::new();
    for level in 0..2 * levels {
        let mut key = Vec::new();
        encode_key(if level % 2 == 0 { 1 } else { 5 }, prost::encoding::WireType::LengthDelimited, &mut key);
        encode_varint(backward.len() as u64, &mut key);
        backward.extend(key.into_iter().rev());
    }
    backward.reverse();
    log_with_body(&backward)
}

/// The same as JSON.
fn nested_json(levels: usize) -> String {
    format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}{{}}{}}}]}}]}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(levels),
        "]}}".repeat(levels)
    )
}

#[test]
fn messages_may_nest_sixty_four_levels() {
    // The body is the fifth level, and each array adds itself and its value.
    for levels in [0, 1, 29] {
        let body = nested(levels);
        assert_eq!(validate(Signal::Logs, &body), Ok(1), "{levels}");
        let mut json = Vec::new();
        write_json(Signal::Logs, &body, &mut json).unwrap();
        assert_eq!(String::from_utf8(json.clone()).unwrap(), nested_json(levels));
        assert_eq!(read_json(Signal::Logs, &json, 1 << 20).unwrap(), body);
    }
}

#[test]
fn deeper_nesting_is_an_error_and_not_the_end_of_the_stack() {
    for levels in [30, 31, 64, LEVELS] {
        let body = nested(levels);
        let too_deep = |result: Result<(), Invalid>| result.unwrap_err().problem == Problem::TooDeep;
        assert!(too_deep(validate(Signal::Logs, &body).map(drop)), "{levels}");
        assert!(too_deep(write_json(Signal::Logs, &body, &mut Vec::new())), "{levels}");
        let refused = read_json(Signal::Logs, nested_json(levels).as_bytes(), 1 << 24).unwrap_err();
        assert!(matches!(refused, InvalidJson::TooDeep { .. }), "{levels}: {refused}");
    }
}

#[test]
fn deep_nesting_where_it_does_not_matter_is_passed_over() {
    let unknown = format!(r#"{{"unknown":{}{}}}"#, "[".repeat(LEVELS), "]".repeat(LEVELS));
    assert_eq!(read_json(Signal::Logs, unknown.as_bytes(), 1 << 20).unwrap(), b"");
    for wrong in ["[", r#"{"resourceLogs":"#, r#"{"resourceLogs":[{"resource":["#] {
        assert!(read_json(Signal::Logs, wrong.repeat(LEVELS).as_bytes(), 1 << 20).is_err(), "{wrong}");
    }
    // Protobuf does not look into a field that it does not know.
    assert_eq!(validate(Signal::Logs, &within(15, &[], &nested(LEVELS))), Ok(0));
}

#[test]
fn a_message_out_of_order_at_every_level_takes_no_longer_for_it() {
    // Each level has text, an array and, at its end, the text's member again: gathering is due at every level. Were a
    // level tried in order first and then again, this would take two to the power of fifty-eight steps.
    let mut value = Vec::new();
    for _ in 0..29 {
        let array = within(1, &[], &value);
        value = within(5, &within(1, &[], b"text"), &array);
        value = [within(1, &[], b"text"), value].concat();
    }
    let body = log_with_body(&value);
    assert_eq!(validate(Signal::Logs, &body), Ok(1));
    let mut json = Vec::new();
    write_json(Signal::Logs, &body, &mut json).unwrap();
    assert_eq!(String::from_utf8(json).unwrap(), nested_json(29));
}
