//! The clock of the machine is set while the log is written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use forebay::disk::SimulatedDisk;
use forebay::log::{Item, Unreadable};
use forebay::otlp::Signal;
use forebay::receive::Export;

#[path = "support/log.rs"]
mod support_log;

use support_log::open;

#[test]
fn a_clock_that_was_ahead_for_a_moment_does_not_date_the_segments_after() {
    let mut log = open(&SimulatedDisk::default());
    let export = Export::of(Signal::Logs, 1, Bytes::from_static(b"body"));
    for segment in [[100, 9000, 101], [102, 103, 90]] {
        for now in segment {
            log.append(std::slice::from_ref(&export), now).unwrap();
        }
        log.seal();
    }
    let times: Vec<Vec<u64>> = std::iter::from_fn(|| log.next_sealed())
        .map(|segment| {
            let records = segment.records(Unreadable::Fail).unwrap();
            records
                .map(|item| match item.unwrap() {
                    Item::Record(record) => record.received_at,
                    Item::Damage(damage) => panic!("{damage:?}"),
                })
                .collect()
        })
        .collect();
    assert_eq!(times, [[100, 9000, 9000], [102, 103, 103]], "time never goes backward within a segment");
}
