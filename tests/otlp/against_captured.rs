//! What a real client sent.

use forebay::otlp::{Signal, read_json, validate, write_json};

use crate::captured::{self, Captured};
use crate::decoded::Decoded;

/// Larger than any captured request.
const LIMIT_BYTES: usize = 1 << 24;

/// A captured request as protobuf, whatever it was sent as.
fn protobuf(captured: &Captured) -> Vec<u8> {
    if captured.is_json {
        read_json(captured.signal, &captured.body, LIMIT_BYTES).unwrap()
    } else {
        captured.body.clone()
    }
}

/// A request as OTLP/JSON.
fn json(signal: Signal, body: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    write_json(signal, body, &mut json).unwrap();
    json
}

#[test]
fn every_captured_request_is_valid_and_its_items_are_counted() {
    for captured in captured::all() {
        let body = protobuf(&captured);
        let decoded = Decoded::from_protobuf(captured.signal, &body).unwrap();
        assert_eq!(validate(captured.signal, &body), Ok(captured.items), "{}", captured.file);
        assert_eq!(decoded.items(), captured.items as usize, "{}", captured.file);
    }
}

#[test]
fn captured_json_is_read_as_opentelemetry_proto_reads_it() {
    for captured in captured::all().into_iter().filter(|captured| captured.is_json) {
        let expected = Decoded::from_json(captured.signal, &captured.body).unwrap();
        let read = Decoded::from_protobuf(captured.signal, &protobuf(&captured)).unwrap();
        assert_eq!(read, expected, "{}", captured.file);
    }
}

#[test]
fn the_json_written_of_captured_requests_says_the_same_to_opentelemetry_proto() {
    for captured in captured::all() {
        let body = protobuf(&captured);
        let expected = Decoded::from_protobuf(captured.signal, &body).unwrap();
        let written = json(captured.signal, &body);
        let read = Decoded::from_json(captured.signal, &written).unwrap();
        assert_eq!(read, expected, "{}", captured.file);
    }
}

#[test]
fn captured_requests_survive_json_and_back() {
    for captured in captured::all() {
        let body = protobuf(&captured);
        let written = json(captured.signal, &body);
        let back = read_json(captured.signal, &written, LIMIT_BYTES).unwrap();
        let decoded = |body: &[u8]| Decoded::from_protobuf(captured.signal, body).unwrap();
        assert_eq!(decoded(&back), decoded(&body), "{}", captured.file);
        let again = read_json(captured.signal, &json(captured.signal, &back), LIMIT_BYTES).unwrap();
        assert_eq!(again, back, "{}: what was read once does not change any more", captured.file);
    }
}
