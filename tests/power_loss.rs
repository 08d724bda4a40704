//! The power fails after every single step of the way from a client to the bucket, once, and again while the program
//! recovers, and again directly afterwards; or the process is killed first. Nothing acknowledged is lost, nothing is in
//! two objects, every object is whole, and nothing is taken for damage.
//!
//! The disk is the simulated one, which takes POSIX at its word; its documentation says what that means. The steps
//! are those of the program in their order. The bucket is a folder of that disk, or a store elsewhere.
//!
//! `FOREBAY_POWER_SEEDS=100000 cargo test --test power_loss` lets as many random histories happen, and
//! `FOREBAY_POWER_SEED=7` begins with that one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/machine.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test file uses its own part of it")]
mod machine;

use forebay::disk::AfterPowerLoss;

use self::machine::{Bucket, Machine};

/// A machine that took in, sealed and delivered three times over.
fn machine_after_a_whole_run(bucket: Bucket) -> Machine {
    after_a_whole_run(Machine::new(bucket))
}

fn after_a_whole_run(machine: Machine) -> Machine {
    let mut machine = machine.remembering();
    machine.live(3).unwrap();
    assert!(machine.disk.steps() > 100, "the history has {} steps", machine.disk.steps());
    machine.clone().audit_bucket();
    machine
}

/// One way in which a power loss can end, different ones for different numbers.
fn outcome(number: u64) -> AfterPowerLoss {
    match number % 8 {
        0 => AfterPowerLoss::Lost,
        1 => AfterPowerLoss::Kept,
        _ => AfterPowerLoss::Torn(number),
    }
}

fn survives_power_loss_at_every_step(bucket: Bucket) {
    cut_at_every_step(&machine_after_a_whole_run(bucket));
}

fn cut_at_every_step(machine: &Machine) {
    for step in 0..=machine.disk.steps() {
        for ending in 0..14 {
            let ending = if ending < 2 { outcome(ending) } else { AfterPowerLoss::Torn(step * 12 + ending) };
            machine.interrupted_after(step, Some(ending)).audit();
        }
    }
}

/// Interrupts `machine` at every `stride`-th step, lets it live on, cuts the power at every step of that, and at every
/// other of these once more while it recovers.
fn survives_more_than_one(machine: &Machine, stride: usize, first: impl Fn(u64) -> Option<AfterPowerLoss>) {
    for step in (0..=machine.disk.steps()).step_by(stride) {
        let mut again = machine.interrupted_after(step, first(step)).remembering();
        again.live(1).unwrap_or_else(|| panic!("{}: it does not work again", again.told));
        for second in 0..=again.disk.steps() {
            let once_more = again.interrupted_after(second, Some(outcome(step + second)));
            if second.is_multiple_of(2) {
                once_more.audit();
                continue;
            }
            let mut dark = once_more.clone();
            let third = (step + second / 2) % 24;
            dark.disk = dark.disk.losing_power_after(third);
            let _ = dark.live(0);
            dark.told = format!("{}, and dark after {third} more", dark.told);
            dark.disk = dark.disk.reboot(outcome(step + second + third));
            dark.audit();
        }
    }
}

#[test]
fn everything_acknowledged_reaches_a_folder_once_whenever_the_power_fails() {
    survives_power_loss_at_every_step(Bucket::Folder);
}

#[test]
fn everything_acknowledged_reaches_a_store_once_whenever_the_power_fails() {
    survives_power_loss_at_every_step(Bucket::Store);
}

#[test]
fn everything_acknowledged_reaches_each_of_two_outputs_once_whenever_the_power_fails() {
    for bucket in [Bucket::Folder, Bucket::Store] {
        let machine = after_a_whole_run(Machine::with_archive(bucket));
        cut_at_every_step(&machine);
        survives_more_than_one(&machine, 37, |step| step.is_multiple_of(2).then(|| outcome(step)));
    }
}

#[test]
fn power_losses_while_it_recovers_from_one_change_nothing() {
    for bucket in [Bucket::Folder, Bucket::Store] {
        survives_more_than_one(&machine_after_a_whole_run(bucket), 13, |step| Some(outcome(step)));
    }
}

#[test]
fn a_power_loss_after_a_kill_loses_nothing_that_the_killed_process_left_behind() {
    for bucket in [Bucket::Folder, Bucket::Store] {
        survives_more_than_one(&machine_after_a_whole_run(bucket), 13, |_| None);
    }
}

/// A history of this seed: the program lives some times, for a while each time, and is killed or loses power.
fn history(seed: u64) {
    let mut state = seed;
    let mut below = |limit: u64| {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    };
    let bucket = if below(2) == 0 { Bucket::Folder } else { Bucket::Store };
    let mut machine = Machine::new(bucket);
    machine.told = format!(
        "FOREBAY_POWER_SEEDS=1 FOREBAY_POWER_SEED={seed} cargo test --test power_loss random: {bucket:?}"
    );
    for _ in 0..2 + below(5) {
        machine = machine.remembering();
        let rounds = u32::try_from(below(3)).unwrap();
        machine.live(rounds).unwrap_or_else(|| panic!("{}: it does not work again", machine.told));
        let step = below(machine.disk.steps() + 1);
        let ending = (below(4) > 0).then(|| outcome(below(u64::MAX)));
        machine = machine.interrupted_after(step, ending);
    }
    machine.audit();
}

#[test]
fn random_histories_of_kills_and_power_losses_lose_and_repeat_nothing() {
    let (first, count) = (variable("FOREBAY_POWER_SEED", 0), variable("FOREBAY_POWER_SEEDS", 200));
    for seed in first..first + count {
        history(seed);
    }
}

/// A number from the environment.
fn variable(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} must be a number: {value}")))
}
