//! How slowly a body may come before its client is told to send it again.
//!
//! A body has its memory reserved as long as it comes, so it may neither stand still nor trickle for ever. Only the time
//! counts that is spent waiting for the client: what it sent while its call was held is there at once afterwards.

use std::time::Duration;

use super::Options;

/// The least that a client must do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long nothing may come; the first bytes of a body, and all of a short one, have as long in any case.
    stalled_after: Duration,
    /// Bytes a second that must come on average after that; 0 if any number will do.
    min_data_rate: u64,
}

/// How far a body has come, and how long that took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pace: Pace,
    bytes: u64,
    waited: Duration,
}

impl Pace {
    pub(super) fn of(options: &Options) -> Self {
        Self { stalled_after: options.stalled_after.duration(), min_data_rate: options.min_data_rate.bytes() }
    }
}

impl Progress {
    /// That of a body of which nothing has come yet.
    pub(super) fn begin(pace: Pace) -> Self {
        Self { pace, bytes: 0, waited: Duration::ZERO }
    }

    /// For how long the next bytes may be waited for.
    pub(super) fn patience(&self) -> Duration {
        let Pace { stalled_after, min_data_rate } = self.pace;
        let Some(earned) = self.bytes.saturating_mul(1000).checked_div(min_data_rate) else {
            return stalled_after;
        };
        let all = stalled_after.saturating_add(Duration::from_millis(earned));
        all.saturating_sub(self.waited).min(stalled_after)
    }

    /// So many bytes have come after a wait of `waited`.
    pub(super) fn note(&mut self, bytes: usize, waited: Duration) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.waited = self.waited.saturating_add(waited);
    }

    /// Why it is waited for no longer.
    pub(super) fn complaint(&self) -> String {
        let Pace { stalled_after, min_data_rate } = self.pace;
        if self.patience() < stalled_after {
            return format!("it came at less than {min_data_rate} bytes a second");
        }
        format!("nothing came for {} s", stalled_after.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use crate::units::{ByteSize, Span};

    use super::*;

    /// How long a body lasts of which `bytes` come every `every`, an hour at most.
    fn lasts(min_data_rate: ByteSize, bytes: usize, every: Duration) -> Duration {
        let options = Options { min_data_rate, stalled_after: Span::seconds(30), ..Options::default() };
        let mut progress = Progress::begin(Pace::of(&options));
        let mut lasted = Duration::ZERO;
        while lasted < Duration::from_hours(1) && progress.patience() >= every {
            progress.note(bytes, every);
            lasted += every;
        }
        lasted + progress.patience().min(every)
    }

    #[test]
    fn a_body_lasts_as_long_as_it_comes_at_the_least_rate_and_no_longer() {
        let (rate, an_hour) = (ByteSize::kib(1), Duration::from_hours(1));
        let second = Duration::from_secs(1);
        assert!(lasts(rate, 1024, second) >= an_hour, "a poor line is good enough");
        assert!(lasts(rate, 20 * 1024, 20 * second) >= an_hour, "also one on which all comes at once");
        assert_eq!(lasts(rate, 0, 31 * second), 30 * second, "nothing");
        assert!(lasts(rate, 1, second) <= 31 * second, "a trickle");
        assert!(lasts(rate, 1, 29 * second) <= 31 * second, "a trickle that just does not stand still");
        let half = lasts(rate, 512, second);
        assert!(
            (59 * second..=61 * second).contains(&half),
            "half of the least rate earns half the time: {half:?}"
        );
        assert!(lasts(ByteSize(0), 1, 29 * second) >= an_hour, "no rate is asked for");
    }

    #[test]
    fn what_came_fast_is_no_excuse_for_standing_still() {
        let mut progress = Progress::begin(Pace::of(&Options::default()));
        progress.note(60 << 20, Duration::ZERO);
        assert_eq!(progress.patience(), Options::default().stalled_after.duration());
        assert_eq!(progress.complaint(), "nothing came for 30 s");
        progress.note(0, Duration::MAX);
        assert_eq!(progress.complaint(), "it came at less than 1024 bytes a second");
    }
}
