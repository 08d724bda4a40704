//! One packing of many segments, and what it took.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::disk::{Budget, Disk, RealDisk};
use forebay::log::{Item, Record, SegmentId};
use forebay::otlp::Signal;
use forebay::pack::{BatchId, Options, OutputName, Spool, pack_records};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::telemetry::{self, Items};

/// As in the default configuration: what of a segment is of one signal becomes an object.
const SEGMENT_BYTES: usize = 64 << 20;

/// As many bytes of requests are made before it begins, and packed again and again: more than any compressor looks back.
const POOL_BYTES: usize = 24 << 20;

/// Enough for every item to be received within one hour, which is one partition of the default key.
const NANOS_BETWEEN_ITEMS: u64 = 1000;

/// What packing took. Numbers are doubles, because quotients are all that anybody wants of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Packed {
    items: f64,
    /// The bytes of the requests.
    received_bytes: f64,
    seconds: f64,
    /// What the process ran on its processors.
    cpu_seconds: f64,
    /// The most memory that the process had, without the requests that were made before.
    peak_bytes: f64,
    pub(crate) objects: f64,
    /// The bytes of the objects.
    bytes: f64,
}

impl Packed {
    pub(crate) fn items_a_second(&self) -> f64 {
        self.items / self.seconds
    }

    pub(crate) fn cpu_seconds_a_million(&self) -> f64 {
        self.cpu_seconds / self.items * 1e6
    }

    pub(crate) fn peak_mib(&self) -> f64 {
        self.peak_bytes / f64::from(1 << 20)
    }

    pub(crate) fn bytes_an_item(&self) -> f64 {
        self.bytes / self.items
    }

    pub(crate) fn received_bytes_an_item(&self) -> f64 {
        self.received_bytes / self.items
    }
}

/// Packs about so many items, in segments that are packed as those of the log, into a spool on the disk that cargo builds
/// on.
pub(crate) fn pack(kind: Items, options: &Options, items: u64, request_items: u64) -> Packed {
    let pool = telemetry::requests(kind, request_items, POOL_BYTES, items.div_ceil(request_items));
    let pool_bytes: usize = pool.iter().map(Bytes::len).sum();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let (spool, ..) = Spool::open(disk, folder.path().join("spool"), Budget::new(u64::MAX >> 1)).unwrap();
    let mut records = records(kind.signal(), &pool, items, request_items).peekable();
    let mut packed = Packed {
        items: 0.0,
        received_bytes: 0.0,
        seconds: 0.0,
        cpu_seconds: 0.0,
        peak_bytes: 0.0,
        objects: 0.0,
        bytes: 0.0,
    };
    let (began, cpu_before) = (Instant::now(), cpu_time());
    for segment in 1.. {
        if records.peek().is_none() {
            break;
        }
        let id = BatchId { segment: SegmentId(segment), output: OutputName::main() };
        let mut segment_bytes = 0;
        let mut segment_records = Vec::new();
        while let Some(record) =
            records.next_if(|record| segment_bytes == 0 || segment_bytes + record.body.len() <= SEGMENT_BYTES)
        {
            segment_bytes += record.body.len();
            segment_records.push(record);
        }
        let read =
            || Ok::<_, Infallible>(segment_records.iter().cloned().map(|record| Ok(Item::Record(record))));
        let batch = pack_records(&id, "a1b2c3d4", options, read, &spool).unwrap();
        packed.items += double(batch.items());
        packed.received_bytes += double(segment_bytes as u64);
        packed.objects += double(batch.objects.len() as u64);
        packed.bytes += double(batch.bytes());
        // As after delivery, so that it does not take more disk than a segment.
        spool.remove(&batch).unwrap();
    }
    packed.seconds = began.elapsed().as_secs_f64();
    packed.cpu_seconds = cpu_time().as_secs_f64() - cpu_before.as_secs_f64();
    packed.peak_bytes = double(peak_bytes().saturating_sub(pool_bytes as u64));
    packed
}

/// Records of about so many items.
fn records(signal: Signal, pool: &[Bytes], items: u64, request_items: u64) -> impl Iterator<Item = Record> {
    (0..items.div_ceil(request_items)).zip(pool.iter().cycle()).map(move |(seq, body)| Record {
        seq,
        signal,
        received_at: telemetry::START + seq * request_items * NANOS_BETWEEN_ITEMS,
        items: u32::try_from(request_items).unwrap(),
        tenant: String::new(),
        body: body.clone(),
    })
}

/// What this process ran so far, in all of its threads.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap()
}

/// The most memory that this process had so far.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

#[expect(clippy::cast_precision_loss, reason = "a quotient of it is rounded anyway")]
fn double(number: u64) -> f64 {
    number as f64
}
