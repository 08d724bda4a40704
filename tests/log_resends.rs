//! A request that comes again is recognised: at once, after its segment is gone, after kills and power losses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forebay::disk::{AfterPowerLoss, Budget, Disk, SimulatedDisk};
use forebay::log::{Options, Stepwise};
use forebay::otlp::{Signal, read_json};
use forebay::receive::Export;
use forebay::units::Span;

#[path = "support/log.rs"]
mod support_log;

use support_log::{SEGMENT_BYTES, options, place};

/// The log in its folder, with a window of ten minutes.
fn open(disk: &SimulatedDisk) -> Stepwise {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = Options { resend_window: Span::seconds(600), ..options(SEGMENT_BYTES) };
    Stepwise::open(&disk, place(), &options, &Budget::new(1 << 30)).unwrap()
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// A request that can be told from others.
fn export(number: u32) -> Export {
    let json = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"7","body":{{"stringValue":"{number} {}"}}}}]}}]}}]}}"#,
        "x".repeat(600)
    );
    Export::of(Signal::Logs, 1, read_json(Signal::Logs, json.as_bytes(), 1 << 20).unwrap().into())
}

/// Appends a request; says whether it was taken for one that came before.
fn is_resend(log: &mut Stepwise, number: u32, at: u64) -> bool {
    log.append(&[export(number)], at).unwrap().is_resend()
}

/// Retires every sealed segment; returns how many records they had.
fn retire_all(log: &Stepwise) -> u64 {
    let segments: Vec<_> = std::iter::from_fn(|| log.next_sealed()).collect();
    for segment in &segments {
        log.retire(segment).unwrap();
    }
    segments.iter().map(forebay::log::SealedSegment::record_count).sum()
}

#[test]
fn a_request_that_comes_again_is_stored_once() {
    let mut log = open(&SimulatedDisk::default());
    assert!(!is_resend(&mut log, 1, now()));
    assert!(is_resend(&mut log, 1, now()), "at once");
    assert!(!is_resend(&mut log, 2, now()), "another one");
    let others = Export { tenant: "other".into(), ..export(1) };
    assert!(!log.append(&[others], now()).unwrap().is_resend(), "of another tenant");
    log.seal();
    assert!(is_resend(&mut log, 1, now()), "after its segment was sealed");
    assert_eq!(retire_all(&log), 3);
    assert!(is_resend(&mut log, 1, now()), "after its segment is gone");
}

#[test]
fn a_request_that_comes_twice_in_one_group_is_stored_once() {
    let mut log = open(&SimulatedDisk::default());
    log.append(&[export(1), export(2), export(1)], now()).unwrap();
    log.append(&[export(2), export(3), export(3)], now()).unwrap();
    log.seal();
    assert_eq!(retire_all(&log), 3);
}

#[test]
fn a_request_without_a_moment_is_stored_as_often_as_it_comes() {
    let mut log = open(&SimulatedDisk::default());
    let untimed = Export::of(Signal::Logs, 1, vec![0x0a, 4, 0x12, 2, 0x12, 0].into());
    for _ in 0..3 {
        assert!(!log.append(std::slice::from_ref(&untimed), now()).unwrap().is_resend());
    }
    log.seal();
    assert_eq!(retire_all(&log), 3);
}

#[test]
fn a_request_is_forgotten_after_the_window_and_its_file_goes_with_it() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    let (began, minute) = (now(), 60_000_000_000);
    assert!(!is_resend(&mut log, 1, began));
    log.seal();
    retire_all(&log);
    assert!(is_resend(&mut log, 1, began + 9 * minute));
    assert!(!is_resend(&mut log, 1, began + 11 * minute), "it is stored again");
    log.seal();
    assert_eq!(files_of_requests(&disk).len(), 1, "only that of the second");
    drop(log);
    let mut log = open(&disk);
    assert!(!is_resend(&mut log, 2, began + 30 * minute));
    log.seal();
    assert_eq!(files_of_requests(&disk).len(), 1, "what the process before left goes as well");
}

fn files_of_requests(disk: &SimulatedDisk) -> Vec<String> {
    let names = disk.list(Path::new("/data/log")).unwrap().into_iter().map(|entry| entry.name);
    names.filter(|name| name.ends_with(".resends")).collect()
}

#[test]
fn a_restart_without_files_of_requests_reads_the_records() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    is_resend(&mut log, 1, now());
    log.seal();
    drop(log);
    let [file] = &files_of_requests(&disk)[..] else { panic!("there is one") };
    disk.flip_bit(&Path::new("/data/log").join(file), 20).unwrap();
    let mut log = open(&disk);
    assert!(is_resend(&mut log, 1, now()), "its file is damaged, and its segment is there");
    retire_all(&log);
    drop(log);
    assert!(is_resend(&mut open(&disk), 1, now()), "the file was written anew");
}

#[test]
fn a_damaged_file_of_requests_whose_segment_is_gone_does_not_stay() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    is_resend(&mut log, 1, now());
    log.seal();
    retire_all(&log);
    drop(log);
    let [file] = &files_of_requests(&disk)[..] else { panic!("there is one") };
    disk.flip_bit(&Path::new("/data/log").join(file), 20).unwrap();
    let mut log = open(&disk);
    assert_eq!(files_of_requests(&disk), [""; 0]);
    assert!(!is_resend(&mut log, 1, now()), "nobody knows any more");
}

#[test]
fn a_request_that_could_not_be_stored_is_not_taken_for_one_that_was() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk);
    is_resend(&mut log, 1, now());
    let disk = disk.losing_power_after(0);
    log.append(&[export(2)], now()).unwrap_err();
    let mut log = open(&disk.reboot(AfterPowerLoss::Lost));
    assert!(is_resend(&mut log, 1, now()));
    assert!(!is_resend(&mut log, 2, now()));
}

/// One life: requests, two segments, the first of them packed. Says which were acknowledged.
fn live(disk: &SimulatedDisk, numbers: [u32; 3]) -> Vec<u32> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = Options { resend_window: Span::seconds(600), ..options(SEGMENT_BYTES) };
    let Ok(mut log) = Stepwise::open(&disk, place(), &options, &Budget::new(1 << 30)) else {
        return Vec::new();
    };
    let mut acknowledged = Vec::new();
    for number in numbers {
        if log.append(&[export(number)], now()).is_ok() {
            acknowledged.push(number);
        }
        log.seal();
        if let Some(segment) = log.next_sealed() {
            // A retirement that the power loss cut short is repeated after it.
            let _ = log.retire(&segment);
        }
    }
    acknowledged
}

#[test]
fn what_was_acknowledged_is_recognised_after_power_was_lost_at_any_step() {
    for after in [AfterPowerLoss::Kept, AfterPowerLoss::Lost, AfterPowerLoss::Torn(7)] {
        for step in 0.. {
            let disk = SimulatedDisk::default();
            let mut acknowledged = live(&disk, [1, 2, 3]);
            assert_eq!(acknowledged, [1, 2, 3]);
            let cut = disk.clone().losing_power_after(step);
            acknowledged.extend(live(&cut, [4, 5, 6]));
            let is_over = acknowledged.len() == 6 && !cut.is_dark();
            let mut log = open(&cut.reboot(after));
            for number in acknowledged {
                assert!(is_resend(&mut log, number, now()), "{number} after {step} steps, {after:?}");
            }
            if is_over {
                assert!(step > 20, "{step} steps are too few to have meant anything");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_request_that_comes_again_while_the_first_waits_is_answered_with_it() {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
    let options = Options { resend_window: Span::seconds(600), ..options(1 << 20) };
    let log = forebay::log::Log::open(disk, place(), &options, &Budget::new(1 << 30)).unwrap();
    let patience = std::time::Instant::now() + Duration::from_mins(1);
    let calls = (0..200).map(|call| log.append(export(call % 10), patience));
    let answers = futures::future::join_all(calls).await;
    let stored = answers.iter().filter(|answer| !answer.as_ref().unwrap().is_resend()).count();
    assert_eq!(stored, 10);
    assert_eq!(log.snapshot().records, 10);
    log.close();
}
