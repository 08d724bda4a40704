//! What delivery is doing, for the status page and the command line.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::objects::Objects;
use super::scheduler::BucketName;
use super::trouble::{Kind, Trouble};
use crate::otlp::Signal;
use crate::pack::{Object, OutputName};

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
    /// Items in them.
    pub delivered_items: u64,
    /// Attempts since the start of the process that failed.
    pub failed_attempts: u64,
    /// Objects since the start of the process whose bytes were not those that were packed; they were set aside.
    pub damaged_objects: u64,
    /// Set from a failure until the next success in the same bucket; of several buckets that which fails for longest.
    pub failing: Option<Failing>,
    /// The buckets beside that of `to` for which something waits.
    pub buckets: Vec<BucketStatus>,
    /// Whether forebay works without its ledger.
    pub ledger_degraded: bool,
    /// Set while something waits for its hours (`upload.hours`) and for nothing else: when they begin.
    pub waits_until: Option<Timestamp>,
    /// What is worth knowing and no fault, in sentences: `delivery waits until 22:00 (upload.hours)`.
    pub notes: Vec<String>,
}

/// How it stands with a bucket that objects name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BucketStatus {
    /// Its name.
    pub name: String,
    /// Objects that are not delivered.
    pub queued_objects: u64,
    /// Their length.
    pub queued_bytes: u64,
    /// When the oldest record in them was received.
    pub oldest_received_at: Option<u64>,
    /// Set from a failure until the next success.
    pub failing: Option<Failing>,
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
            all.delivered_items += status.delivered_items;
            all.failed_attempts += status.failed_attempts;
            all.damaged_objects += status.damaged_objects;
            all.ledger_degraded |= status.ledger_degraded;
            all.waits_until = [all.waits_until, status.waits_until].into_iter().flatten().min();
            all.notes.extend(status.notes.iter().cloned());
            all.buckets.extend(status.buckets.iter().cloned());
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
    pub(super) delivered_items: u64,
    pub(super) failed_attempts: u64,
    pub(super) damaged_objects: u64,
    /// By bucket.
    pub(super) failing: BTreeMap<BucketName, Failing>,
    pub(super) objects: Objects,
}

impl Record {
    /// An object was delivered. Returns what puts into its bucket failed with before that.
    pub(super) fn succeeded(&mut self, object: &Object, now: u64) -> Option<Failing> {
        self.last_success_at = Some(now);
        self.delivered_objects += 1;
        self.delivered_bytes += object.bytes;
        self.delivered_items += object.items;
        self.objects.succeeded(object, now);
        self.failing.remove(&object.bucket)
    }

    /// What has been failing for longest, with the name of its bucket.
    pub(super) fn failing_for_longest(&self) -> Option<Failing> {
        let (bucket, failing) = self.failing.iter().min_by_key(|(_, failing)| failing.since)?;
        let mut failing = failing.clone();
        if let Some(bucket) = bucket {
            failing.error = format!("bucket {bucket}: {}", failing.error);
        }
        Some(failing)
    }

    /// Forgets the trouble of buckets for which nothing waits any more.
    pub(super) fn keep_buckets(&mut self, buckets: &BTreeSet<BucketName>) {
        self.failing.retain(|bucket, _| bucket.is_none() || buckets.contains(bucket));
    }

    /// A put failed. Returns whether that is news, and no repetition of what is known.
    pub(super) fn failed(&mut self, object: &Object, trouble: &Trouble, now: u64) -> bool {
        self.failed_attempts += 1;
        self.objects.failed(object, &trouble.words, now);
        let before = self.failing.remove(&object.bucket);
        let kind = Kind::name(trouble.kind);
        let is_news = before.as_ref().is_none_or(|before| before.kind != kind);
        let failing = Failing {
            kind,
            error: trouble.words.clone(),
            key: object.key.clone(),
            at: now,
            since: before.as_ref().map_or(now, |before| before.since),
            failures: before.map_or(0, |before| before.failures) + 1,
        };
        self.failing.insert(object.bucket.clone(), failing);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::upload::testing::spooled;

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
    fn a_bucket_that_works_does_not_hide_that_another_one_fails() {
        let mut record = Record::default();
        let folder = tempfile::tempdir().unwrap();
        let (main, _) = spooled(&RealDisk, folder.path(), "object", b"content");
        let other = Object { bucket: Some("lake".into()), ..main.clone() };
        let trouble = Trouble::new(Kind::Denied, "403");
        assert!(record.failed(&other, &trouble, 5), "it is news");
        assert!(record.failed(&main, &trouble, 6), "of each bucket");
        assert!(!record.failed(&other, &trouble, 7));
        assert_eq!(record.succeeded(&main, 8).map(|failing| failing.failures), Some(1));
        let failing = record.failing_for_longest().unwrap();
        assert_eq!((failing.error.as_str(), failing.since, failing.failures), ("bucket lake: 403", 5, 2));
        record.keep_buckets(&BTreeSet::new());
        assert_eq!(record.failing_for_longest(), None);
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
