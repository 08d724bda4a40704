//! The pace of repetitions: the only file that knows the `backoff` crate.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

use super::options::RetryOptions;

/// Waits that grow by half with each failure, spread by chance, without end.
#[derive(Debug)]
pub(crate) struct Backoff(ExponentialBackoff);

impl Backoff {
    /// A pace that has not begun.
    pub(crate) fn new(options: &RetryOptions) -> Self {
        let mut backoff = ExponentialBackoff {
            initial_interval: options.first_wait.duration(),
            current_interval: options.first_wait.duration(),
            max_interval: options.longest_wait.duration(),
            // For ever.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        backoff.reset();
        Self(backoff)
    }

    /// How long to wait after one more failure; at least as long as the store asked for, within reason.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let longest = self.0.max_interval;
        let wait = self.0.next_backoff().unwrap_or(longest).min(longest);
        asked.map_or(wait, |asked| wait.max(asked.min(longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    #[test]
    fn waits_grow_to_the_longest_and_never_end() {
        let options = RetryOptions::default();
        let mut backoff = Backoff::new(&options);
        let waits: Vec<Duration> = (0..10_000).map(|_| backoff.next(None)).collect();
        assert!(waits[0] >= Duration::from_millis(250) && waits[0] <= Duration::from_millis(750));
        assert!(waits.iter().all(|wait| *wait <= Duration::from_mins(1)));
        let late = &waits[100..];
        assert!(late.iter().all(|wait| *wait >= Duration::from_secs(30)), "half of the longest at least");
        assert!(
            late.windows(2).any(|pair| pair[0] != pair[1]),
            "chance keeps machines from coming all at once"
        );
    }

    #[test]
    fn the_store_may_ask_for_a_longer_wait_up_to_the_longest() {
        let options = RetryOptions { first_wait: Span::seconds(1), longest_wait: Span::seconds(60) };
        assert!(Backoff::new(&options).next(Some(Duration::from_secs(20))) >= Duration::from_secs(20));
        assert_eq!(Backoff::new(&options).next(Some(Duration::from_hours(1))), Duration::from_mins(1));
    }
}
