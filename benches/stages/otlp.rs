//! Passes over bytes: validation of protobuf, JSON that becomes protobuf, and protobuf that becomes JSON.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use forebay::otlp::{self, Signal, read_json, write_json};

use crate::captured;
use crate::telemetry::{self, Items};

/// No request here becomes larger.
const LIMIT_BYTES: usize = 64 << 20;

/// A request of a thousand items.
fn request(kind: Items) -> Bytes {
    telemetry::requests(kind, 1000, usize::MAX, 1).remove(0)
}

fn json_of(signal: Signal, body: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    write_json(signal, body, &mut json).unwrap();
    json
}

/// Validation of a request of a thousand items.
pub(crate) fn validate(criterion: &mut Criterion) {
    let mut benchmarks = criterion.benchmark_group("otlp/validate");
    for kind in [Items::LogRecords, Items::DataPoints, Items::Spans] {
        let (signal, body) = (kind.signal(), request(kind));
        benchmarks.throughput(Throughput::Bytes(body.len() as u64));
        benchmarks.bench_with_input(BenchmarkId::from_parameter(signal.name()), &body, |bencher, body| {
            bencher.iter(|| otlp::validate(signal, black_box(body)).unwrap());
        });
    }
}

/// JSON in, of a thousand log records and of what Claude Code sent over HTTP/JSON; and JSON out.
pub(crate) fn json(criterion: &mut Criterion) {
    let body = request(Items::LogRecords);
    let mut benchmarks = criterion.benchmark_group("otlp/read_json");
    let made = vec![(Signal::Logs, json_of(Signal::Logs, &body))];
    let captured = captured::all().into_iter().filter(|captured| captured.is_json);
    let captured = captured.map(|captured| (captured.signal, captured.body)).collect();
    for (name, documents) in [("logs", made), ("claude_code", captured)] {
        let documents: Vec<(Signal, Vec<u8>)> = documents;
        let bytes: usize = documents.iter().map(|(_, json)| json.len()).sum();
        benchmarks.throughput(Throughput::Bytes(bytes as u64));
        benchmarks.bench_with_input(BenchmarkId::from_parameter(name), &documents, |bencher, documents| {
            bencher.iter(|| {
                for (signal, json) in documents {
                    black_box(read_json(*signal, black_box(json), LIMIT_BYTES).unwrap());
                }
            });
        });
    }
    benchmarks.finish();
    let mut benchmarks = criterion.benchmark_group("otlp/write_json");
    benchmarks.throughput(Throughput::Bytes(body.len() as u64));
    benchmarks.bench_with_input(BenchmarkId::from_parameter("logs"), &body, |bencher, body| {
        bencher.iter(|| json_of(Signal::Logs, black_box(body)));
    });
}
