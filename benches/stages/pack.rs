//! Records that become objects in a spool on the disk that cargo builds on. `cargo bench --bench packing` says more about
//! the formats: memory, and bytes in the bucket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use forebay::disk::{Budget, RealDisk};
use forebay::log::{Item, Record, SegmentId};
use forebay::pack::{BatchId, Compression, Format, Options, OutputName, Spool, pack_records};

use crate::telemetry::{self, Items, START};

/// Items in a request, and requests in the segment.
const REQUEST_ITEMS: u32 = 1000;
const REQUESTS: u32 = 20;

const SUBJECTS: [(&str, Format, Compression); 8] = [
    ("otlp_json+gzip", Format::OtlpJson, Compression::Gzip),
    ("otlp_jsonl+gzip", Format::OtlpJsonl, Compression::Gzip),
    ("otlp_proto+gzip", Format::OtlpProto, Compression::Gzip),
    ("otlp_proto+zstd", Format::OtlpProto, Compression::Zstd),
    ("parquet+zstd", Format::Parquet, Compression::Zstd),
    ("jsonl+gzip", Format::Jsonl, Compression::Gzip),
    ("csv+gzip", Format::Csv, Compression::Gzip),
    ("jsonl", Format::Jsonl, Compression::None),
];

/// Every format, with the records of every signal.
pub(crate) fn pack(criterion: &mut Criterion) {
    for kind in [Items::LogRecords, Items::DataPoints, Items::Spans] {
        let records = records(kind);
        let mut benchmarks = criterion.benchmark_group(format!("pack/{}", kind.signal().name()));
        benchmarks.sample_size(10).measurement_time(Duration::from_secs(3));
        benchmarks.throughput(Throughput::Elements((REQUEST_ITEMS * REQUESTS).into()));
        for (name, format, compression) in SUBJECTS {
            let options = Options { format, compression: Some(compression), ..Options::default() };
            benchmarks.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher
                    .iter_custom(|iterations| (0..iterations).map(|_| pack_once(&records, &options)).sum());
            });
        }
    }
}

fn records(kind: Items) -> Vec<Record> {
    let requests = telemetry::requests(kind, REQUEST_ITEMS.into(), usize::MAX, REQUESTS.into());
    let record = |(seq, body)| Record {
        seq,
        signal: kind.signal(),
        received_at: START + seq,
        items: REQUEST_ITEMS,
        tenant: String::new(),
        body,
    };
    (0..).zip(requests).map(record).collect()
}

fn pack_once(records: &[Record], options: &Options) -> Duration {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let budget = Budget::new(1 << 40);
    let (spool, ..) = Spool::open(Arc::new(RealDisk), folder.path().join("spool"), budget).unwrap();
    let id = BatchId { segment: SegmentId(1), output: OutputName::main() };
    let read = || Ok::<_, Infallible>(records.iter().cloned().map(|record| Ok(Item::Record(record))));
    let began = Instant::now();
    let batch = pack_records(&id, "a1b2c3d4", options, read, &spool).unwrap();
    let took = began.elapsed();
    assert_eq!(batch.items(), u64::from(REQUEST_ITEMS * REQUESTS));
    took
}
