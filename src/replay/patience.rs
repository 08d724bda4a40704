//! How long something is tried again.

use std::time::{Duration, Instant};

use crate::upload::{Backoff, RetryOptions};

/// Waits that grow, for something that fails for a reason that may pass.
#[derive(Debug)]
pub(super) struct Patience {
    backoff: Backoff,
    lasts: Duration,
    /// When it failed first.
    since: Option<Instant>,
}

impl Patience {
    /// One that lasts so long from the first failure.
    pub(super) fn new(lasts: Duration) -> Self {
        Self { backoff: Backoff::new(&RetryOptions::default()), lasts, since: None }
    }

    /// Whether nothing has failed yet.
    pub(super) const fn is_fresh(&self) -> bool {
        self.since.is_none()
    }

    /// How long it has failed.
    pub(super) fn elapsed(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How long to wait after one more failure, at least as long as was asked for within reason; none if that is too long.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.since.get_or_insert_with(Instant::now);
        let wait = self.backoff.next(asked);
        (self.elapsed() + wait <= self.lasts).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_the_next_wait_would_be_beyond_it() {
        let mut patience = Patience::new(Duration::from_mins(10));
        assert!(patience.is_fresh());
        let asked = Duration::from_secs(40);
        assert!(patience.next(Some(asked)).is_some_and(|wait| wait >= asked));
        assert!(!patience.is_fresh());
        assert_eq!(Patience::new(Duration::from_millis(1)).next(None), None);
    }
}
