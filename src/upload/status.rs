//! What delivery is doing, for the status page and the command line.

use serde::Serialize;

use super::trouble::{Kind, Trouble};
use crate::otlp::Signal;

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
    /// Log records, data points and spans in them.
    pub queued_items: [u64; 3],
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
    /// Log records, data points and spans in them, ordered as [`Signal::ALL`].
    pub items: [u64; 3],
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
