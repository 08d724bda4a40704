//! When the disk budget will be used up, if all goes on as it does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::disk::Budget;

/// How often the use of the disk is noted.
const EVERY: Duration = Duration::from_secs(10);
/// How many notes are kept: five minutes.
const NOTES: usize = 30;

/// How much of the disk was used when.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    notes: Mutex<VecDeque<(Instant, u64)>>,
}

impl Forecast {
    fn note(&self, now: Instant, used: u64) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() == NOTES {
            notes.pop_front();
        }
        notes.push_back((now, used));
    }

    /// Seconds until `limit` is reached; `None` if the use does not grow, or if it is not known yet.
    pub(super) fn seconds_until(&self, limit: u64) -> Option<u64> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let ((began, first), (ended, last)) = (notes.front()?, notes.back()?);
        let grown = u128::from(last.checked_sub(*first).filter(|grown| *grown > 0)?);
        let left = u128::from(limit.saturating_sub(*last));
        u64::try_from(left * ended.duration_since(*began).as_millis() / grown / 1000).ok()
    }
}

/// Notes the use of the disk until `ending`.
pub(super) async fn keep_forecast(
    forecast: Arc<Forecast>,
    budget: Arc<Budget>,
    mut ending: watch::Receiver<bool>,
) {
    loop {
        forecast.note(Instant::now(), budget.used());
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_as_it_did() {
        let forecast = Forecast::default();
        let began = Instant::now();
        assert_eq!(forecast.seconds_until(1000), None, "nothing is known");
        forecast.note(began, 100);
        assert_eq!(forecast.seconds_until(1000), None, "nothing has grown");
        forecast.note(began + Duration::from_secs(10), 200);
        assert_eq!(forecast.seconds_until(1000), Some(80));
        forecast.note(began + Duration::from_secs(20), 100);
        assert_eq!(forecast.seconds_until(1000), None, "it does not grow any more");
    }

    #[test]
    fn old_notes_go() {
        let forecast = Forecast::default();
        let began = Instant::now();
        for second in 0..100 {
            forecast.note(began + Duration::from_secs(second), if second < 60 { 0 } else { second });
        }
        assert_eq!(forecast.seconds_until(129), Some(30), "one byte a second for the last thirty");
    }
}
