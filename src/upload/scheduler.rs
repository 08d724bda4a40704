//! Which object is put next, and when. Pure decisions: the caller brings the clock and does what is decided.
//!
//! - The oldest segment goes first; within it, its objects in order.
//! - An object that failed waits by itself, longer each time, so that one of them never holds up the others.
//! - A failure closes the gate of its bucket: until a put into it succeeds there is one attempt at a time, at the pace of the
//!   gate, so that a store in trouble is not hammered. One success opens the gate for all at once.
//! - A bucket in trouble does not hold up the others: no more than half of all puts are attempts at closed gates.
//!
//! The queue holds what the spool holds, which the disk budget bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::options::RetryOptions;
use super::retry::Backoff;
use crate::log::SegmentId;
use crate::otlp::Signal;
use crate::pack::{Batch, Object};

/// Names one object of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Ticket {
    pub(super) segment: SegmentId,
    pub(super) index: usize,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Begin to put this object; it is marked as under way.
    Start(Ticket),
    /// Nothing, until this time or until something changes.
    Wait(Option<Instant>),
}

/// How far an object of the queue has come.
#[derive(Debug)]
enum Stage {
    /// It was not tried, or it failed and waits.
    Waiting {
        not_before: Option<Instant>,
    },
    /// A put is under way since then.
    UnderWay {
        since: Instant,
    },
    Done,
}

#[derive(Debug)]
struct Queued {
    stage: Stage,
    attempts: u64,
    backoff: Option<Backoff>,
}

#[derive(Debug)]
struct Entry {
    batch: Batch,
    objects: Vec<Queued>,
    /// Whether the ledger may know of deliveries that the spool does not show.
    recovered: bool,
}

/// The bucket of an object; none for the main one.
pub(super) type BucketName = Option<String>;

/// Closed after a failure in its bucket, until a success.
#[derive(Debug)]
struct Gate {
    backoff: Backoff,
    closed_at: Instant,
    not_before: Instant,
}

/// Everything of one output that waits to be delivered.
#[derive(Debug)]
pub(super) struct Queue {
    retry: RetryOptions,
    concurrency: usize,
    entries: BTreeMap<SegmentId, Entry>,
    /// Batches all of whose objects are delivered, and whose files are being removed.
    finishing: BTreeMap<SegmentId, Batch>,
    /// Puts under way, by bucket.
    under_way: BTreeMap<BucketName, usize>,
    /// The gates that are closed.
    gates: BTreeMap<BucketName, Gate>,
}

/// What waits, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Depth {
    pub(super) batches: u64,
    pub(super) objects: u64,
    pub(super) bytes: u64,
    /// By [`Signal::index`].
    pub(super) items: [u64; Signal::COUNT],
    /// When the oldest record in it was received, in nanoseconds since 1970.
    pub(super) oldest_received_at: Option<u64>,
}

impl Queue {
    pub(super) fn new(concurrency: usize, retry: RetryOptions) -> Self {
        Self {
            retry,
            concurrency,
            entries: BTreeMap::new(),
            finishing: BTreeMap::new(),
            under_way: BTreeMap::new(),
            gates: BTreeMap::new(),
        }
    }

    /// From now on so many puts go at once, and failures are repeated at this pace.
    pub(super) fn change(&mut self, concurrency: usize, retry: RetryOptions) {
        (self.concurrency, self.retry) = (concurrency.max(1), retry);
    }

    #[cfg(test)]
    pub(super) fn settings(&self) -> (usize, RetryOptions) {
        (self.concurrency, self.retry.clone())
    }

    /// Takes a batch in. Returns it if it has no objects and is done with already.
    pub(super) fn add(&mut self, batch: Batch, recovered: bool) -> Option<Batch> {
        let segment = batch.segment;
        if self.entries.contains_key(&segment) || self.finishing.contains_key(&segment) {
            return None;
        }
        if batch.objects.is_empty() {
            self.finishing.insert(segment, batch.clone());
            return Some(batch);
        }
        let waiting = || Queued { stage: Stage::Waiting { not_before: None }, attempts: 0, backoff: None };
        let objects = batch.objects.iter().map(|_| waiting()).collect();
        self.entries.insert(segment, Entry { batch, objects, recovered });
        None
    }

    /// What to do at `now`, with the segments up to `last`.
    pub(super) fn next(&mut self, now: Instant, last: SegmentId) -> Decision {
        if self.under_way() >= self.concurrency {
            return Decision::Wait(None);
        }
        let ready = |(due, ..): &(Instant, u64, Ticket)| *due <= now;
        // A probe that a poisoned object makes says nothing about the store: the least tried goes first then. Probes are
        // rare; were they to wait for the others, a bucket would stay in trouble as long as those have work.
        let probe =
            self.probes(now, last).filter(ready).map(|(_, attempts, ticket)| (attempts, ticket)).min();
        let chosen = probe.or_else(|| {
            self.waiting(now, last, false).find(ready).map(|(_, attempts, ticket)| (attempts, ticket))
        });
        let Some((_, ticket)) = chosen else {
            let due = self.probes(now, last).chain(self.waiting(now, last, false)).map(|(due, ..)| due);
            return Decision::Wait(due.min());
        };
        if let Some(queued) = self.queued_mut(ticket) {
            queued.stage = Stage::UnderWay { since: now };
            queued.attempts += 1;
            let bucket = self.bucket(ticket).cloned().flatten();
            *self.under_way.entry(bucket).or_default() += 1;
        }
        Decision::Start(ticket)
    }

    /// Attempts at closed gates that may be begun, as [`Queue::waiting`].
    fn probes(&self, now: Instant, last: SegmentId) -> impl Iterator<Item = (Instant, u64, Ticket)> {
        let probing: usize = self.gates.keys().filter_map(|bucket| self.under_way.get(bucket)).sum();
        let may_probe = !self.gates.is_empty() && probing < (self.concurrency / 2).max(1);
        may_probe.then(|| self.waiting(now, last, true)).into_iter().flatten()
    }

    /// The objects that wait for nothing but the time, in their order: when each may go, how often it was tried. Either those
    /// of buckets whose gate is closed, or the others.
    fn waiting(
        &self,
        now: Instant,
        last: SegmentId,
        is_closed: bool,
    ) -> impl Iterator<Item = (Instant, u64, Ticket)> {
        let of_entry = move |(segment, entry): (&SegmentId, &'_ Entry)| {
            let due = |(index, queued): (usize, &Queued)| {
                let bucket = &entry.batch.objects.get(index)?.bucket;
                let gate = self.gates.get(bucket);
                if gate.is_some() != is_closed || (is_closed && self.under_way.contains_key(bucket)) {
                    return None;
                }
                let due = queued.due(now)?;
                let due = gate.map_or(due, |gate| due.max(gate.not_before));
                Some((due, queued.attempts, Ticket { segment: *segment, index }))
            };
            entry.objects.iter().enumerate().filter_map(due).collect::<Vec<_>>()
        };
        self.entries.range(..=last).flat_map(of_entry)
    }

    /// The object of a ticket, whether the ledger is to be asked about it, and its attempts so far.
    pub(super) fn object(&self, ticket: Ticket) -> Option<(Object, bool, u64)> {
        let entry = self.entries.get(&ticket.segment)?;
        let attempts = entry.objects.get(ticket.index)?.attempts;
        Some((entry.batch.objects.get(ticket.index)?.clone(), entry.recovered, attempts))
    }

    /// The object was delivered by a put: opens the gate of its bucket. Returns the batch if it was the last of it.
    pub(super) fn succeeded(&mut self, ticket: Ticket) -> Option<Batch> {
        if let Some(bucket) = self.bucket(ticket).cloned() {
            self.gates.remove(&bucket);
        }
        self.done(ticket)
    }

    /// The object is done with, without a word about the store. Returns the batch if it was the last of it.
    pub(super) fn done(&mut self, ticket: Ticket) -> Option<Batch> {
        self.leave(ticket, Stage::Done);
        let entry = self.entries.get(&ticket.segment)?;
        if !entry.objects.iter().all(|queued| matches!(queued.stage, Stage::Done)) {
            return None;
        }
        let batch = self.entries.remove(&ticket.segment)?.batch;
        self.finishing.insert(ticket.segment, batch.clone());
        Some(batch)
    }

    /// The files of a batch are removed.
    pub(super) fn finished(&mut self, segment: SegmentId) {
        self.finishing.remove(&segment);
    }

    /// The put failed. `asked` is the wait that the store asked for; `about_store` says that any other object of this bucket
    /// might fail as well.
    pub(super) fn failed(
        &mut self,
        ticket: Ticket,
        now: Instant,
        asked: Option<Duration>,
        about_store: bool,
    ) {
        let retry = self.retry.clone();
        let mut since = now;
        if let Some(queued) = self.queued_mut(ticket) {
            if let Stage::UnderWay { since: begun } = queued.stage {
                since = begun;
            }
            let wait = queued.backoff.get_or_insert_with(|| Backoff::new(&retry)).next(asked);
            self.leave(ticket, Stage::Waiting { not_before: Some(now + wait) });
        }
        let Some(bucket) = self.bucket(ticket).cloned().filter(|_| about_store) else { return };
        match self.gates.get_mut(&bucket) {
            // It began before the gate was closed: no news.
            Some(gate) if since < gate.closed_at => {}
            Some(gate) => {
                gate.closed_at = now;
                gate.not_before = now + gate.backoff.next(asked);
            }
            None => {
                let mut backoff = Backoff::new(&self.retry);
                let not_before = now + backoff.next(asked);
                self.gates.insert(bucket, Gate { backoff, closed_at: now, not_before });
            }
        }
    }

    /// Tries everything at once: opens all gates and ends all waits.
    pub(super) fn nudge(&mut self) {
        self.gates.clear();
        for queued in self.entries.values_mut().flat_map(|entry| &mut entry.objects) {
            if let Stage::Waiting { not_before } = &mut queued.stage {
                *not_before = None;
                queued.backoff = None;
            }
        }
    }

    /// Takes the oldest batch out of which nothing is under way, to drop it, with the objects that are not delivered.
    pub(super) fn take_oldest(&mut self) -> Option<(Batch, Vec<Object>)> {
        let (segment, _) = self.entries.iter().find(|(_, entry)| {
            !entry.objects.iter().any(|queued| matches!(queued.stage, Stage::UnderWay { .. }))
        })?;
        let segment = *segment;
        let entry = self.entries.remove(&segment)?;
        let buckets = self.buckets();
        self.gates.retain(|bucket, _| buckets.contains(bucket));
        let undelivered = entry
            .batch
            .objects
            .iter()
            .zip(&entry.objects)
            .filter(|(_, queued)| !matches!(queued.stage, Stage::Done))
            .map(|(object, _)| object.clone())
            .collect();
        Some((entry.batch, undelivered))
    }

    /// Counts a batch that was taken out among those whose files are being removed.
    pub(super) fn finishing(&mut self, batch: Batch) {
        self.finishing.insert(batch.segment, batch);
    }

    /// The segment of the oldest batch that waits or is under way.
    pub(super) fn oldest(&self) -> Option<SegmentId> {
        self.entries.keys().next().copied()
    }

    /// Whether something waits of a segment after `last`, or of any if there is none.
    pub(super) fn waits_after(&self, last: Option<SegmentId>) -> bool {
        self.entries.keys().next_back().is_some_and(|newest| last.is_none_or(|last| *newest > last))
    }

    /// Whether nothing is left of the segments up to `last`, files included.
    pub(super) fn is_empty_up_to(&self, last: SegmentId) -> bool {
        self.entries.range(..=last).next().is_none() && self.finishing.is_empty()
    }

    /// Whether nothing is left, files included.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.finishing.is_empty()
    }

    /// Puts under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.values().sum()
    }

    /// Whether a bucket is taken to be in trouble.
    pub(super) fn is_gate_closed(&self) -> bool {
        !self.gates.is_empty()
    }

    /// What waits or is under way.
    pub(super) fn depth(&self) -> Depth {
        let mut depth = Depth { batches: self.entries.len() as u64, ..Depth::default() };
        self.undelivered().for_each(|object| depth.add(object));
        depth
    }

    /// What waits or is under way, by bucket. A batch counts in none.
    pub(super) fn depth_by_bucket(&self) -> BTreeMap<BucketName, Depth> {
        let mut depths: BTreeMap<BucketName, Depth> = BTreeMap::new();
        for object in self.undelivered() {
            depths.entry(object.bucket.clone()).or_default().add(object);
        }
        depths
    }

    /// The buckets of what waits or is under way.
    pub(super) fn buckets(&self) -> BTreeSet<BucketName> {
        self.undelivered().map(|object| object.bucket.clone()).collect()
    }

    fn undelivered(&self) -> impl Iterator<Item = &Object> {
        let objects = self.entries.values().flat_map(|entry| entry.batch.objects.iter().zip(&entry.objects));
        objects.filter(|(_, queued)| !matches!(queued.stage, Stage::Done)).map(|(object, _)| object)
    }

    /// What waits or is under way, in its order, each with the time at which it may be tried; none while it is under way.
    pub(super) fn undelivered_with_times(
        &self,
        now: Instant,
    ) -> impl Iterator<Item = (&Object, Option<Instant>)> {
        let objects = self.entries.values().flat_map(|entry| entry.batch.objects.iter().zip(&entry.objects));
        objects.filter(|(_, queued)| !matches!(queued.stage, Stage::Done)).map(move |(object, queued)| {
            let gate = self.gates.get(&object.bucket);
            let due = |due: Instant| gate.map_or(due, |gate| due.max(gate.not_before));
            (object, queued.due(now).map(due))
        })
    }

    fn leave(&mut self, ticket: Ticket, stage: Stage) {
        let Some(queued) = self.queued_mut(ticket) else { return };
        let was = std::mem::replace(&mut queued.stage, stage);
        if let (Stage::UnderWay { .. }, Some(bucket)) = (was, self.bucket(ticket).cloned())
            && let Some(under_way) = self.under_way.get_mut(&bucket)
        {
            *under_way -= 1;
            if *under_way == 0 {
                self.under_way.remove(&bucket);
            }
        }
    }

    fn bucket(&self, ticket: Ticket) -> Option<&BucketName> {
        self.entries.get(&ticket.segment)?.batch.objects.get(ticket.index).map(|object| &object.bucket)
    }

    fn queued_mut(&mut self, ticket: Ticket) -> Option<&mut Queued> {
        self.entries.get_mut(&ticket.segment)?.objects.get_mut(ticket.index)
    }
}

impl Depth {
    fn add(&mut self, object: &Object) {
        self.objects += 1;
        self.bytes += object.bytes;
        self.items[object.signal.index()] += object.items;
        let oldest = self.oldest_received_at.unwrap_or(u64::MAX).min(object.first_received_at);
        self.oldest_received_at = Some(oldest);
    }
}

impl Queued {
    /// When it may be tried, if it waits for that: at `now`, or later.
    fn due(&self, now: Instant) -> Option<Instant> {
        match self.stage {
            Stage::Waiting { not_before } => Some(not_before.unwrap_or(now)),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
