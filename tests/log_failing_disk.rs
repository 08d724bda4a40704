//! Writes and syncs of the log fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::disk::{AfterPowerLoss, Budget, Disk, Failing, SimulatedDisk};
use forebay::log::{AppendError, Log, SealedSegment, Stepwise, Unreadable};
use forebay::otlp::Signal;
use forebay::receive::Export;

#[path = "support/log.rs"]
mod support_log;

use support_log::{SEGMENT_BYTES, all_numbers, export, numbers, open, options, place};

/// Fails operations of one kind on files of the log: as many as said, after as many as said went well.
#[derive(Debug)]
struct Fail {
    operation: &'static str,
    after: u64,
    times: u64,
}

impl Failing for Fail {
    fn error(&mut self, operation: &str, path: &str) -> Option<io::Error> {
        let is_logs = path.ends_with(".segment") || path == "/data/log";
        if operation != self.operation || !is_logs {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times = self.times.checked_sub(1)?;
        Some(io::Error::other("bad sector"))
    }
}

#[test]
fn after_a_failure_appending_goes_on_in_a_new_segment_and_nothing_acknowledged_is_lost() {
    for operation in ["write", "sync"] {
        for after in 0..4 {
            let disk = SimulatedDisk::default();
            let mut log = open(&disk);
            disk.fail(Fail { operation, after, times: 1 });
            let acknowledged: Vec<u8> =
                (0..8).filter(|number| log.append(&[export(*number)], 1).is_ok()).collect();
            assert_eq!(acknowledged.len(), 7, "one group met the failure, {operation} {after}");
            log.seal();
            let mut retried = log;
            assert_eq!(all_numbers(&retried), acknowledged, "{operation} {after}");
            drop(retried.append(&[export(99)], 1));

            for outcome in [AfterPowerLoss::Lost, AfterPowerLoss::Kept, AfterPowerLoss::Torn(3)] {
                let again = open(&disk.reboot(outcome));
                assert_eq!(again.records_lost(), 0, "{operation} {after} {outcome:?}");
                let found = all_numbers(&again);
                let refused_came_back =
                    found.iter().any(|number| *number < 8 && !acknowledged.contains(number));
                assert!(
                    !refused_came_back,
                    "what was refused is not delivered: {operation} {after} {outcome:?}"
                );
                assert!(
                    acknowledged.iter().all(|number| found.contains(number)),
                    "{operation} {after} {outcome:?}"
                );
            }
        }
    }
}

#[test]
fn a_segment_whose_sync_failed_is_never_synced_again() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    log.append(&[export(1)], 1).unwrap();
    disk.fail(Fail { operation: "sync", after: 0, times: 1 });
    assert_eq!(log.append(&[export(2)], 1).unwrap_err(), AppendError::Failing);
    let steps = disk.trace().lines().count();
    log.append(&[export(3)], 1).unwrap();
    log.seal();
    let failed = PathBuf::from("/data/log/00000001.segment");
    assert!(disk.open(&failed).is_ok(), "the failed segment waits to be packed");
    let later: Vec<String> = disk.trace().lines().skip(steps).map(str::to_owned).collect();
    assert!(!later.iter().any(|line| line.contains("00000001.segment")), "{later:#?}");
}

#[test]
fn a_second_failure_stops_intake_and_what_is_there_can_still_be_read() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    log.append(&[export(1)], 1).unwrap();
    disk.fail(Fail { operation: "sync", after: 0, times: u64::MAX });
    for number in 2..5 {
        assert_eq!(log.append(&[export(number)], 1).unwrap_err(), AppendError::Failing);
    }
    assert_eq!(all_numbers(&log), [1]);
}

#[tokio::test]
async fn waiting_clients_get_an_error_when_the_disk_fails_and_ok_when_it_works_again() {
    let disk = SimulatedDisk::default();
    let handle: Arc<dyn Disk> = Arc::new(disk.clone());
    let log = Log::open(handle, place(), &options(SEGMENT_BYTES), &Budget::new(1 << 30)).unwrap();
    let patience = Instant::now() + Duration::from_mins(1);
    log.append(export(1), patience).await.unwrap();
    disk.fail(Fail { operation: "sync", after: 0, times: 1 });
    assert_eq!(log.append(export(2), patience).await.unwrap_err(), AppendError::Failing);
    log.append(export(3), patience).await.unwrap();
    assert!(!log.snapshot().is_stopped);

    disk.fail(Fail { operation: "sync", after: 0, times: u64::MAX });
    for number in 4..7 {
        assert_eq!(log.append(export(number), patience).await.unwrap_err(), AppendError::Failing);
    }
    assert!(log.snapshot().is_stopped, "readiness can tell");
    let closing = log.clone();
    tokio::task::spawn_blocking(move || closing.close()).await.unwrap();
    assert_eq!(log.append(export(9), patience).await.unwrap_err(), AppendError::Closed);
    let sealed: Vec<u8> = std::iter::from_fn(|| log.next_sealed(Duration::ZERO))
        .flat_map(|segment| numbers(&segment))
        .collect();
    assert_eq!(sealed, [1, 3]);
}

#[tokio::test]
async fn without_room_a_client_is_held_until_there_is_room_or_its_patience_ends() {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
    let budget = Budget::new(3 * 16 * 1024);
    let log = Log::open(disk, place(), &options(SEGMENT_BYTES), &budget).unwrap();
    let patience = || Instant::now() + Duration::from_mins(1);
    let backlog = budget.take(2 * 16 * 1024);
    let mut acknowledged = 0;
    while log.append(export(1), Instant::now() + Duration::from_millis(300)).await.is_ok() {
        acknowledged += 1;
        assert!(acknowledged < 100, "the budget must end");
    }
    assert!(log.snapshot().is_blocked);

    let held = tokio::spawn({
        let log = log.clone();
        async move { log.append(export(2), patience()).await }
    });
    drop(backlog);
    held.await.unwrap().expect("room came while the call was held");
    assert!(!log.snapshot().is_blocked);
    tokio::task::spawn_blocking(move || log.close()).await.unwrap();
}

#[test]
fn a_record_longer_than_a_segment_gets_one_of_its_own() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    let oversize = Export::of(Signal::Logs, 1, Bytes::from(vec![7; 100_000]));
    log.append(&[export(1)], 1).unwrap();
    log.append(&[oversize], 1).unwrap();
    log.append(&[export(3)], 1).unwrap();
    drop(log);
    let again = open(&disk.reboot(AfterPowerLoss::Lost));
    assert_eq!(all_numbers(&again), [1, 7, 3]);
}

#[test]
fn a_segment_whose_retirement_failed_half_way_is_retired_by_the_next_try() {
    // The first sync is that of the numbers, the second that of the segment's new name.
    for after in 0..2 {
        let disk = SimulatedDisk::default();
        let mut log = open(&disk);
        log.append(&[export(1)], 1).unwrap();
        log.seal();
        let segment = log.next_sealed().unwrap();
        disk.fail(Fail { operation: "sync_folder", after, times: 1 });
        log.retire(&segment).unwrap_err();
        log.retire(&segment).unwrap();
        let again = open(&disk.reboot(AfterPowerLoss::Lost));
        assert!(all_numbers(&again).is_empty(), "it does not come back");
    }
}

#[test]
fn a_failed_segment_is_removed_and_does_not_come_back() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    log.append(&[export(1)], 1).unwrap();
    disk.fail(Fail { operation: "sync", after: 0, times: 1 });
    log.append(&[export(2)], 1).unwrap_err();
    let segment = log.next_sealed().unwrap();
    assert_eq!(numbers(&segment), [1]);
    log.retire(&segment).unwrap();
    let again = open(&disk.reboot(AfterPowerLoss::Lost));
    assert!(all_numbers(&again).is_empty());
}

/// A log in which a segment failed that had one record, those behind it are retired, and one more is sealed.
fn log_with_a_failed_segment_alone(disk: &SimulatedDisk) -> (Stepwise, SealedSegment) {
    let mut log = open(disk);
    log.append(&[export(1)], 1).unwrap();
    disk.failed_syncs_write(AfterPowerLoss::Kept);
    disk.fail(Fail { operation: "sync", after: 0, times: 1 });
    log.append(&[export(2)], 1).unwrap_err();
    for number in 3..6 {
        log.append(&[export(number)], 1).unwrap();
        log.seal();
    }
    let failed = log.next_sealed().unwrap();
    assert_eq!(numbers(&failed), [1]);
    // It cannot be packed yet; those behind it can, but for the last.
    for number in 3..5 {
        let segment = log.next_sealed().unwrap();
        assert_eq!(numbers(&segment), [number]);
        log.retire(&segment).unwrap();
    }
    (log, failed)
}

#[test]
fn where_a_failed_segment_ends_is_known_also_when_the_next_one_is_gone() {
    for outcome in [AfterPowerLoss::Lost, AfterPowerLoss::Kept, AfterPowerLoss::Torn(3)] {
        let disk = SimulatedDisk::default();
        let _log = log_with_a_failed_segment_alone(&disk);
        let again = open(&disk.reboot(outcome));
        assert_eq!(again.records_lost(), 0, "{outcome:?}: nothing is damaged");
        assert_eq!(all_numbers(&again), [1, 5], "{outcome:?}: what was refused does not come back");
    }
}

#[test]
fn a_failed_segment_that_comes_back_while_it_is_retired_is_not_taken_for_damaged() {
    for steps in 0..9 {
        for seed in 0..6 {
            let disk = SimulatedDisk::default();
            let (log, failed) = log_with_a_failed_segment_alone(&disk);
            let disk = disk.losing_power_after(steps);
            let outcome = log.retire(&failed);
            let again = open(&disk.reboot(AfterPowerLoss::Torn(seed)));
            assert_eq!(again.records_lost(), 0, "dark after step {steps}, seed {seed}");
            let found = all_numbers(&again);
            assert!(found == [5] || (outcome.is_err() && found == [1, 5]), "{found:?}");
        }
    }
}

#[test]
fn a_failed_segment_that_cannot_be_removed_has_no_records_later_either() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    disk.failed_syncs_write(AfterPowerLoss::Kept);
    disk.fail(FailInTurn(vec!["sync", "remove"]));
    log.append(&[export(1)], 1).unwrap_err();
    for number in 2..4 {
        log.append(&[export(number)], 1).unwrap();
        log.seal();
    }
    while let Some(segment) = log.next_sealed() {
        if numbers(&segment) == [2] {
            log.retire(&segment).unwrap();
        }
    }
    let again = open(&disk.reboot(AfterPowerLoss::Lost));
    assert_eq!(again.records_lost(), 0, "nothing is damaged");
    assert_eq!(all_numbers(&again), [3], "what was refused does not come back");
}

/// The next operation of each of these kinds fails, in this order.
#[derive(Debug)]
struct FailInTurn(Vec<&'static str>);

impl Failing for FailInTurn {
    fn error(&mut self, operation: &str, _path: &str) -> Option<io::Error> {
        let fails = self.0.first() == Some(&operation);
        fails.then(|| io::Error::other(format!("no {}", self.0.remove(0))))
    }
}

#[tokio::test]
async fn damage_is_told_once_however_often_a_segment_is_read() {
    let disk = SimulatedDisk::default();
    let handle: Arc<dyn Disk> = Arc::new(disk.clone());
    let log = Log::open(handle, place(), &options(SEGMENT_BYTES), &Budget::new(1 << 30)).unwrap();
    for number in 1..3 {
        log.append(export(number), Instant::now() + Duration::from_mins(1)).await.unwrap();
    }
    log.seal().await.unwrap();
    disk.flip_bit("/data/log/00000001.segment".as_ref(), 4096 + 100).unwrap();
    for _ in 0..2 {
        let segment = log.next_sealed(Duration::ZERO).unwrap();
        let mut records = segment.records(Unreadable::Fail).unwrap();
        assert_eq!(records.by_ref().map(Result::unwrap).count(), 2, "a gap and a record");
        log.report_damage(&segment, &records).unwrap();
        let lost = log.snapshot().lost;
        assert_eq!((lost.ranges, lost.records), (1, 1));
        // Its objects are packed, but its file cannot be given away.
        disk.fail(Fail { operation: "sync_folder", after: 0, times: 1 });
        log.retire(&segment).unwrap_err();
        log.put_back(&segment, Duration::ZERO);
    }
    tokio::task::spawn_blocking(move || log.close()).await.unwrap();
}

/// What is in a log once it is closed, in the order in which it was sealed.
async fn closed_numbers(log: &Log) -> Vec<u8> {
    let closing = log.clone();
    tokio::task::spawn_blocking(move || closing.close()).await.unwrap();
    std::iter::from_fn(|| log.next_sealed(Duration::ZERO)).flat_map(|segment| numbers(&segment)).collect()
}

#[tokio::test]
async fn a_record_for_which_there_is_no_room_takes_nothing_from_the_records_behind_it() {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
    let budget = Budget::new(5 * 16 * 1024);
    let log = Log::open(disk, place(), &options(SEGMENT_BYTES), &budget).unwrap();
    let oversize = Export::of(Signal::Logs, 1, Bytes::from(vec![9; 100_000]));
    let refused = log.append(oversize, Instant::now() + Duration::from_millis(300)).await;
    assert_eq!(refused.unwrap_err(), AppendError::NoRoom);

    let patience = Instant::now() + Duration::from_mins(1);
    for number in 1..=3 {
        log.append(export(number), patience).await.unwrap();
    }
    assert_eq!(closed_numbers(&log).await, [1, 2, 3], "what was acknowledged is in the log");
}

/// No file can be created, for the process has too many open.
#[derive(Debug)]
struct TooManyOpenFiles;

impl Failing for TooManyOpenFiles {
    fn error(&mut self, operation: &str, _path: &str) -> Option<io::Error> {
        const EMFILE: i32 = 24;
        (operation == "create").then(|| io::Error::from_raw_os_error(EMFILE))
    }
}

/// Every file can be created.
#[derive(Debug)]
struct NothingFails;

impl Failing for NothingFails {
    fn error(&mut self, _operation: &str, _path: &str) -> Option<io::Error> {
        None
    }
}

#[tokio::test]
async fn too_many_open_files_hold_clients_and_do_not_stop_intake_for_good() {
    let disk = SimulatedDisk::default();
    let handle: Arc<dyn Disk> = Arc::new(disk.clone());
    let log = Log::open(handle, place(), &options(SEGMENT_BYTES), &Budget::new(1 << 30)).unwrap();
    disk.fail(TooManyOpenFiles);
    let mut acknowledged = 0;
    let refused = loop {
        match log.append(export(1), Instant::now() + Duration::from_millis(300)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 100, "the segments must end");
    };
    assert_eq!(refused, AppendError::NoRoom);
    assert!(!log.snapshot().is_stopped);

    disk.fail(NothingFails);
    log.append(export(2), Instant::now() + Duration::from_mins(1)).await.expect("files can be opened again");
    assert_eq!(closed_numbers(&log).await.len(), acknowledged + 1);
}

#[tokio::test]
async fn a_record_that_waits_for_a_segment_of_its_own_holds_nobody_up() {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
    let budget = Budget::new(5 * 16 * 1024);
    let log = Log::open(disk, place(), &options(SEGMENT_BYTES), &budget).unwrap();
    let patience = Instant::now() + Duration::from_mins(1);
    let oversize = Export::of(Signal::Logs, 1, Bytes::from(vec![9; 100_000]));
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.append(oversize, patience).await }
    });
    for number in 1..=3 {
        log.append(export(number), patience).await.unwrap();
        assert!(!log.snapshot().is_blocked, "others can come");
    }
    assert!(!waiting.is_finished());
    assert_eq!(closed_numbers(&log).await, [1, 2, 3]);
    assert_eq!(waiting.await.unwrap().unwrap_err(), AppendError::Closed);
}
