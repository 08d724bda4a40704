//! A log of small segments on a simulated disk.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of it")]

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use forebay::disk::{Budget, Disk, SimulatedDisk};
use forebay::log::{Error, Item, Options, Place, SealedSegment, SegmentId, Stepwise, Unreadable};
use forebay::otlp::Signal;
use forebay::receive::Export;
use forebay::units::ByteSize;

/// The size of a segment, where a test does not ask for another.
pub const SEGMENT_BYTES: u64 = 16 * 1024;

/// Where it lies.
pub fn place() -> Place {
    Place {
        folder: PathBuf::from("/data/log"),
        aside: PathBuf::from("/data/damaged"),
        writer: 7,
        packing: "{}".to_owned(),
        at_least: SegmentId(1),
    }
}

/// Segments of this size, and all of the disk.
pub fn options(segment_bytes: u64) -> Options {
    Options { segment_bytes: ByteSize(segment_bytes), free_space_floor: ByteSize(0), ..Options::default() }
}

/// Opens it, where it may not let itself be opened.
pub fn try_open(disk: &SimulatedDisk, segment_bytes: u64) -> Result<Stepwise, Error> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Stepwise::open(&disk, place(), &options(segment_bytes), &Budget::new(1 << 30))
}

/// Opens it.
pub fn open(disk: &SimulatedDisk) -> Stepwise {
    try_open(disk, SEGMENT_BYTES).unwrap()
}

/// An export that can be told from others.
pub fn export(number: u8) -> Export {
    Export::of(Signal::Logs, 1, Bytes::from(vec![number; 900]))
}

/// The exports in a segment, which is whole.
pub fn numbers(segment: &SealedSegment) -> Vec<u8> {
    let records = segment.records(Unreadable::Fail).unwrap();
    records
        .map(|item| match item.unwrap() {
            Item::Record(record) => record.body[0],
            Item::Damage(damage) => panic!("{damage:?}"),
        })
        .collect()
}

/// The exports in all sealed segments.
pub fn all_numbers(log: &Stepwise) -> Vec<u8> {
    std::iter::from_fn(|| log.next_sealed()).flat_map(|segment| numbers(&segment)).collect()
}
