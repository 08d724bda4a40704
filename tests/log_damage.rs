//! Damage to the header of a segment costs no more than what cannot be read, and that is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use forebay::disk::{Budget, Disk, SimulatedDisk};
use forebay::log::{Error, Item, Options, Place, SegmentId, Stepwise, Unreadable};
use forebay::otlp::Signal;
use forebay::receive::Export;
use forebay::units::ByteSize;

const SEGMENT_BYTES: u64 = 16 * 1024;
/// Where the second header stands.
const COPY_AT: u64 = SEGMENT_BYTES - 4224;
const HEADER_BYTES: usize = 4096;

fn open(disk: &SimulatedDisk) -> Result<Stepwise, Error> {
    let place = Place {
        folder: PathBuf::from("/data/log"),
        aside: PathBuf::from("/data/damaged"),
        writer: 7,
        packing: "{}".to_owned(),
        at_least: SegmentId(1),
    };
    let options = Options {
        segment_bytes: ByteSize(SEGMENT_BYTES),
        free_space_floor: ByteSize(0),
        ..Options::default()
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Stepwise::open(&disk, place, &options, &Budget::new(1 << 30))
}

/// A log with three segments of so many records.
fn filled() -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk).unwrap();
    for records in [2, 3, 4] {
        for _ in 0..records {
            let export = Export { signal: Signal::Logs, items: 1, body: Bytes::from(vec![1; 900]) };
            log.append(&[export], 1).unwrap();
        }
        log.seal();
    }
    disk
}

fn path(segment: u64) -> PathBuf {
    PathBuf::from(format!("/data/log/{segment:08}.segment"))
}

fn read(disk: &SimulatedDisk, path: &Path, at: u64) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    disk.open(path).unwrap().read_at(&mut bytes, at).unwrap();
    bytes
}

fn write(disk: &SimulatedDisk, path: &Path, at: u64, bytes: &[u8]) {
    disk.open(path).unwrap().write_at(&[IoSlice::new(bytes)], at).unwrap();
}

/// How many records can be read.
fn readable(log: &Stepwise) -> usize {
    let segments = std::iter::from_fn(|| log.next_sealed());
    let items = |segment: forebay::log::SealedSegment| segment.records(Unreadable::Fail).unwrap();
    segments.flat_map(items).filter(|item| matches!(item, Ok(Item::Record(_)))).count()
}

#[test]
fn headers_that_have_changed_places_between_two_segments_cost_nothing() {
    for at in [0, COPY_AT] {
        let disk = filled();
        let (first, second) = (read(&disk, &path(1), at), read(&disk, &path(2), at));
        write(&disk, &path(1), at, &second);
        write(&disk, &path(2), at, &first);
        let log = open(&disk).unwrap();
        assert_eq!((log.records_lost(), readable(&log)), (0, 9), "headers at {at}");
    }
}

#[test]
fn a_bit_that_turned_in_the_version_is_no_other_version() {
    for at in [8, COPY_AT + 8] {
        let disk = filled();
        disk.flip_bit(&path(2), at).unwrap();
        let log = open(&disk).unwrap();
        assert_eq!((log.records_lost(), readable(&log)), (0, 9), "the version at {at}");
    }
    // One that really has another version has it in both places.
    let disk = filled();
    disk.flip_bit(&path(2), 8).unwrap();
    disk.flip_bit(&path(2), COPY_AT + 8).unwrap();
    assert!(matches!(open(&disk), Err(Error::Version { .. })));
}

#[test]
fn what_a_segment_without_headers_held_is_counted_by_the_numbers_around_it() {
    // Before the first nothing tells what was given.
    for (segments, lost) in [(&[1][..], 0), (&[2], 3), (&[3], 4), (&[2, 3], 7), (&[1, 2], 0)] {
        let disk = filled();
        // One more segment, behind the third.
        drop(open(&disk).unwrap());
        for segment in segments {
            write(&disk, &path(*segment), 0, &[0; HEADER_BYTES]);
            write(&disk, &path(*segment), COPY_AT, &[0; HEADER_BYTES]);
        }
        assert_eq!(open(&disk).unwrap().records_lost(), lost, "segments {segments:?}");
    }
}
