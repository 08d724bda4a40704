//! When the next export is due.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

/// The longest pause after failures, unless the interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// The pace of exports: one in an interval, and after failures in a row ever fewer.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    interval: Duration,
    failures: u32,
}

impl Pace {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, failures: 0 }
    }

    /// When the first one is due: at another part of the interval for each instance, so that those that were started together
    /// do not come together.
    pub(super) fn first(&self, instance: &str) -> Duration {
        let mut hasher = DefaultHasher::new();
        instance.hash(&mut hasher);
        let part = u32::try_from(hasher.finish() % 256).unwrap_or_default();
        self.interval.mul_f64(0.5 + f64::from(part) / 512.0)
    }

    /// How long to wait for the next one, after one that was taken or not. Says also whether that is news.
    pub(super) fn after(&mut self, was_taken: bool) -> (Duration, bool) {
        let is_news = was_taken == self.is_failing();
        self.failures = if was_taken { 0 } else { self.failures.saturating_add(1) };
        let doublings = self.failures.saturating_sub(1).min(16);
        let pause = self.interval.saturating_mul(1 << doublings).min(LONGEST_PAUSE.max(self.interval));
        (pause, is_news)
    }

    /// Whether the last one was not taken.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_receiver_is_asked_ever_less_often_and_a_living_one_at_every_interval() {
        let minute = Duration::from_mins(1);
        let mut pace = Pace::new(minute);
        let minutes = [
            (true, 1, false),
            (false, 1, true),
            (false, 2, false),
            (false, 4, false),
            (false, 8, false),
            (false, 10, false),
            (false, 10, false),
            (true, 1, true),
            (true, 1, false),
            (false, 1, true),
        ];
        for (was_taken, pause, is_news) in minutes {
            assert_eq!(pace.after(was_taken), (minute * pause, is_news));
        }
        let mut slow = Pace::new(Duration::from_hours(1));
        assert_eq!(slow.after(false).0, Duration::from_hours(1));
        assert_eq!((0..100).map(|_| slow.after(false).0).max(), Some(Duration::from_hours(1)));
    }

    #[test]
    fn instances_that_start_together_do_not_come_together() {
        let pace = Pace::new(Duration::from_mins(1));
        let firsts: std::collections::BTreeSet<_> =
            (0..100).map(|n| pace.first(&format!("{n:08x}"))).collect();
        assert!(firsts.len() > 50, "{firsts:?}");
        assert!(firsts.iter().all(|first| (30..=60).contains(&first.as_secs())), "{firsts:?}");
    }
}
