//! Which object is put next, and when. Pure decisions: the caller brings the clock and does what is decided.
//!
//! - The oldest segment goes first; within it, its objects in order.
//! - An object that failed waits by itself, longer each time, so that one of them never holds up the others.
//! - A failure closes the gate for all: until a put succeeds there is one attempt at a time, at the pace of the gate, so
//!   that a store in trouble is not hammered. One success opens the gate for all at once.
//!
//! The queue holds what the spool holds, which the disk budget bounds.

use std::collections::BTreeMap;
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

/// Closed after a failure, until a success.
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
    under_way: usize,
    gate: Option<Gate>,
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
            under_way: 0,
            gate: None,
        }
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

    /// What to do at `now`.
    pub(super) fn next(&mut self, now: Instant) -> Decision {
        if self.under_way >= self.concurrency {
            return Decision::Wait(None);
        }
        if let Some(gate) = &self.gate {
            if self.under_way > 0 {
                return Decision::Wait(None);
            }
            if now < gate.not_before {
                return Decision::Wait(Some(gate.not_before));
            }
        }
        let ready = self.entries.iter().flat_map(|(segment, entry)| {
            entry
                .objects
                .iter()
                .enumerate()
                .filter(|(_, queued)| queued.is_ready(now))
                .map(move |(index, queued)| (queued.attempts, Ticket { segment: *segment, index }))
        });
        // A probe that a poisoned object makes says nothing about the store: the least tried goes first then.
        let chosen = if self.gate.is_some() { ready.min().map(|(_, ticket)| ticket) } else { first(ready) };
        let Some(ticket) = chosen else { return Decision::Wait(self.earliest()) };
        if let Some(queued) = self.queued_mut(ticket) {
            queued.stage = Stage::UnderWay { since: now };
            queued.attempts += 1;
            self.under_way += 1;
        }
        Decision::Start(ticket)
    }

    /// The object of a ticket, whether the ledger is to be asked about it, and its attempts so far.
    pub(super) fn object(&self, ticket: Ticket) -> Option<(Object, bool, u64)> {
        let entry = self.entries.get(&ticket.segment)?;
        let attempts = entry.objects.get(ticket.index)?.attempts;
        Some((entry.batch.objects.get(ticket.index)?.clone(), entry.recovered, attempts))
    }

    /// The object was delivered by a put: opens the gate. Returns the batch if it was the last of it.
    pub(super) fn succeeded(&mut self, ticket: Ticket) -> Option<Batch> {
        self.gate = None;
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

    /// The put failed. `asked` is the wait that the store asked for; `about_store` says that any other object might
    /// fail as well.
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
        if !about_store {
            return;
        }
        match &mut self.gate {
            // It began before the gate was closed: no news.
            Some(gate) if since < gate.closed_at => {}
            Some(gate) => {
                gate.closed_at = now;
                gate.not_before = now + gate.backoff.next(asked);
            }
            None => {
                let mut backoff = Backoff::new(&self.retry);
                let not_before = now + backoff.next(asked);
                self.gate = Some(Gate { backoff, closed_at: now, not_before });
            }
        }
    }

    /// Tries everything at once: opens the gate and ends all waits.
    pub(super) fn nudge(&mut self) {
        self.gate = None;
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

    /// Whether nothing is left, files included.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.finishing.is_empty()
    }

    /// Puts under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Whether the store is taken to be in trouble.
    pub(super) fn is_gate_closed(&self) -> bool {
        self.gate.is_some()
    }

    /// What waits or is under way.
    pub(super) fn depth(&self) -> Depth {
        let mut depth = Depth { batches: self.entries.len() as u64, ..Depth::default() };
        for entry in self.entries.values() {
            for (object, queued) in entry.batch.objects.iter().zip(&entry.objects) {
                if matches!(queued.stage, Stage::Done) {
                    continue;
                }
                depth.objects += 1;
                depth.bytes += object.bytes;
                depth.items[object.signal.index()] += object.items;
                let oldest = depth.oldest_received_at.unwrap_or(u64::MAX).min(object.first_received_at);
                depth.oldest_received_at = Some(oldest);
            }
        }
        depth
    }

    fn leave(&mut self, ticket: Ticket, stage: Stage) {
        let Some(queued) = self.queued_mut(ticket) else { return };
        let was = std::mem::replace(&mut queued.stage, stage);
        if matches!(was, Stage::UnderWay { .. }) {
            self.under_way -= 1;
        }
    }

    fn queued_mut(&mut self, ticket: Ticket) -> Option<&mut Queued> {
        self.entries.get_mut(&ticket.segment)?.objects.get_mut(ticket.index)
    }

    /// When the first of those that wait may go.
    fn earliest(&self) -> Option<Instant> {
        let waits = self.entries.values().flat_map(|entry| &entry.objects);
        waits
            .filter_map(|queued| match queued.stage {
                Stage::Waiting { not_before } => not_before,
                _ => None,
            })
            .min()
    }
}

impl Queued {
    fn is_ready(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::Waiting { not_before } if not_before.is_none_or(|time| time <= now))
    }
}

/// The oldest.
fn first(mut ready: impl Iterator<Item = (u64, Ticket)>) -> Option<Ticket> {
    ready.next().map(|(_, ticket)| ticket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::OutputName;

    fn batch(segment: u64, objects: usize) -> Batch {
        let object = |index: usize| Object {
            bucket: None,
            key: format!("{segment}-{index}"),
            file: format!("{segment}-{index}"),
            signal: Signal::Logs,
            records: 1,
            items: 10,
            bytes: 100,
            blake3: String::new(),
            first_received_at: segment * 1000,
            last_received_at: segment * 1000,
            content_type: "x/y".into(),
            content_encoding: None,
        };
        Batch {
            segment: SegmentId(segment),
            output: OutputName::main(),
            objects: (0..objects).map(object).collect(),
        }
    }

    fn ticket(segment: u64, index: usize) -> Ticket {
        Ticket { segment: SegmentId(segment), index }
    }

    fn queue(concurrency: usize, batches: &[(u64, usize)]) -> Queue {
        let mut queue = Queue::new(concurrency, RetryOptions::default());
        for (segment, objects) in batches {
            assert_eq!(queue.add(batch(*segment, *objects), false), None);
        }
        queue
    }

    const SOON: Duration = Duration::from_secs(1);
    const LATE: Duration = Duration::from_secs(61);

    #[test]
    fn the_oldest_goes_first_and_a_few_at_a_time() {
        let mut queue = queue(3, &[(7, 1), (5, 2), (6, 1)]);
        let now = Instant::now();
        for expected in [ticket(5, 0), ticket(5, 1), ticket(6, 0)] {
            assert_eq!(queue.next(now), Decision::Start(expected));
        }
        assert_eq!(queue.next(now), Decision::Wait(None), "three are under way");
        assert_eq!(queue.succeeded(ticket(5, 1)), None);
        assert_eq!(queue.next(now), Decision::Start(ticket(7, 0)));
        assert_eq!(queue.succeeded(ticket(5, 0)), Some(batch(5, 2)), "the last one finishes the batch");
    }

    #[test]
    fn an_outage_is_probed_by_one_attempt_at_a_time_and_a_success_opens_the_gate_for_all() {
        let mut queue = queue(4, &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]);
        let mut now = Instant::now();
        for segment in 1..=4 {
            assert_eq!(queue.next(now), Decision::Start(ticket(segment, 0)));
        }
        now += SOON;
        for segment in 1..=4 {
            queue.failed(ticket(segment, 0), now, None, true);
        }
        for _ in 0..20 {
            let Decision::Wait(Some(until)) = queue.next(now) else { panic!("the gate must be closed") };
            assert!(until - now <= Duration::from_mins(1));
            now = until;
            let Decision::Start(probe) = queue.next(now) else { panic!("a probe was due") };
            assert_eq!(queue.next(now), Decision::Wait(None), "only one probe");
            queue.failed(probe, now, None, true);
        }
        now += LATE;
        let Decision::Start(probe) = queue.next(now) else { panic!("a probe was due") };
        queue.succeeded(probe);
        let started = (0..4).filter(|_| matches!(queue.next(now), Decision::Start(_))).count();
        assert_eq!(started, 4, "full concurrency at once");
    }

    #[test]
    fn failures_that_began_before_the_gate_closed_do_not_lengthen_its_wait() {
        let mut queue = queue(64, &[(1, 64)]);
        let now = Instant::now();
        while let Decision::Start(_) = queue.next(now) {}
        for index in 0..64 {
            queue.failed(ticket(1, index), now + SOON, None, true);
        }
        let Decision::Wait(Some(until)) = queue.next(now + SOON) else { panic!("the gate must be closed") };
        assert!(until - now <= SOON + Duration::from_millis(750), "the first wait, not the sixty-fourth");
    }

    #[test]
    fn a_poisoned_object_never_holds_up_the_others() {
        let mut queue = queue(1, &[(1, 1), (2, 1), (3, 1)]);
        let mut now = Instant::now();
        let mut delivered = Vec::new();
        for _ in 0..20 {
            match queue.next(now) {
                Decision::Start(poisoned) if poisoned.segment == SegmentId(1) => {
                    queue.failed(poisoned, now, None, true);
                }
                Decision::Start(other) => {
                    queue.succeeded(other);
                    delivered.push(other.segment.0);
                }
                Decision::Wait(until) => now = until.unwrap(),
            }
        }
        assert_eq!(delivered, [2, 3]);
    }

    #[test]
    fn a_nudge_tries_everything_now() {
        let mut queue = queue(2, &[(1, 1)]);
        let now = Instant::now();
        assert_eq!(queue.next(now), Decision::Start(ticket(1, 0)));
        queue.failed(ticket(1, 0), now, Some(Duration::from_mins(1)), true);
        assert!(matches!(queue.next(now), Decision::Wait(Some(_))));
        queue.nudge();
        assert_eq!(queue.next(now), Decision::Start(ticket(1, 0)));
    }

    #[test]
    fn the_oldest_batch_that_nothing_is_under_way_of_is_dropped() {
        let mut queue = queue(2, &[(1, 2), (2, 2)]);
        let now = Instant::now();
        assert_eq!(queue.next(now), Decision::Start(ticket(1, 0)));
        let (dropped, undelivered) = queue.take_oldest().unwrap();
        assert_eq!((dropped.segment, undelivered.len()), (SegmentId(2), 2));
        assert!(queue.take_oldest().is_none(), "a put of the other one is under way");
        queue.succeeded(ticket(1, 0));
        let (dropped, undelivered) = queue.take_oldest().unwrap();
        assert_eq!((dropped.segment, undelivered.len()), (SegmentId(1), 1), "what was delivered is not lost");
        assert!(queue.is_empty());
    }

    #[test]
    fn the_depth_counts_what_is_not_delivered() {
        let mut queue = queue(2, &[(1, 2), (2, 1)]);
        let now = Instant::now();
        assert_eq!(queue.next(now), Decision::Start(ticket(1, 0)));
        queue.succeeded(ticket(1, 0));
        let depth = queue.depth();
        assert_eq!((depth.batches, depth.objects, depth.bytes, depth.items), (2, 2, 200, [20, 0, 0, 0]));
        assert_eq!(depth.oldest_received_at, Some(1000));
        assert_eq!(queue.add(batch(3, 0), false), Some(batch(3, 0)), "a batch without objects is done with");
        queue.finished(SegmentId(3));
    }
}
