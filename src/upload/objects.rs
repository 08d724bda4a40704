//! Single objects, for the person who looks: those delivered last, and those that are tried again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::scheduler::Queue;
use crate::catalog::Catalog;
use crate::otlp::Signal;
use crate::pack::{Object, OutputName};

/// Objects of either kind that are told.
const TOLD: usize = 20;

/// An object that the bucket has confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its name in the bucket.
    pub key: String,
    /// The bucket; none for the main one of the output.
    pub bucket: Option<String>,
    /// What it carries.
    pub signal: Signal,
    /// Log records, data points, spans or profiles in it.
    pub items: u64,
    /// Its length.
    pub bytes: u64,
    /// When it was confirmed, in nanoseconds since 1970.
    pub at: u64,
    /// Attempts to put it, the one that succeeded included.
    pub attempts: u64,
}

/// An object that was tried in vain and is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retried {
    /// Its name in the bucket.
    pub key: String,
    /// The bucket; none for the main one of the output.
    pub bucket: Option<String>,
    /// What it carries.
    pub signal: Signal,
    /// Log records, data points, spans or profiles in it.
    pub items: u64,
    /// Its length.
    pub bytes: u64,
    /// When the first record in it was received, in nanoseconds since 1970.
    pub first_received_at: u64,
    /// Attempts that failed.
    pub attempts: u64,
    /// What the store said last.
    pub error: String,
    /// When it said so, in nanoseconds since 1970.
    pub failed_at: u64,
    /// When it is tried again, in nanoseconds since 1970; none while it is being tried.
    pub next_attempt_at: Option<u64>,
}

/// What is remembered of single objects.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// The newest first.
    delivered: VecDeque<Delivered>,
    /// By [`Object::address`].
    tried: HashMap<String, Tried>,
}

/// What came of the attempts to put an object.
#[derive(Debug)]
struct Tried {
    attempts: u64,
    error: String,
    at: u64,
}

impl Objects {
    /// What the ledger remembers of an output from before the start.
    pub(super) fn remembered(catalog: &Catalog, output: &OutputName) -> Self {
        let delivered = catalog.last_delivered(TOLD).into_iter().filter(|entry| entry.output == *output);
        let delivered = delivered.map(|entry| Delivered {
            key: entry.key,
            bucket: entry.bucket,
            signal: entry.signal,
            items: entry.items,
            bytes: entry.bytes,
            at: entry.delivered_at.unwrap_or(0),
            attempts: entry.attempts,
        });
        let tried = catalog.retrying().into_iter().filter(|entry| entry.output == *output);
        let tried = tried.map(|entry| {
            let address = entry.address();
            let at = entry.last_attempt_at.unwrap_or(0);
            (address, Tried { attempts: entry.attempts, error: entry.last_error.unwrap_or_default(), at })
        });
        Self { delivered: delivered.collect(), tried: tried.collect() }
    }

    /// An object was delivered.
    pub(super) fn succeeded(&mut self, object: &Object, now: u64) {
        let failed = self.tried.remove(&object.address()).map_or(0, |tried| tried.attempts);
        self.delivered.push_front(Delivered {
            key: object.key.clone(),
            bucket: object.bucket.clone(),
            signal: object.signal,
            items: object.items,
            bytes: object.bytes,
            at: now,
            attempts: failed + 1,
        });
        self.delivered.truncate(TOLD);
    }

    /// An object was tried in vain.
    pub(super) fn failed(&mut self, object: &Object, words: &str, now: u64) {
        let blank = || Tried { attempts: 0, error: String::new(), at: 0 };
        let tried = self.tried.entry(object.address()).or_insert_with(blank);
        tried.attempts += 1;
        words.clone_into(&mut tried.error);
        tried.at = now;
    }

    /// An object will not be tried again.
    pub(super) fn forget(&mut self, object: &Object) {
        self.tried.remove(&object.address());
    }

    /// The objects delivered last, the newest first.
    pub(super) fn delivered(&self) -> Vec<Delivered> {
        self.delivered.iter().cloned().collect()
    }

    /// The objects of the queue that were tried in vain, the oldest first. `now` is `unix_now` by the other clock.
    pub(super) fn retrying(&self, queue: &Queue, now: Instant, unix_now: u64) -> Vec<Retried> {
        if self.tried.is_empty() {
            return Vec::new();
        }
        let on_the_wall =
            |at: Instant| unix_now.saturating_add(nanoseconds(at.saturating_duration_since(now)));
        let told = queue.undelivered_with_times(now).filter_map(|(object, at)| {
            let tried = self.tried.get(&object.address())?;
            Some(Retried {
                key: object.key.clone(),
                bucket: object.bucket.clone(),
                signal: object.signal,
                items: object.items,
                bytes: object.bytes,
                first_received_at: object.first_received_at,
                attempts: tried.attempts,
                error: tried.error.clone(),
                failed_at: tried.at,
                next_attempt_at: at.map(on_the_wall),
            })
        });
        told.take(TOLD).collect()
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::log::SegmentId;
    use crate::pack::{Batch, BatchId};
    use crate::units::Span;
    use crate::upload::RetryOptions;
    use crate::upload::scheduler::Decision;
    use crate::upload::testing::spooled;

    /// Every object may go.
    const LAST: SegmentId = SegmentId(u64::MAX);

    fn batch(segment: u64, objects: Vec<Object>) -> Batch {
        Batch { segment: SegmentId(segment), output: OutputName::main(), objects }
    }

    fn objects(names: &[&str]) -> Vec<Object> {
        let folder = tempfile::tempdir().unwrap();
        names.iter().map(|name| spooled(&RealDisk, folder.path(), name, b"content").0).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_is_told_with_the_last_words_and_the_next_attempt() {
        let retry = RetryOptions { first_wait: Span::seconds(4), ..RetryOptions::default() };
        let mut queue = Queue::new(2, retry);
        let two = objects(&["a", "b"]);
        queue.add(batch(1, two.clone()), false);
        let (mut told, began) = (Objects::default(), Instant::now());
        assert_eq!(told.retrying(&queue, began, 0), [], "nothing failed yet");
        let Decision::Start(ticket) = queue.next(began, LAST) else { panic!("nothing begins") };
        queue.failed(ticket, began, None, true);
        told.failed(&two[0], "503 SlowDown", 7);
        let second = 1_000_000_000;
        let retrying = told.retrying(&queue, began, 10 * second);
        assert_eq!(retrying.len(), 1);
        let only = &retrying[0];
        assert_eq!((only.attempts, only.error.as_str(), only.failed_at), (1, "503 SlowDown", 7));
        let at = only.next_attempt_at.unwrap();
        // About four seconds: half as many more at most, so that not all come at once.
        assert!(at > 10 * second && at <= 16 * second, "{at}");

        let later = began + Duration::from_mins(1);
        let Decision::Start(again) = queue.next(later, LAST) else { panic!("nothing begins") };
        // The least tried goes first.
        queue.failed(again, later, None, true);
        told.failed(&two[1], "500", 8);
        let later = later + Duration::from_mins(1);
        let Decision::Start(ticket) = queue.next(later, LAST) else { panic!("nothing begins") };
        let retrying = told.retrying(&queue, later, 0);
        let under_way: Vec<_> = retrying.iter().map(|retried| retried.next_attempt_at.is_none()).collect();
        assert_eq!(under_way.iter().filter(|under_way| **under_way).count(), 1, "{retrying:?}");

        queue.succeeded(ticket);
        told.succeeded(&two[ticket.index], 9);
        assert_eq!(told.retrying(&queue, later, 0).len(), 1);
        assert_eq!((told.delivered()[0].attempts, told.delivered()[0].at), (2, 9));
        told.forget(&two[1 - ticket.index]);
        assert_eq!(told.retrying(&queue, later, 0), []);
    }

    #[test]
    fn the_ledger_remembers_what_was_before_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path());
        let output = OutputName::main();
        let three = objects(&["a", "b", "c"]);
        catalog.note_spooled(&batch(1, three.clone()));
        let id = BatchId { segment: SegmentId(1), output: output.clone() };
        for object in &three {
            catalog.note_attempt(object, &id, 5);
        }
        catalog.note_failure(&three[0], &id, "403 AccessDenied");
        catalog.note_delivered(&three[1], &id, None, 6);
        catalog.note_delivered(&three[2], &id, None, 7);

        let told = Objects::remembered(&catalog, &output);
        let delivered = told.delivered();
        let seen: Vec<_> =
            delivered.iter().map(|object| (object.key.as_str(), object.at, object.attempts)).collect();
        assert_eq!(seen, [(three[2].key.as_str(), 7, 1), (three[1].key.as_str(), 6, 1)]);
        let mut queue = Queue::new(2, RetryOptions::default());
        queue.add(batch(1, three.clone()), true);
        let now = Instant::now();
        let retrying = told.retrying(&queue, now, 9);
        assert_eq!(
            (retrying.len(), retrying[0].error.as_str(), retrying[0].attempts),
            (1, "403 AccessDenied", 1)
        );
        assert_eq!((retrying[0].failed_at, retrying[0].next_attempt_at), (5, Some(9)), "it is due now");
        let other = OutputName::parse("archive").unwrap();
        assert_eq!(Objects::remembered(&catalog, &other).delivered(), [], "another output has others");
    }

    #[test]
    fn no_more_are_kept_than_are_told() {
        let mut told = Objects::default();
        let object = objects(&["a"]).remove(0);
        (0..50).for_each(|at| told.succeeded(&object, at));
        let delivered = told.delivered();
        assert_eq!((delivered.len(), delivered[0].at, delivered[19].at), (20, 49, 30));
    }
}
