//! How long groups took of late, for the person who looks. `/metrics` has its own histogram.
//!
//! Times are sorted into a histogram whose steps are a sixteenth of what they stand for, one for each five seconds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long one histogram is filled.
const SLOT: Duration = Duration::from_secs(5);
/// Histograms that are kept: a little more than a minute.
const SLOTS: usize = 13;
/// Steps within each power of two.
const STEPS: usize = 16;
/// Steps in all: up to 2 to the power of 37 nanoseconds, two minutes; what is longer counts as that.
const BUCKETS: usize = STEPS * 34;

/// How long groups took of late.
#[derive(Debug)]
pub(super) struct Commits {
    began: Instant,
    slots: Mutex<VecDeque<Slot>>,
}

/// What was noted in five seconds.
#[derive(Debug)]
struct Slot {
    number: u64,
    counts: [u32; BUCKETS],
    longest: Duration,
}

/// How long the groups took from their writes to the ends of their syncs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitTimes {
    /// How many there were.
    pub groups: u64,
    /// Half of them took no longer; 0 if there were none.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// None took longer.
    pub longest: Duration,
}

impl Commits {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), slots: Mutex::default() }
    }

    /// A group took so long, which ended at `now`.
    pub(super) fn note(&self, took: Duration, now: Instant) {
        let number = self.slot(now);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.back().is_none_or(|last| last.number < number) {
            if slots.len() == SLOTS {
                slots.pop_front();
            }
            slots.push_back(Slot { number, counts: [0; BUCKETS], longest: Duration::ZERO });
        }
        if let Some(slot) = slots.back_mut() {
            let count = &mut slot.counts[bucket(took)];
            *count = count.saturating_add(1);
            slot.longest = slot.longest.max(took);
        }
    }

    /// The groups of the last `over` before `now`, to within five seconds; a minute at most.
    pub(super) fn times(&self, over: Duration, now: Instant) -> CommitTimes {
        let first = self.slot(now.checked_sub(over).unwrap_or(self.began));
        let mut counts = [0_u64; BUCKETS];
        let mut times = CommitTimes::default();
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.iter().filter(|slot| slot.number >= first) {
            for (sum, count) in counts.iter_mut().zip(slot.counts) {
                *sum += u64::from(count);
            }
            times.longest = times.longest.max(slot.longest);
        }
        drop(slots);
        times.groups = counts.iter().sum();
        let within = |percent: u64| {
            let rank = (times.groups * percent).div_ceil(100);
            let mut seen = 0;
            let reaches = |count: &u64| {
                seen += count;
                seen >= rank
            };
            counts.iter().position(reaches).map_or(Duration::ZERO, upper_bound).min(times.longest)
        };
        (times.p50, times.p99) = (within(50), within(99));
        times
    }

    fn slot(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.began).as_secs() / SLOT.as_secs()
    }
}

/// The step that stands for a time.
fn bucket(took: Duration) -> usize {
    let nanoseconds = usize::try_from(took.as_nanos()).unwrap_or(usize::MAX);
    // Times below 16 ns have a step of their own each; from there on 16 steps double.
    let power = (nanoseconds | STEPS).ilog2() as usize - STEPS.ilog2() as usize;
    (power * STEPS + (nanoseconds >> power)).min(BUCKETS - 1)
}

/// The longest time that a step stands for.
fn upper_bound(bucket: usize) -> Duration {
    let power = (bucket / STEPS).saturating_sub(1);
    let step = (bucket - power * STEPS) as u64;
    Duration::from_nanos(((step + 1) << power) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_within_a_sixteenth() {
        let mut before = 0;
        for nanoseconds in (0..200).chain((0..2000).map(|step| 200 + step * step * 10_000)) {
            let took = Duration::from_nanos(nanoseconds);
            let bucket = bucket(took);
            assert!(bucket >= before, "{nanoseconds}");
            before = bucket;
            let told = upper_bound(bucket);
            assert!(told >= took && told <= took + took / 16, "{took:?} {told:?}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn only_what_was_of_late_is_told() {
        let commits = Commits::new();
        let at = |second: u64| commits.began + Duration::from_secs(second);
        let minute = Duration::from_mins(1);
        assert_eq!(commits.times(minute, at(0)), CommitTimes::default());
        for milliseconds in 1..=100 {
            commits.note(Duration::from_millis(milliseconds), at(3));
        }
        commits.note(Duration::from_secs(2), at(20));
        let times = commits.times(minute, at(30));
        assert_eq!((times.groups, times.longest), (101, Duration::from_secs(2)));
        let close = |told: Duration, took: u64| {
            told >= Duration::from_millis(took) && told <= Duration::from_millis(took + took / 16 + 1)
        };
        assert!(close(times.p50, 51) && close(times.p99, 100), "{times:?}");
        let times = commits.times(Duration::from_secs(10), at(30));
        assert_eq!((times.groups, times.p50), (1, Duration::from_secs(2)), "never beyond the longest");
        assert_eq!(commits.times(minute, at(100)), CommitTimes::default(), "it is forgotten");
    }

    #[test]
    fn a_long_life_takes_no_more_memory() {
        let commits = Commits::new();
        for second in 0..1000 {
            commits.note(Duration::from_millis(1), commits.began + Duration::from_secs(second));
        }
        assert_eq!(commits.slots.lock().unwrap().len(), SLOTS);
        let minute = commits.times(Duration::from_mins(1), commits.began + Duration::from_secs(999));
        assert_eq!(minute.groups, 65);
    }
}
