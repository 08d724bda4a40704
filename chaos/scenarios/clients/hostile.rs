//! Messages that are made to hurt whoever reads them.

use std::fmt::Write as _;

use forebay::otlp::Signal;
use tonic::Code;

use crate::arguments::Options;
use crate::client::{grpc_framed, over_http2};

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::{Way, ask, statuses};

/// Nesting that no stack would bear.
const LEVELS: usize = 50_000;

pub(super) fn short(_: &Options) {
    besieged(Bounds::default(), &[], async |besieged| {
        for (what, body) in protobuf() {
            refuse(besieged, &[Way::Grpc, Way::Protobuf], what, &body).await;
        }
        for (what, body) in json() {
            refuse(besieged, &[Way::Json], what, body.as_bytes()).await;
        }
        many_that_are_empty(besieged).await;
        lengths_that_lie(besieged).await;
    });
}

pub(super) fn million(_: &Options) {
    let bounds = Bounds { max_request_mib: 64, max_inflight_mib: 256, ..Bounds::default() };
    besieged(bounds, &[], async |besieged| {
        // As JSON by somebody else's code, more of them would not be within the limit.
        for (way, records) in [(Way::Grpc, 1_000_000), (Way::Protobuf, 1_000_000), (Way::Json, 200_000)] {
            let export = besieged.ledger.note_sent(Signal::Logs, records, 0);
            let request = way.request(Signal::Logs, &way.encode(&export), None);
            assert_eq!(way.send(besieged.life.http, request).await, Code::Ok, "{way:?}");
            besieged.ledger.note_acknowledged(&export);
        }
    });
}

async fn refuse(besieged: &Besieged, ways: &[Way], what: &str, body: &[u8]) {
    for way in ways {
        let request = way.request(Signal::Logs, body, None);
        assert_eq!(way.send(besieged.life.http, request).await, Code::InvalidArgument, "{way:?}: {what}");
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
    bytes
}

/// A field with a length.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag << 3 | 2], &varint(content.len() as u64)[..], content].concat()
}

/// Arrays within arrays. Lengths are written from the inside out, so it is built back to front.
fn nested() -> Vec<u8> {
    let mut backward: Vec<u8> = Vec::new();
    for level in 0..2 * LEVELS {
        let tag = if level % 2 == 0 { 1 } else { 5 };
        let key = [&[tag << 3 | 2], &varint(backward.len() as u64)[..]].concat();
        backward.extend(key.into_iter().rev());
    }
    backward.reverse();
    field(1, &field(2, &field(2, &field(5, &backward))))
}

fn protobuf() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nesting", nested()),
        ("a length beyond the end", vec![0x0a, 0x7f]),
        ("a length beyond 32 bits", [&[0x0a], &varint(1 << 40)[..], b"x"].concat()),
        ("a length beyond 63 bits", [&[0x0a], &varint(u64::MAX)[..], b"x"].concat()),
        ("a length that wraps round", [&[0x0a], &varint(u64::MAX - 8)[..], &[0; 64]].concat()),
        ("a length within that is beyond the one without", vec![0x0a, 0x02, 0x12, 0x10, 0, 0, 0, 0]),
        ("a number of eleven bytes", vec![0xff; 11]),
        ("the field zero", vec![0x02, 0x00]),
        ("a group that does not end", vec![0x0b; 1000]),
        ("a wire type that there is not", vec![0x0f, 0x00]),
        ("resource logs that are a number", vec![0x08, 0x01]),
    ]
}

fn json() -> Vec<(&'static str, String)> {
    let nested = |before: &str, opening: &str, closing: &str, after: &str| {
        format!("{before}{}{{}}{}{after}", opening.repeat(LEVELS / 2), closing.repeat(LEVELS / 2))
    };
    let record = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":"#;
    vec![
        ("nesting", nested(record, r#"{"arrayValue":{"values":["#, "]}}", "}]}]}]}")),
        ("nesting that does not end", r#"{"resourceLogs":["#.repeat(LEVELS)),
        ("brackets", "[".repeat(LEVELS)),
        ("a number without end", format!(r#"{record}{{"intValue":"{}"}}}}]}}]}}]}}"#, "9".repeat(LEVELS))),
        ("an exponent without end", format!(r#"{record}{{"doubleValue":1e{}}}}}]}}]}}]}}"#, "9".repeat(400))),
        ("a text that does not end", format!(r#"{record}{{"stringValue":"{}"#, "x".repeat(LEVELS))),
        ("another value", r#"["resourceLogs"]"#.to_owned()),
        ("two values", "{}{}".to_owned()),
        (
            "nothing but keys",
            (0..LEVELS).fold("{".to_owned(), |mut keys, key| {
                let _ = write!(keys, r#""{key}":"#);
                keys
            }),
        ),
    ]
}

/// As many messages as the limit allows that have nothing in them: no items, so there is nothing to store.
async fn many_that_are_empty(besieged: &Besieged) {
    let logs = [0x0a, 0x00].repeat((1 << 19) - 1);
    let scopes = [0x12, 0x00].repeat(1 << 18);
    let json = format!(r#"{{"resourceLogs":[{}{{}}]}}"#, "{},".repeat(300_000));
    for (way, body) in [
        (Way::Grpc, &logs[..]),
        (Way::Protobuf, &logs),
        (Way::Protobuf, &field(1, &scopes)),
        (Way::Json, json.as_bytes()),
    ] {
        let request = way.request(Signal::Logs, body, None);
        assert_eq!(way.send(besieged.life.http, request).await, Code::Ok, "{way:?}");
    }
}

/// Lengths that nobody sends so much for.
async fn lengths_that_lie(besieged: &Besieged) {
    for length in [1 << 21, u32::MAX] {
        let call = grpc_framed(Signal::Logs, &[&[0], &length.to_be_bytes()[..], b"x"].concat());
        let status = over_http2(besieged.life.grpc, call).await.grpc_status();
        assert_eq!(status.code(), Code::ResourceExhausted, "{length}");
    }
    for (length, status) in [
        ("2097152", 413),
        ("9223372036854775807", 413),
        ("18446744073709551613", 413),
        ("18446744073709551616", 400),
        ("-1", 400),
        ("0x10", 400),
        ("1e3", 400),
    ] {
        let head = format!(
            "POST /v1/logs HTTP/1.1\r\nhost: forebay\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             expect: 100-continue\r\n\r\n"
        );
        let answer = ask(besieged.life.http, head.as_bytes(), 1).await;
        assert_eq!(statuses(&answer), [status], "{length}: {:?}", String::from_utf8_lossy(&answer));
    }
}
