//! All that is promised of any bytes that should be a request.

use forebay::otlp::{
    Invalid, JSON_CLOSING, Problem, Signal, json_opening, read_json, salvage, salvage_json, validate,
    write_json, write_json_resources,
};

use crate::decoded::Decoded;
use crate::memory::within_memory;
use crate::unique_keys::UniqueKeys;

/// Larger than anything that is made of an input.
const LIMIT_BYTES: usize = 1 << 24;

/// How many times as much memory as protobuf takes JSON may take while it is written: the name of a field and a value
/// stand for two bytes, and a buffer that grows is there twice.
const JSON_TIMES: usize = 256;

/// How many times as much memory as JSON takes protobuf may take while it is read.
const PROTOBUF_TIMES: usize = 16;

/// How many times as much memory as a request takes cutting items out of it may take.
const SALVAGE_TIMES: usize = 2;

/// Checks what is said about `body` as protobuf, and what JSON is made of it.
pub fn check_protobuf(signal: Signal, body: &[u8]) {
    let verdict = within_memory(body.len(), 0, || validate(signal, body));
    let decoded = Decoded::from_protobuf(signal, body);
    compare(&verdict, &decoded);
    let mut json = b"before".to_vec();
    let written = within_memory(body.len(), JSON_TIMES, || write_json(signal, body, &mut json));
    if let Err(invalid) = &verdict {
        assert!(invalid.offset <= body.len(), "{invalid}: beyond the {} bytes of the body", body.len());
        assert!(!invalid.to_string().is_empty());
        assert!(written.is_ok() || json == b"before", "an error leaves the output as it was");
        if let Ok(salvaged) = within_memory(body.len(), SALVAGE_TIMES, || salvage(signal, body)) {
            assert!(salvaged.rejected > 0 && salvaged.body.len() < body.len());
            assert_eq!(validate(signal, &salvaged.body), Ok(salvaged.items));
        }
        return;
    }
    written.unwrap_or_else(|invalid| panic!("what is valid can be written: {invalid}"));
    let json = &json[b"before".len()..];
    check_joined(signal, body, json);
    let strictly = serde_json::from_slice::<UniqueKeys>(json).map(drop);
    // serde_json reads 128 levels, and a message of 64 may have two to a level.
    if let Err(error) = strictly {
        assert!(error.to_string().contains("recursion limit"), "{error}: {}", String::from_utf8_lossy(json));
    }
    let back = within_memory(json.len(), PROTOBUF_TIMES, || read_json(signal, json, LIMIT_BYTES))
        .unwrap_or_else(|error| {
            panic!("what was written is read: {error}: {}", String::from_utf8_lossy(json))
        });
    let items = validate(signal, &back);
    assert_eq!(items, verdict, "{}", String::from_utf8_lossy(json));
    let read = Decoded::from_protobuf(signal, &back).unwrap();
    if let Ok(decoded) = decoded {
        assert_eq!(read, decoded, "{}", String::from_utf8_lossy(json));
    }
    check_that_it_stays(signal, &back);
}

/// Checks what is said about `json`, and that what is made of it is a request.
pub fn check_json(signal: Signal, json: &[u8]) {
    let read = within_memory(json.len(), PROTOBUF_TIMES, || read_json(signal, json, LIMIT_BYTES));
    let body = match read {
        Ok(body) => body,
        Err(refused) => {
            assert!(!refused.to_string().is_empty());
            if let Ok(salvaged) = salvage_json(signal, json, LIMIT_BYTES) {
                assert!(salvaged.rejected > 0);
                assert_eq!(validate(signal, &salvaged.body), Ok(salvaged.items));
            }
            return;
        }
    };
    validate(signal, &body).unwrap_or_else(|invalid| panic!("what was made of JSON is valid: {invalid}"));
    Decoded::from_protobuf(signal, &body).unwrap_or_else(|error| panic!("prost reads it: {error}"));
    for limit in [body.len(), body.len().saturating_sub(1)] {
        match read_json(signal, json, limit) {
            Ok(again) => assert!(again == body && limit >= body.len(), "nothing larger than the limit"),
            Err(_) => assert!(limit < body.len(), "what just reaches the limit is read"),
        }
    }
    check_that_it_stays(signal, &body);
    check_protobuf(signal, &body);
}

/// We and prost must say the same, but for what is documented in `otlp`.
fn compare(verdict: &Result<u32, Invalid>, decoded: &Result<Decoded, prost::DecodeError>) {
    match (verdict, decoded) {
        (Ok(items), Ok(decoded)) => {
            assert_eq!(*items as usize, decoded.items(), "items are counted as prost does")
        }
        // What we refuse and prost does not.
        (Err(invalid), Ok(_)) => {
            assert!(
                matches!(invalid.problem, Problem::Group | Problem::TooDeep),
                "prost reads it: {invalid}"
            );
        }
        // What we let through and prost does not.
        (Ok(_), Err(error)) => {
            assert!(error.to_string().contains("UTF-8"), "prost does not read it: {error}")
        }
        (Err(_), Err(_)) => {}
    }
}

/// A document of one request is opened, filled and closed to the same text, if several may share one.
fn check_joined(signal: Signal, body: &[u8], json: &[u8]) {
    let Some(opening) = json_opening(signal) else { return };
    let mut joined = opening.as_bytes().to_vec();
    let mut first = true;
    write_json_resources(signal, body, &mut first, &mut joined).unwrap();
    joined.extend_from_slice(JSON_CLOSING.as_bytes());
    assert!(joined == json, "joined: {}", String::from_utf8_lossy(&joined));
}

/// What went to JSON and back once does not change any more. (Before, it may hold what JSON leaves out, such as a default
/// that undoes what was said before.)
fn check_that_it_stays(signal: Signal, body: &[u8]) {
    let there_and_back = |body: &[u8]| {
        let mut json = Vec::new();
        write_json(signal, body, &mut json).unwrap();
        read_json(signal, &json, LIMIT_BYTES).unwrap()
    };
    let once = there_and_back(body);
    assert!(there_and_back(&once) == once, "it changes: {once:?}");
}
