//! An even pace.

use std::time::{Duration, Instant};

use crate::units::ByteSize;

/// No more than so many bytes a second: after each request so long a wait that they are not more.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Option<ByteSize>,
    next: Instant,
}

impl Pace {
    pub(super) fn new(rate: Option<ByteSize>, now: Instant) -> Self {
        Self { rate, next: now }
    }

    /// When a request of this length may go, which it then does. Time in which nothing was sent is not made up for.
    pub(super) fn due(&mut self, bytes: usize, now: Instant) -> Instant {
        let due = self.next.max(now);
        if let Some(rate) = self.rate {
            let nanoseconds = bytes as u128 * 1_000_000_000 / u128::from(rate.bytes().max(1));
            self.next = due + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_take_their_time_and_idleness_is_not_made_up_for() {
        let now = Instant::now();
        let mut pace = Pace::new(Some(ByteSize(1000)), now);
        let second = Duration::from_secs(1);
        assert_eq!(pace.due(500, now), now);
        assert_eq!(pace.due(2000, now), now + second / 2);
        assert_eq!(pace.due(1000, now + 10 * second), now + 10 * second);
        assert_eq!(pace.due(1, now + 10 * second), now + 11 * second);
        let mut unlimited = Pace::new(None, now);
        assert_eq!((unlimited.due(1 << 30, now), unlimited.due(1, now)), (now, now));
    }
}
