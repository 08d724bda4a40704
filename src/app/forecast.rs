//! When the disk budget will be used up, and when there will be room again, if all goes on as it does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::disk::Budget;

/// How often the use of the disk is noted.
const EVERY: Duration = Duration::from_secs(10);
/// How many notes are kept: five minutes.
const NOTES: usize = 30;

/// By how many notes it is told how fast room is made: a minute. What was before says little about an outage.
const RECENT_NOTES: usize = 6;

/// How much of the disk was used when.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    notes: Mutex<VecDeque<Note>>,
}

/// The disk budget at a time.
#[derive(Clone, Copy, Debug)]
struct Note {
    at: Instant,
    used: u64,
    /// All bytes that were ever given back.
    freed: u64,
}

impl Note {
    fn of(budget: &Budget, at: Instant) -> Self {
        Self { at, used: budget.used(), freed: budget.freed_bytes() }
    }
}

impl Forecast {
    fn note(&self, note: Note) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() == NOTES {
            notes.pop_front();
        }
        notes.push_back(note);
    }

    /// How long it takes until `wanted` bytes more are within `budget`, at the rate at which bytes were given back during
    /// the last minute; [`Duration::MAX`] if none were, `None` if that is not known yet.
    pub(super) fn room_in(&self, budget: &Budget, wanted: u64, at: Instant) -> Option<Duration> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let began = *notes.get(notes.len().saturating_sub(RECENT_NOTES))?;
        drop(notes);
        room_in(began, Note::of(budget, at), wanted, budget.limit())
    }

    /// Seconds until `limit` is reached; `None` if the use does not grow, or if it is not known yet.
    pub(super) fn seconds_until(&self, limit: u64) -> Option<u64> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, ended) = (notes.front()?, notes.back()?);
        let grown = u128::from(ended.used.checked_sub(began.used).filter(|grown| *grown > 0)?);
        let left = u128::from(limit.saturating_sub(ended.used));
        u64::try_from(left * ended.at.duration_since(began.at).as_millis() / grown / 1000).ok()
    }
}

/// How long it takes until `wanted` bytes are within `limit`, at the rate at which bytes were given back from one note to
/// the other.
fn room_in(began: Note, now: Note, wanted: u64, limit: u64) -> Option<Duration> {
    let missing = now.used.saturating_add(wanted).saturating_sub(limit);
    let elapsed = now.at.duration_since(began.at);
    if missing == 0 {
        return Some(Duration::ZERO);
    }
    if elapsed < EVERY {
        return None;
    }
    let freed = now.freed.saturating_sub(began.freed);
    let milliseconds = (u128::from(missing) * elapsed.as_millis()).checked_div(u128::from(freed));
    Some(milliseconds.map_or(Duration::MAX, |milliseconds| {
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
    }))
}

/// Notes the use of the disk until `ending`.
pub(super) async fn keep_forecast(
    forecast: Arc<Forecast>,
    budget: Arc<Budget>,
    mut ending: watch::Receiver<bool>,
) {
    loop {
        forecast.note(Note::of(&budget, Instant::now()));
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(at: Instant, used: u64) -> Note {
        Note { at, used, freed: 0 }
    }

    #[test]
    fn it_goes_on_as_it_did() {
        let forecast = Forecast::default();
        let began = Instant::now();
        assert_eq!(forecast.seconds_until(1000), None, "nothing is known");
        forecast.note(used(began, 100));
        assert_eq!(forecast.seconds_until(1000), None, "nothing has grown");
        forecast.note(used(began + Duration::from_secs(10), 200));
        assert_eq!(forecast.seconds_until(1000), Some(80));
        forecast.note(used(began + Duration::from_secs(20), 100));
        assert_eq!(forecast.seconds_until(1000), None, "it does not grow any more");
    }

    #[test]
    fn old_notes_go() {
        let forecast = Forecast::default();
        let began = Instant::now();
        for second in 0..100 {
            forecast.note(used(began + Duration::from_secs(second), if second < 60 { 0 } else { second }));
        }
        assert_eq!(forecast.seconds_until(129), Some(30), "one byte a second for the last thirty");
    }

    #[test]
    fn room_comes_at_the_rate_at_which_it_came() {
        let at = Instant::now();
        let began = Note { at, used: 900, freed: 5000 };
        let in_seconds = |seconds| at + Duration::from_secs(seconds);
        for (now, wanted, expected) in [
            (Note { at: in_seconds(20), used: 950, freed: 5100 }, 50, Some(Duration::ZERO)),
            (Note { at: in_seconds(20), used: 950, freed: 5100 }, 100, Some(Duration::from_secs(10))),
            (Note { at: in_seconds(20), used: 1200, freed: 5100 }, 100, Some(Duration::from_mins(1))),
            (Note { at: in_seconds(20), used: 950, freed: 5000 }, 100, Some(Duration::MAX)),
            (Note { at: in_seconds(5), used: 950, freed: 5100 }, 100, None),
        ] {
            assert_eq!(room_in(began, now, wanted, 1000), expected, "{now:?} {wanted}");
        }
    }

    #[test]
    fn only_the_last_minute_tells_when_room_comes() {
        let budget = Budget::new(1000);
        let _used = budget.take(1000);
        let forecast = Forecast::default();
        let began = Instant::now();
        assert_eq!(forecast.room_in(&budget, 1, began), None, "nothing is known");
        for note in 0..12 {
            // Bytes were given back, but not any more.
            let at = began + Duration::from_secs(10 * note);
            forecast.note(Note { at, used: 1000, freed: if note < 6 { 0 } else { 600 } });
        }
        drop(budget.take(600));
        let now = began + Duration::from_mins(2);
        assert_eq!(forecast.room_in(&budget, 1, now), Some(Duration::MAX));
        drop(budget.take(60));
        assert_eq!(forecast.room_in(&budget, 2, now), Some(Duration::from_secs(2)), "one byte a second");
    }
}
