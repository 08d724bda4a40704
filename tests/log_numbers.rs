//! No segment gets a number that another one had.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::IoSlice;
use std::path::Path;

use bytes::Bytes;
use forebay::disk::{Disk, SimulatedDisk, create_folders};
use forebay::log::Stepwise;
use forebay::otlp::Signal;
use forebay::receive::Export;

#[path = "support/log.rs"]
mod support_log;

use support_log::try_open;

/// Fills this many segments.
fn fill(log: &mut Stepwise, segments: usize) {
    for _ in 0..segments {
        let export = Export::of(Signal::Logs, 1, Bytes::from(vec![1; 900]));
        log.append(&[export], 1).unwrap();
        log.seal();
    }
}

/// Retires all that is sealed, oldest first; returns the numbers.
fn retire_all(log: &Stepwise) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(segment) = log.next_sealed() {
        log.retire(&segment).unwrap();
        numbers.push(segment.id().0);
    }
    numbers
}

#[test]
fn a_log_of_which_everything_was_retired_goes_on_counting_where_it_ended() {
    for segments in 1..6 {
        let disk = SimulatedDisk::default();
        let mut given = Vec::new();
        for life in 0..4 {
            // The last life has segments of another size.
            let mut log = try_open(&disk, if life < 3 { 16 * 1024 } else { 32 * 1024 }).unwrap();
            fill(&mut log, segments);
            if life == 1 {
                // One of its own, whose file is not kept.
                let body = Bytes::from(vec![2; 100_000]);
                log.append(&[Export::of(Signal::Logs, 1, body)], 1).unwrap();
                log.seal();
            }
            given.extend(retire_all(&log));
        }
        assert!(
            given.windows(2).all(|pair| pair[0] < pair[1]),
            "{segments} segments in each life: {given:?}"
        );
    }
}

#[test]
fn numbers_that_no_log_comes_to_are_none_of_ours() {
    let last = u64::MAX;
    for (name, content) in [
        ("numbers".to_owned(), format!("forebay numbers 1 {last} 0\n")),
        ("numbers".to_owned(), format!("forebay numbers 1 00000001 {last}\n")),
        (format!("{last}.segment"), String::new()),
        (format!("spare-{last}.segment"), String::new()),
    ] {
        let disk = SimulatedDisk::default();
        create_folders(&disk, Path::new("/data/log")).unwrap();
        let file = disk.create(&Path::new("/data/log").join(&name)).unwrap();
        file.write_at(&[IoSlice::new(content.as_bytes())], 0).unwrap();
        let mut log = try_open(&disk, 16 * 1024).unwrap();
        fill(&mut log, 3);
        assert_eq!(retire_all(&log), [1, 2, 3], "{name} {content}");
        let names = disk.list(Path::new("/data/log")).unwrap();
        assert!(names.iter().any(|entry| entry.name == name), "{name} is left alone");
    }
}
