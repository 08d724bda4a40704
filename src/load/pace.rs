//! When which request goes.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::options::Bound;
use super::timer::Timer;

/// When which request goes, asked by all who send.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    bound: Bound,
    /// The number of the next request.
    next: AtomicU64,
    /// With a rate: how many a second, and the timer of whoever waits for the next. The others wait for the timer.
    rate: Option<(u32, Mutex<Timer>)>,
}

/// Leave to send one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Its number, from 0.
    pub(super) number: u64,
    /// When it was to go: now, or earlier if nobody was free to send it.
    pub(super) due: Instant,
}

impl Pace {
    /// Begins now.
    pub(super) fn begin(bound: Bound, rate: Option<u32>) -> io::Result<Self> {
        let rate = rate.map(|rate| Ok::<_, io::Error>((rate, Mutex::new(Timer::new()?)))).transpose()?;
        Ok(Self { began: Instant::now(), bound, next: AtomicU64::new(0), rate })
    }

    /// Waits for the next request's turn. None if there is none any more.
    pub(super) async fn next(&self) -> io::Result<Option<Turn>> {
        let Some((rate, timer)) = &self.rate else {
            let (number, due) = (self.next.fetch_add(1, Ordering::Relaxed), Instant::now());
            return Ok(self.bound.holds(number, due - self.began).then_some(Turn { number, due }));
        };
        let mut timer = timer.lock().await;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let since = offset(number, *rate);
        if !self.bound.holds(number, since) {
            return Ok(None);
        }
        let due = self.began + since;
        timer.wait_until(due).await?;
        Ok(Some(Turn { number, due }))
    }

    /// How long ago it began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Bound {
    /// Whether a request with this number, that is due so long after the beginning, is still to go.
    fn holds(self, number: u64, since: Duration) -> bool {
        match self {
            Self::Requests(requests) => number < requests,
            Self::Duration(duration) => since < duration,
        }
    }
}

/// How long after the beginning a request is due. Reckoned from the beginning each time, so that nothing adds up.
fn offset(number: u64, rate: u32) -> Duration {
    let nanoseconds = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_even_distances_from_the_beginning() {
        let at = |number| offset(number, 3).as_nanos();
        assert_eq!((at(0), at(1), at(2), at(3)), (0, 333_333_333, 666_666_666, 1_000_000_000));
        assert_eq!(offset(3_600_000_000, 1_000_000), Duration::from_hours(1));
    }

    #[tokio::test]
    async fn as_many_turns_are_given_as_were_asked_for() {
        let pace = Pace::begin(Bound::Requests(3), None).unwrap();
        for number in 0..3 {
            assert_eq!(pace.next().await.unwrap().unwrap().number, number);
        }
        assert_eq!(pace.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_turn_that_comes_late_was_due_when_it_was_due() {
        let pace = Pace::begin(Bound::Duration(Duration::from_millis(40)), Some(100)).unwrap();
        // Nobody asks for a while: the four that were due meanwhile are given at once.
        while pace.elapsed() < Duration::from_millis(50) {
            std::thread::yield_now();
        }
        for number in 0..4 {
            let turn = pace.next().await.unwrap().unwrap();
            assert_eq!(turn, Turn { number, due: pace.began + Duration::from_millis(10 * number) });
        }
        assert_eq!(pace.next().await.unwrap(), None, "the fifth would be due when the time is over");
    }

    #[tokio::test]
    async fn nobody_goes_before_it_is_due() {
        let pace = Pace::begin(Bound::Requests(20), Some(2_000)).unwrap();
        while let Some(turn) = pace.next().await.unwrap() {
            assert!(Instant::now() >= turn.due, "{turn:?}");
        }
        assert!(pace.elapsed() >= offset(19, 2_000));
    }
}
