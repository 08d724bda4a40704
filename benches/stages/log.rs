//! Append and commit of groups of records, and the recovery of what a killed process left, on the disk that cargo
//! builds on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use forebay::receive::Export;

use crate::storage;
use crate::telemetry::{self, Items, START};

/// Log records in requests of about 4 kB, 100 kB and 350 kB.
const SIZES: [(&str, u64); 3] = [("4kB", 11), ("100kB", 292), ("350kB", 1024)];

/// Requests that are made before; they go round.
const POOL: usize = 16;

/// About as much as a segment holds.
const SEGMENT_BYTES: usize = 60 << 20;

/// Exports of which no two are alike, so that none is taken for one that came again.
struct Exports {
    pool: Vec<Bytes>,
    made: u64,
}

impl Exports {
    fn of(items: u64) -> Self {
        Self { pool: telemetry::requests(Items::LogRecords, items, usize::MAX, POOL as u64), made: 0 }
    }

    fn next(&mut self) -> Export {
        let body = self.pool.iter().cycle().nth(usize::try_from(self.made).unwrap() % POOL).unwrap();
        self.made += 1;
        // Field 31 is not known to OTLP: eight bytes, which are a number here.
        let body = [body, &[0xf9, 1][..], &self.made.to_le_bytes()].concat();
        storage::export(Items::LogRecords.signal(), body.into())
    }

    fn group(&mut self, length: usize) -> Vec<Export> {
        (0..length).map(|_| self.next()).collect()
    }
}

/// Groups of requests that become durable together.
pub(crate) fn append(criterion: &mut Criterion) {
    let mut benchmarks = criterion.benchmark_group("log/append");
    benchmarks.sample_size(10).measurement_time(Duration::from_secs(5));
    for (size, items) in SIZES {
        for group in [1, 16, 256] {
            let mut exports = Exports::of(items);
            let bytes: usize = exports.group(group).iter().map(|export| export.body.len()).sum();
            benchmarks.throughput(Throughput::Bytes(bytes as u64));
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let mut log = storage::stepwise(folder.path());
            benchmarks.bench_function(BenchmarkId::new(size, group), |bencher| {
                bencher.iter_custom(|iterations| {
                    let mut took = Duration::ZERO;
                    for _ in 0..iterations {
                        let exports = exports.group(group);
                        let began = Instant::now();
                        log.append(&exports, START).unwrap();
                        took += began.elapsed();
                        // As if it had been packed: the file of a segment is used again.
                        while let Some(segment) = log.next_sealed() {
                            log.retire(&segment).unwrap();
                        }
                    }
                    took
                });
            });
        }
    }
}

/// From the folder of a process that was killed while it filled a segment to a log that takes data. That includes the
/// file of the next segment, which is written in full.
pub(crate) fn recovery(criterion: &mut Criterion) {
    let mut benchmarks = criterion.benchmark_group("log/recovery");
    benchmarks.sample_size(10).measurement_time(Duration::from_secs(5));
    for (size, items) in SIZES {
        let killed = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let bytes = fill_a_segment(killed.path(), items);
        benchmarks.throughput(Throughput::Bytes(bytes as u64));
        benchmarks.bench_function(size, |bencher| {
            bencher.iter_batched(
                || {
                    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                    copy(&killed.path().join("log"), &folder.path().join("log"));
                    folder
                },
                |folder| {
                    let log = storage::stepwise(folder.path());
                    assert_eq!((log.sealed_ids().len(), log.records_lost()), (1, 0));
                    (log, folder)
                },
                BatchSize::PerIteration,
            );
        });
    }
}

/// Fills a segment that nobody seals; returns the bytes in it.
fn fill_a_segment(folder: &Path, items: u64) -> usize {
    let mut exports = Exports::of(items);
    let mut log = storage::stepwise(folder);
    let mut bytes = 0;
    while bytes < SEGMENT_BYTES {
        let group = exports.group(16);
        bytes += group.iter().map(|export| export.body.len()).sum::<usize>();
        log.append(&group, START).unwrap();
    }
    assert_eq!(log.sealed_ids(), []);
    bytes
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
