//! Passes over bytes: validation of protobuf, and JSON that becomes protobuf.

use std::hint::black_box;

use forebay::otlp::{Signal, read_json, validate, write_json};

use super::{Named, Work, requests};
use crate::captured;
use crate::telemetry::Items;

/// No request here becomes larger.
const LIMIT_BYTES: usize = 64 << 20;

pub(super) const CASES: Named = &[
    ("otlp/validate/logs", |_| validation(Items::LogRecords)),
    ("otlp/validate/metrics", |_| validation(Items::DataPoints)),
    ("otlp/validate/traces", |_| validation(Items::Spans)),
    ("otlp/read_json/logs", |_| made_json()),
    ("otlp/read_json/claude_code", |_| captured_json()),
];

fn validation(kind: Items) -> Work {
    let (signal, items, bodies) = (kind.signal(), 1000, requests(kind, 1000, 10));
    Work::new(items * bodies.len() as u64, move || {
        for body in &bodies {
            assert_eq!(u64::from(validate(signal, black_box(body)).unwrap()), items);
        }
    })
}

fn made_json() -> Work {
    let in_json = |body: &bytes::Bytes| {
        let mut json = Vec::new();
        write_json(Signal::Logs, body, &mut json).unwrap();
        (Signal::Logs, json)
    };
    reading(10_000, requests(Items::LogRecords, 1000, 10).iter().map(in_json).collect())
}

/// What Claude Code sent over HTTP/JSON.
fn captured_json() -> Work {
    let captured: Vec<_> = captured::all().into_iter().filter(|captured| captured.is_json).collect();
    let items = captured.iter().map(|captured| u64::from(captured.items)).sum();
    reading(items, captured.into_iter().map(|captured| (captured.signal, captured.body)).collect())
}

fn reading(items: u64, documents: Vec<(Signal, Vec<u8>)>) -> Work {
    Work::new(items, move || {
        for (signal, json) in &documents {
            black_box(read_json(*signal, black_box(json), LIMIT_BYTES).unwrap());
        }
    })
}
