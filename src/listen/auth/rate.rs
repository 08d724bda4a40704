//! How many bytes a second may come.
//!
//! Each request takes as much time as its bytes are worth, one after the other; it may come when those before it are over
//! (the generic cell rate algorithm, with a burst of a second). A request that is larger than that is let in all the same,
//! and those after it wait the longer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::WhenFull;

/// What may come at once after a pause, as the time that it is worth.
const BURST: Duration = Duration::from_secs(1);

/// A bound on the bytes a second of all who have the same credentials.
#[derive(Debug)]
pub struct Rate {
    bytes_per_second: u64,
    when_full: WhenFull,
    /// When all that came so far is over.
    over_at: Mutex<Option<Instant>>,
}

impl Rate {
    /// A bound of so many bytes a second.
    pub fn new(bytes_per_second: u64, when_full: WhenFull) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), when_full, over_at: Mutex::new(None) }
    }

    /// Lets `bytes` in. Says when they are due: now, or later but not after `patience_ends`, if they may be held.
    ///
    /// # Errors
    /// When they are not: how long it would take. They are not counted then.
    pub fn admit(&self, bytes: u64, now: Instant, patience_ends: Instant) -> Result<Instant, Duration> {
        let mut over_at = self.over_at.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let begins = over_at.map_or(earliest, |over_at| over_at.max(earliest));
        let may_wait_until = match self.when_full {
            WhenFull::Hold => patience_ends.max(now),
            WhenFull::Refuse => now,
        };
        if begins > may_wait_until {
            return Err(begins - now);
        }
        *over_at = Some(begins + self.worth(bytes));
        Ok(begins.max(now))
    }

    /// What came turned out to be `is` bytes and not `was`.
    pub fn correct(&self, was: u64, is: u64) {
        let mut over_at = self.over_at.lock().unwrap_or_else(PoisonError::into_inner);
        *over_at = over_at.and_then(|over_at| (over_at + self.worth(is)).checked_sub(self.worth(was)));
    }

    /// The time that `bytes` take.
    fn worth(&self, bytes: u64) -> Duration {
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX / 4).min(u64::MAX / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When bytes are due that come `at` milliseconds after the start: as milliseconds after that, or how long it would
    /// take.
    fn due(rate: &Rate, start: Instant, at: u64, bytes: u64, patience: u64) -> Result<u128, u128> {
        let now = start + Duration::from_millis(at);
        let due = rate.admit(bytes, now, now + Duration::from_millis(patience));
        due.map(|due| (due - now).as_millis()).map_err(|wait| wait.as_millis())
    }

    #[test]
    fn what_comes_too_fast_is_due_when_what_came_before_is_over() {
        let (rate, start) = (Rate::new(1000, WhenFull::Hold), Instant::now());
        assert_eq!(due(&rate, start, 0, 1000, 500), Ok(0), "a second's worth at once");
        assert_eq!(due(&rate, start, 0, 5000, 500), Ok(0), "whatever its size");
        assert_eq!(due(&rate, start, 0, 1, 500), Err(5000), "then it takes five seconds");
        assert_eq!(due(&rate, start, 4600, 200, 500), Ok(400), "held, for that is soon");
        assert_eq!(due(&rate, start, 4600, 200, 700), Ok(600), "one after the other");
        assert_eq!(due(&rate, start, 60_000, 1000, 500), Ok(0));
        assert_eq!(due(&rate, start, 60_000, 1, 500), Ok(0));
        assert_eq!(due(&rate, start, 60_000, 1, 500), Ok(1), "a pause saves up no more than a second");
    }

    #[test]
    fn what_may_not_be_held_is_refused_and_not_counted() {
        let (rate, start) = (Rate::new(1000, WhenFull::Refuse), Instant::now());
        assert_eq!(due(&rate, start, 0, 2000, 500), Ok(0));
        for _ in 0..9 {
            assert_eq!(due(&rate, start, 0, 2000, 500), Err(1000));
        }
        assert_eq!(due(&rate, start, 1000, 2000, 500), Ok(0));
    }

    #[test]
    fn what_turns_out_larger_or_smaller_counts_as_what_it_is() {
        let (rate, start) = (Rate::new(1000, WhenFull::Refuse), Instant::now());
        assert_eq!(due(&rate, start, 0, 1000, 0), Ok(0));
        rate.correct(1000, 3000);
        assert_eq!(due(&rate, start, 0, 1, 0), Err(2000));
        rate.correct(3000, 500);
        assert_eq!(due(&rate, start, 0, 1, 0), Ok(0));
    }
}
