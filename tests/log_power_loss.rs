//! The power fails after every single step of the log: nothing acknowledged is lost, nothing is there twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use forebay::disk::{AfterPowerLoss, Budget, Disk, SimulatedDisk};
use forebay::log::{Item, Options, Stepwise, Unreadable};
use forebay::otlp::Signal;
use forebay::receive::Export;
use forebay::units::ByteSize;

#[path = "support/log.rs"]
mod support_log;

use support_log::place;

/// Small segments, so that a few records fill one.
const SEGMENT_BYTES: u64 = 12 * 1024;

fn options() -> Options {
    Options {
        segment_bytes: ByteSize(SEGMENT_BYTES),
        disk_budget: ByteSize(40 * SEGMENT_BYTES),
        free_space_floor: ByteSize(0),
        ..Options::default()
    }
}

fn open(disk: &SimulatedDisk) -> Result<Stepwise, forebay::log::Error> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Stepwise::open(&disk, place(), &options(), &Budget::new(options().disk_budget.bytes()))
}

fn export(number: u32) -> Export {
    // Longer than a sector, so that it can be torn, and of changing length.
    let body: Vec<u8> =
        number.to_le_bytes().into_iter().cycle().take(700 + (number as usize % 5) * 300).collect();
    Export::of(Signal::Logs, 1, Bytes::from(body))
}

/// What a scenario can say of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Sent, and not answered OK.
    Sent,
    /// Answered OK.
    Acknowledged,
    /// Read from a sealed segment, which was being retired when the power failed: it may come back or not.
    Retiring,
    /// Read from a sealed segment that was retired.
    Packed,
}

type Fates = BTreeMap<u32, Fate>;

/// Fills some segments and retires the first ones, as far as the power lasts.
fn scenario(disk: &SimulatedDisk, from: u32, fates: &mut Fates) {
    let Ok(mut log) = open(disk) else { return };
    assert_eq!(log.records_lost(), 0, "a power loss is no damage\n{}", disk.trace());
    for group in 0..8 {
        let numbers: Vec<u32> = (0..3).map(|place| from + group * 3 + place).collect();
        fates.extend(numbers.iter().map(|number| (*number, Fate::Sent)));
        let exports: Vec<Export> = numbers.iter().copied().map(export).collect();
        if log.append(&exports, u64::from(group)).is_ok() {
            fates.extend(numbers.iter().map(|number| (*number, Fate::Acknowledged)));
        }
        if group % 3 == 2 {
            log.seal();
            pack_one(&log, fates);
        }
    }
}

/// Reads a sealed segment and retires it, as the packer does once its objects are safe.
fn pack_one(log: &Stepwise, fates: &mut Fates) {
    let Some(segment) = log.next_sealed() else { return };
    let Some(numbers) = read(&segment) else { return };
    for number in &numbers {
        let fate = fates.insert(*number, Fate::Retiring);
        assert_ne!(fate, Some(Fate::Packed), "{number} was packed before");
    }
    if log.retire(&segment).is_ok() {
        fates.extend(numbers.iter().map(|number| (*number, Fate::Packed)));
    }
}

/// The numbers in a segment; `None` if the power fails meanwhile.
fn read(segment: &forebay::log::SealedSegment) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for item in segment.records(Unreadable::Fail).ok()? {
        match item.ok()? {
            Item::Record(record) => {
                let number = u32::from_le_bytes(record.body[..4].try_into().unwrap());
                assert_eq!(record.body, export(number).body, "the body of {number} is as it was sent");
                numbers.push(number);
            }
            Item::Damage(_) => {}
        }
    }
    Some(numbers)
}

/// Recovers, reads all that is there, and compares it with what was acknowledged.
fn audit(disk: &SimulatedDisk, mut fates: Fates, what: &str) {
    let log = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(log.records_lost(), 0, "{what}: a power loss is no damage");
    let names = disk.list("/data/log".as_ref()).unwrap();
    assert!(
        !names.iter().any(|entry| entry.name.ends_with(".damaged")),
        "{what}: nor of a header: {names:?}"
    );
    let mut found = Vec::new();
    while let Some(segment) = log.next_sealed() {
        found.extend(read(&segment).unwrap());
    }
    let mut once = std::collections::BTreeSet::new();
    for number in found {
        assert!(once.insert(number), "{what}: {number} is there twice");
        assert_ne!(
            fates.remove(&number),
            Some(Fate::Packed),
            "{what}: {number} came back after it was packed"
        );
    }
    let lost: Vec<_> = fates.iter().filter(|(_, fate)| **fate == Fate::Acknowledged).collect();
    assert!(lost.is_empty(), "{what}: lost {lost:?}");
}

/// Some ways in which a power loss can end, different ones for different numbers.
fn outcomes(number: u64) -> impl Iterator<Item = AfterPowerLoss> {
    let torn = (number * 12..number * 12 + 12).map(AfterPowerLoss::Torn);
    [AfterPowerLoss::Lost, AfterPowerLoss::Kept].into_iter().chain(torn)
}

#[test]
fn an_acknowledged_record_survives_power_loss_at_every_step() {
    let mut steps = 0;
    loop {
        let disk = SimulatedDisk::default().losing_power_after(steps);
        let mut fates = Fates::new();
        scenario(&disk, 0, &mut fates);
        for outcome in outcomes(steps) {
            audit(
                &disk.reboot(outcome),
                fates.clone(),
                &format!("power lost after step {steps}, {outcome:?}"),
            );
        }
        if !disk.is_dark() {
            break;
        }
        steps += 1;
    }
    assert!(steps > 50, "the scenario has {steps} steps");
}

/// The power fails, or the process is killed, at every third step; then the power fails at every step of the recovery and
/// of what follows; then once more while it recovers from that. At the other steps, the power fails in the recovery only.
fn survives_two_more(is_killed_first: bool) {
    for first in 0..90 {
        let disk = SimulatedDisk::default().losing_power_after(first);
        let mut fates = Fates::new();
        scenario(&disk, 0, &mut fates);
        disk.only_the_process_was_killed();
        for second in 0..if first % 3 == 0 { 48 } else { 12 } {
            let again = if is_killed_first {
                disk.as_it_was_after(disk.steps())
            } else {
                disk.reboot(outcome(first))
            };
            let again = again.losing_power_after(second);
            let mut fates = fates.clone();
            scenario(&again, 1000, &mut fates);
            let third = again.reboot(outcome(first + second)).losing_power_after(second % 16);
            drop(open(&third));
            let what = format!(
                "killed: {is_killed_first}, interrupted after step {first}, dark after step {second}, and after {}",
                second % 16
            );
            audit(&third.reboot(outcome(second)), fates, &what);
            if !again.is_dark() {
                break;
            }
        }
    }
}

fn outcome(number: u64) -> AfterPowerLoss {
    outcomes(number).nth(usize::try_from(number % 14).unwrap()).unwrap()
}

#[test]
fn it_survives_power_losses_during_recovery() {
    survives_two_more(false);
}

#[test]
fn what_a_killed_process_left_behind_survives_power_losses() {
    survives_two_more(true);
}
