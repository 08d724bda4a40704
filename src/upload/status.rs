//! What delivery is doing, for the status page and the command line.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::trouble::{Kind, Trouble};
use crate::otlp::Signal;
use crate::pack::OutputName;

/// A snapshot of delivery. Times are nanoseconds since 1970; items are ordered as [`Signal::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Where objects go, as configured.
    pub to: String,
    /// Segments of which objects are not delivered.
    pub queued_batches: u64,
    /// Objects that are not delivered.
    pub queued_objects: u64,
    /// Their length.
    pub queued_bytes: u64,
    /// Log records, data points, spans and profiles in them.
    pub queued_items: [u64; Signal::COUNT],
    /// When the oldest record in them was received.
    pub oldest_received_at: Option<u64>,
    /// Puts under way.
    pub in_flight: u64,
    /// When the bucket last confirmed an object, since the start of the process.
    pub last_success_at: Option<u64>,
    /// Objects delivered since the start of the process.
    pub delivered_objects: u64,
    /// Their length.
    pub delivered_bytes: u64,
    /// Objects since the start of the process whose bytes were not those that were packed; they were set aside.
    pub damaged_objects: u64,
    /// Set from a failure until the next success.
    pub failing: Option<Failing>,
    /// Whether forebay works without its ledger.
    pub ledger_degraded: bool,
}

impl Status {
    /// All outputs as one: objects and bytes of all of them, items of the one that has most of them left, and the trouble
    /// that lasts longest.
    pub fn of_all(outputs: &BTreeMap<OutputName, Self>) -> Self {
        let mut all = Self::default();
        let destinations: BTreeSet<&str> = outputs.values().map(|status| status.to.as_str()).collect();
        all.to = destinations.into_iter().collect::<Vec<_>>().join(", ");
        for (output, status) in outputs {
            all.queued_batches += status.queued_batches;
            all.queued_objects += status.queued_objects;
            all.queued_bytes += status.queued_bytes;
            for (all, items) in all.queued_items.iter_mut().zip(status.queued_items) {
                *all = items.max(*all);
            }
            all.oldest_received_at =
                [all.oldest_received_at, status.oldest_received_at].into_iter().flatten().min();
            all.in_flight += status.in_flight;
            all.last_success_at = all.last_success_at.max(status.last_success_at);
            all.delivered_objects += status.delivered_objects;
            all.delivered_bytes += status.delivered_bytes;
            all.damaged_objects += status.damaged_objects;
            all.ledger_degraded |= status.ledger_degraded;
            if let Some(failing) = &status.failing
                && all.failing.as_ref().is_none_or(|longest| failing.since < longest.since)
            {
                let error = if outputs.len() > 1 {
                    format!("output {output}: {}", failing.error)
                } else {
                    failing.error.clone()
                };
                all.failing = Some(Failing { error, ..failing.clone() });
            }
        }
        all
    }
}

/// What puts fail with at present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failing {
    /// The kind of the last failure: `denied`, `timeout`, ...
    pub kind: &'static str,
    /// The store's own words.
    pub error: String,
    /// The object that failed last.
    pub key: String,
    /// When it failed.
    pub at: u64,
    /// When the first failure was since the last success.
    pub since: u64,
    /// Failures since the last success.
    pub failures: u64,
}

/// What was dropped by the policy for a full disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Objects.
    pub objects: u64,
    /// Their length.
    pub bytes: u64,
    /// Log records, data points, spans and profiles in them, ordered as [`Signal::ALL`].
    pub items: [u64; Signal::COUNT],
}

impl Dropped {
    /// All items together.
    pub fn total_items(&self) -> u64 {
        self.items.iter().sum()
    }

    /// Items of one signal.
    pub fn items_of(&self, signal: Signal) -> u64 {
        self.items[signal.index()]
    }
}

/// What is remembered between two snapshots.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) last_success_at: Option<u64>,
    pub(super) delivered_objects: u64,
    pub(super) delivered_bytes: u64,
    pub(super) damaged_objects: u64,
    pub(super) failing: Option<Failing>,
}

impl Record {
    /// An object was delivered. Returns what puts failed with before that.
    pub(super) fn succeeded(&mut self, bytes: u64, now: u64) -> Option<Failing> {
        self.last_success_at = Some(now);
        self.delivered_objects += 1;
        self.delivered_bytes += bytes;
        self.failing.take()
    }

    /// A put failed. Returns whether that is news, and no repetition of what is known.
    pub(super) fn failed(&mut self, key: &str, trouble: &Trouble, now: u64) -> bool {
        let before = self.failing.take();
        let kind = Kind::name(trouble.kind);
        let is_news = before.as_ref().is_none_or(|before| before.kind != kind);
        self.failing = Some(Failing {
            kind,
            error: trouble.words.clone(),
            key: key.to_string(),
            at: now,
            since: before.as_ref().map_or(now, |before| before.since),
            failures: before.map_or(0, |before| before.failures) + 1,
        });
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(to: &str, items: u64, failing_since: Option<u64>) -> Status {
        let failing = failing_since.map(|since| Failing {
            kind: "denied",
            error: format!("{to} denies it"),
            key: "key".into(),
            at: 9,
            since,
            failures: 1,
        });
        let queued_objects = u64::from(items > 0);
        Status { to: to.into(), queued_objects, queued_items: [items, 0, 0, 0], failing, ..Status::default() }
    }

    #[test]
    fn all_outputs_are_one_with_the_trouble_that_lasts_longest() {
        let named = |name: &str, status| (OutputName::parse(name).unwrap(), status);
        let one = BTreeMap::from([named("main", status("s3://a", 1, Some(5)))]);
        assert_eq!(Status::of_all(&one), one[&OutputName::main()]);
        let three = BTreeMap::from([
            named("archive", status("s3://a", 7, Some(2))),
            named("main", status("s3://a", 0, None)),
            named("rows", status("s3://b", 3, Some(5))),
        ]);
        let all = Status::of_all(&three);
        assert_eq!((all.to.as_str(), all.queued_objects, all.queued_items[0]), ("s3://a, s3://b", 2, 7));
        let failing = all.failing.unwrap();
        assert_eq!((failing.since, failing.error.as_str()), (2, "output archive: s3://a denies it"));
    }
}
