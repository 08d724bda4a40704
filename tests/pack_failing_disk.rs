//! The disk fails on the way from a client to the bucket: each operation in turn, once or from then on, reads too. The
//! program goes on; then it starts again, or the power fails first. Nothing acknowledged is lost, nothing is in two
//! objects, and what is only a failing operation is not taken for damage.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/machine.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test file uses its own part of it")]
mod machine;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forebay::disk::{AfterPowerLoss, Failing};

use self::machine::{Bucket, Machine};

/// The errors of a disk with a bad sector, of one that is full, and of one that was made read-only.
const ERRORS: [i32; 3] = [5, 28, 30];
/// The operations that change something, and those that do not.
const OPERATIONS: [&str; 13] = [
    "write",
    "sync",
    "create",
    "create_unnamed",
    "link",
    "rename",
    "remove",
    "create_folder",
    "sync_folder",
    "open",
    "read",
    "length",
    "list",
];

/// Operations of one kind fail: as many as said, after as many as said went well. Or those of all kinds that change
/// something, as on a disk that has become read-only.
#[derive(Clone, Debug)]
struct Fail {
    operation: Option<&'static str>,
    after: u64,
    times: u64,
    error: i32,
    /// How many failed.
    failed: Arc<AtomicU64>,
}

impl Fail {
    fn fate(&mut self, operation: &str) -> Option<io::Error> {
        if self.operation.is_some_and(|only| only != operation) {
            return None;
        }
        if let Some(left) = self.after.checked_sub(1) {
            self.after = left;
            return None;
        }
        self.times = self.times.checked_sub(1)?;
        self.failed.fetch_add(1, Ordering::Relaxed);
        Some(io::Error::from_raw_os_error(self.error))
    }
}

impl Failing for Fail {
    fn error(&mut self, operation: &str, _path: &str) -> Option<io::Error> {
        self.fate(operation)
    }

    fn read_error(&mut self, operation: &str, _path: &str) -> Option<io::Error> {
        self.operation?;
        self.fate(operation)
    }
}

/// The program takes in, seals and delivers, while the disk fails as `fail` says. It does not start again by itself.
fn live(machine: &mut Machine, fail: &Fail) {
    let mut running = machine.start().unwrap();
    machine.disk.fail(fail.clone());
    for round in 0..3 {
        for group in 0..2 {
            let first = round * 10 + group * 5;
            machine.send(&mut running, first..first + 5);
        }
        running.log.seal();
        let _ = machine.deliver_all(&mut running);
    }
    again_after(machine, fail);
    machine.disk.work_again();
    // What failed is tried again, and works.
    machine.deliver_all(&mut running).unwrap_or_else(|| panic!("{}: it does not go on", machine.told));
    running.log.seal();
    machine.deliver_all(&mut running).unwrap();
    machine.audit_bucket();
    machine.clone().audit();
}

/// The process ends before the disk works again, and another one starts.
fn again_after(machine: &Machine, fail: &Fail) {
    let outcomes = [None, Some(AfterPowerLoss::Lost), Some(AfterPowerLoss::Torn(fail.after))];
    let outcome = outcomes[usize::try_from(fail.after).unwrap() / 3 % 3];
    machine.interrupted_after(machine.disk.steps(), outcome).audit();
    let torn = AfterPowerLoss::Torn(fail.after * 7 + 1);
    machine.interrupted_after(machine.disk.steps(), Some(torn)).audit();
}

fn survives(operation: Option<&'static str>, times: u64, buckets: &[Bucket]) {
    for &bucket in buckets {
        for after in 0.. {
            let error = ERRORS[usize::try_from(after % 3).unwrap()];
            let failed = Arc::new(AtomicU64::new(0));
            let fail = Fail { operation, after, times, error, failed: Arc::clone(&failed) };
            let mut machine = Machine::new(bucket);
            machine.told = format!("{bucket:?}, {fail:?}");
            machine.disk.failed_syncs_write(AfterPowerLoss::Torn(after));
            live(&mut machine, &fail);
            if failed.load(Ordering::Relaxed) == 0 {
                // A store elsewhere makes neither folders nor links.
                assert!(after > 0 || bucket == Bucket::Store, "the history has no {operation:?}");
                break;
            }
        }
    }
}

#[test]
fn each_operation_may_fail_once() {
    for operation in OPERATIONS {
        survives(Some(operation), 1, &[Bucket::Folder, Bucket::Store]);
    }
}

#[test]
fn each_operation_may_fail_three_times_in_a_row() {
    for operation in OPERATIONS {
        survives(Some(operation), 3, &[Bucket::Folder]);
    }
}

#[test]
fn each_operation_may_fail_for_ever() {
    for operation in OPERATIONS {
        survives(Some(operation), u64::MAX, &[Bucket::Store]);
    }
}

#[test]
fn the_disk_may_become_read_only_at_any_step() {
    survives(None, u64::MAX, &[Bucket::Folder]);
}
