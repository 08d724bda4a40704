//! What came in and what was delivered during the last minute, and when nothing will be left at that.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::admin;

/// Over how long rates are reckoned.
const OVER: Duration = Duration::from_mins(1);

/// A shorter time says nothing about what is to come.
const FORETELLS: Duration = Duration::from_secs(5);

/// What came in and what was delivered since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) received_items: u64,
    pub(super) received_bytes: u64,
    /// By output, in their order.
    pub(super) delivered_items: Vec<u64>,
    pub(super) delivered_bytes: u64,
}

/// The counts of the last minute.
#[derive(Debug, Default)]
pub(super) struct Rates {
    notes: Mutex<VecDeque<(Instant, Counts)>>,
}

impl Rates {
    /// Notes the counts; called every some seconds.
    pub(super) fn note(&self, at: Instant, counts: Counts) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push_back((at, counts));
        // The first one is as old as a minute, or the oldest there is.
        while notes.get(1).is_some_and(|(second, _)| at.duration_since(*second) >= OVER) {
            notes.pop_front();
        }
    }

    /// What came since the oldest note, and how long that took; none if nothing was noted.
    pub(super) fn since(&self, at: Instant, now: &Counts) -> Option<Change> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, before) = notes.front()?;
        let pairs = now.delivered_items.iter().zip(&before.delivered_items);
        Some(Change {
            took: at.saturating_duration_since(*began),
            counts: Counts {
                received_items: now.received_items.saturating_sub(before.received_items),
                received_bytes: now.received_bytes.saturating_sub(before.received_bytes),
                delivered_items: pairs.map(|(now, before)| now.saturating_sub(*before)).collect(),
                delivered_bytes: now.delivered_bytes.saturating_sub(before.delivered_bytes),
            },
        })
    }
}

/// What came within some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    took: Duration,
    counts: Counts,
}

impl Change {
    /// By the second.
    pub(super) fn rates(&self) -> admin::Rates {
        let seconds = self.took.as_secs_f64();
        let each = |number: u64| if seconds > 0.0 { as_float(number) / seconds } else { 0.0 };
        admin::Rates {
            over_seconds: self.took.as_secs(),
            received_items_per_second: each(self.counts.received_items),
            received_bytes_per_second: each(self.counts.received_bytes),
            delivered_items_per_second: each(self.counts.delivered_items.iter().sum()),
            delivered_bytes_per_second: each(self.counts.delivered_bytes),
        }
    }

    /// When nothing is left of so many `waiting` items, by output, if all goes on like this. That of the slowest output; none
    /// if one of them gains nothing on what comes in, or if it is too early to tell.
    pub(super) fn seconds_until_drained(&self, waiting: &[u64]) -> Option<u64> {
        if waiting.iter().all(|items| *items == 0) {
            return Some(0);
        }
        if self.took < FORETELLS {
            return None;
        }
        let mut slowest = 0;
        for (waiting, delivered) in waiting.iter().zip(&self.counts.delivered_items) {
            if *waiting == 0 {
                continue;
            }
            let gained = delivered.checked_sub(self.counts.received_items).filter(|gained| *gained > 0)?;
            let milliseconds = u128::from(*waiting) * self.took.as_millis() / u128::from(gained);
            slowest = slowest.max(u64::try_from(milliseconds.div_ceil(1000)).ok()?);
        }
        Some(slowest)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate beyond 2^53 may be off by one")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(received_items: u64, delivered_items: &[u64]) -> Counts {
        Counts {
            received_items,
            received_bytes: received_items * 100,
            delivered_items: delivered_items.to_vec(),
            delivered_bytes: delivered_items.iter().sum::<u64>() * 10,
        }
    }

    #[test]
    fn rates_are_those_of_the_last_minute() {
        let (rates, began) = (Rates::default(), Instant::now());
        assert_eq!(rates.since(began, &counts(5, &[0])), None, "nothing is known");
        for second in (0..=300).step_by(5) {
            // Ten a second, and from the fourth minute on a hundred.
            let items = if second <= 240 { second * 10 } else { 2400 + (second - 240) * 100 };
            rates.note(began + Duration::from_secs(second), counts(items, &[items / 2, items / 5]));
        }
        let change = rates.since(began + Duration::from_mins(5), &counts(8400, &[4200, 1680])).unwrap();
        let told = change.rates();
        assert_eq!(told.over_seconds, 60);
        let close = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        assert!(close(told.received_items_per_second, 100.0), "{told:?}");
        assert!(close(told.received_bytes_per_second, 10_000.0), "{told:?}");
        assert!(close(told.delivered_items_per_second, 70.0), "{told:?}");
        assert!(close(told.delivered_bytes_per_second, 700.0), "{told:?}");
    }

    #[test]
    fn a_young_process_tells_what_it_knows() {
        let (rates, began) = (Rates::default(), Instant::now());
        rates.note(began, counts(0, &[0]));
        let at_once = rates.since(began, &counts(7, &[0])).unwrap();
        assert_eq!(at_once.rates(), admin::Rates::default(), "no division by nothing");
        assert_eq!(at_once.seconds_until_drained(&[7]), None);
        let later = rates.since(began + Duration::from_secs(4), &counts(8, &[0])).unwrap().rates();
        assert!(later.over_seconds == 4 && (later.received_items_per_second - 2.0).abs() < 1e-9, "{later:?}");
    }

    #[test]
    fn the_slowest_output_says_when_nothing_is_left() {
        let change = |received, delivered: &[u64]| Change {
            took: Duration::from_mins(1),
            counts: counts(received, delivered),
        };
        for (received, delivered, waiting, expected) in [
            (0, &[60][..], &[600][..], Some(600)),
            (30, &[60], &[600], Some(1200)),
            (60, &[60], &[600], None),
            (0, &[0], &[600], None),
            (0, &[0], &[0], Some(0)),
            (0, &[60, 120], &[600, 600], Some(600)),
            (0, &[0, 120], &[0, 600], Some(300)),
            (0, &[60], &[1], Some(1)),
        ] {
            let told = change(received, delivered).seconds_until_drained(waiting);
            assert_eq!(told, expected, "{received} {delivered:?} {waiting:?}");
        }
    }
}
