//! Damage to a segment costs no more than what cannot be read, and that is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::IoSlice;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use forebay::disk::{AfterPowerLoss, Disk, SimulatedDisk};
use forebay::log::{Error, Item, SegmentId, Stepwise, Unreadable};
use forebay::otlp::Signal;
use forebay::receive::Export;

#[path = "support/log.rs"]
mod support_log;

use support_log::{SEGMENT_BYTES, all_numbers, export, open, try_open};

/// Where the second header stands.
const COPY_AT: u64 = SEGMENT_BYTES - 8192;
const HEADER_BYTES: usize = 4096;

/// A log with three segments of so many records.
fn filled() -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    for records in [2, 3, 4] {
        for _ in 0..records {
            let export = Export::of(Signal::Logs, 1, Bytes::from(vec![1; 900]));
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
        let log = open(&disk);
        assert_eq!((log.records_lost(), readable(&log)), (0, 9), "headers at {at}");
    }
}

#[test]
fn a_bit_that_turned_in_the_version_is_no_other_version() {
    for at in [8, COPY_AT + 8] {
        let disk = filled();
        disk.flip_bit(&path(2), at).unwrap();
        let log = open(&disk);
        assert_eq!((log.records_lost(), readable(&log)), (0, 9), "the version at {at}");
    }
}

#[test]
fn what_a_segment_without_headers_held_is_counted_by_the_numbers_around_it() {
    // Before the first nothing tells what was given.
    for (segments, lost) in [(&[1][..], 0), (&[2], 3), (&[3], 4), (&[2, 3], 7), (&[1, 2], 0)] {
        let disk = filled();
        // One more segment, behind the third.
        drop(open(&disk));
        for segment in segments {
            write(&disk, &path(*segment), 0, &[0; HEADER_BYTES]);
            write(&disk, &path(*segment), COPY_AT, &[0; HEADER_BYTES]);
        }
        assert_eq!(open(&disk).records_lost(), lost, "segments {segments:?}");
    }
}

#[test]
fn what_is_damaged_is_kept_aside_durably() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    for number in 1..4 {
        log.append(&[export(number)], 1).unwrap();
    }
    disk.flip_bit("/data/log/00000001.segment".as_ref(), 4096 + 56 + 900 + 100).unwrap();
    let disk = disk.reboot(AfterPowerLoss::Lost);
    assert_eq!(open(&disk).records_lost(), 1);
    let disk = disk.reboot(AfterPowerLoss::Lost);
    let kept = disk.list("/data/damaged".as_ref()).unwrap();
    assert!(matches!(kept.as_slice(), [only] if only.bytes > 900), "{kept:?}");
    let mut bytes = vec![0; 300];
    let path = PathBuf::from("/data/damaged").join(&kept[0].name);
    disk.open(&path).unwrap().read_at(&mut bytes, 100).unwrap();
    let longest_run = bytes.split(|byte| *byte != 2).map(<[u8]>::len).max();
    assert!(longest_run > Some(100), "the bytes of the record are there");
}

#[test]
fn a_damaged_header_costs_nothing_for_there_is_another() {
    // The magic, the version, and what the checksum covers.
    for at in [3, 8, 30] {
        let disk = SimulatedDisk::default();
        let mut log = open(&disk);
        log.append(&[export(1)], 1).unwrap();
        disk.flip_bit("/data/log/00000001.segment".as_ref(), at).unwrap();
        let again = open(&disk.reboot(AfterPowerLoss::Lost));
        assert_eq!(all_numbers(&again), [1], "byte {at}");
        assert_eq!(again.records_lost(), 0, "byte {at}");
    }
}

#[test]
fn a_segment_of_another_version_is_left_alone() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    log.append(&[export(1)], 1).unwrap();
    for at in [8, 16 * 1024 - 8192 + 8] {
        disk.flip_bit("/data/log/00000001.segment".as_ref(), at).unwrap();
    }
    let refused = try_open(&disk, SEGMENT_BYTES).unwrap_err();
    assert!(matches!(refused, Error::Version { version: 3, .. }), "{refused}");
    assert!(disk.open("/data/log/00000001.segment".as_ref()).is_ok());
}

#[test]
fn a_segment_with_a_damaged_header_is_kept_under_another_name() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    log.append(&[export(1)], 1).unwrap();
    // The header stands in front of the records, and once more behind them.
    for at in [30, 16 * 1024 - 8192 + 30] {
        disk.flip_bit("/data/log/00000001.segment".as_ref(), at).unwrap();
    }
    let disk = disk.reboot(AfterPowerLoss::Lost);
    assert!(all_numbers(&open(&disk)).is_empty());
    let disk = disk.reboot(AfterPowerLoss::Lost);
    assert!(disk.open("/data/log/00000001.segment.damaged".as_ref()).is_ok(), "durably");
    let mut log = open(&disk);
    log.append(&[export(2)], 1).unwrap();
    log.seal();
    assert_eq!(log.next_sealed().unwrap().id(), SegmentId(3), "its number is not given again");
}

#[test]
fn damage_to_the_last_record_of_a_sealed_segment_does_not_pass_for_a_torn_tail() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    log.append(&[export(1)], 1).unwrap();
    log.append(&[export(2)], 1).unwrap();
    log.seal();
    let disk = disk.reboot(AfterPowerLoss::Lost);
    let second_record = 4096 + 56 + 904;
    disk.flip_bit("/data/log/00000001.segment".as_ref(), second_record + 100).unwrap();
    let segment = open(&disk).next_sealed().unwrap();
    let mut records = segment.records(Unreadable::Fail).unwrap();
    let items: Vec<Item> = records.by_ref().map(Result::unwrap).collect();
    assert!(matches!(items.as_slice(), [Item::Record(_), Item::Damage(_)]), "{items:?}");
    assert_eq!(records.lost(), 1);
}

#[test]
fn a_segment_that_recovery_sealed_stays_sealed() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    log.append(&[export(1)], 1).unwrap();
    log.append(&[export(2)], 1).unwrap();
    let disk = disk.reboot(AfterPowerLoss::Lost);
    drop(open(&disk));
    let disk = disk.reboot(AfterPowerLoss::Lost);
    disk.flip_bit("/data/log/00000001.segment".as_ref(), 4096 + 56 + 904 + 100).unwrap();
    let segment = open(&disk).next_sealed().unwrap();
    let mut records = segment.records(Unreadable::Fail).unwrap();
    assert_eq!(records.by_ref().count(), 2);
    assert_eq!(records.lost(), 1);
}
