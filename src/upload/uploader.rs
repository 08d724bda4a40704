//! Delivery at work: does what [`super::scheduler`] decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::current::Current;
use super::deliveries::Delivery;
use super::hours::{Clock, Hours};
use super::ledger::Ledger;
use super::receipts::{self, Couriers, Receipts};
use super::scheduler::{BucketName, Decision, Depth, Queue, Ticket};
use super::status::{BucketStatus, Dropped, Record, Status};
use super::trouble::Kind;
use crate::catalog::Catalog;
use crate::disk::Budget;
use crate::log::SegmentId;
use crate::metrics::upload as metrics;
use crate::metrics::upload::DropReason;
use crate::otlp::Signal;
use crate::pack::{self, Batch, BatchId, OutputName, Spool};

/// Delivers the batches that were packed for one output. Its task runs until [`Uploader::stop`].
#[derive(Debug)]
pub struct Uploader {
    pub(super) shared: Arc<Shared>,
    stop: watch::Sender<Option<Instant>>,
    /// Taken by the one who stops it.
    task: Mutex<Option<JoinHandle<()>>>,
    pub(super) couriers: Mutex<Option<Couriers>>,
}

/// What the task, its attempts and the callers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) output: OutputName,
    pub(super) current: RwLock<Arc<Current>>,
    pub(super) spool: Arc<Spool>,
    pub(super) receipts: Option<Arc<Receipts>>,
    pub(super) ledger: Ledger,
    pub(super) state: Mutex<State>,
    /// Something changed that may change the next decision.
    pub(super) changed: Notify,
    /// How much is left.
    pub(super) left: watch::Sender<Left>,
    clock: Clock,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) record: Record,
    /// Dropped batches whose removal failed half-way.
    pub(super) half_removed: Vec<Batch>,
    pub(super) hours: Hours,
    /// Up to this segment somebody asked for delivery at any hour.
    asked_up_to: Option<SegmentId>,
    was_open: bool,
}

/// How much is left to deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    nothing: bool,
    /// Only what waits for its hours.
    nothing_now: bool,
}

/// The longest time without a look at the clock, which may be set.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_mins(1);
/// The longest time without a look at the disk, where it has a say in the hours.
const LOOK_AT_DISK_EVERY: Duration = Duration::from_secs(1);

/// Why a batch is still in the spool.
#[derive(Debug, thiserror::Error)]
pub(super) enum RemovalError {
    /// What was delivered of it is not noted.
    #[error("its receipts: {0}")]
    Receipts(#[from] receipts::Error),
    /// Its files are not removed.
    #[error(transparent)]
    Spool(#[from] pack::Error),
}

impl Uploader {
    /// Starts to deliver what was packed for `output`: `recovered`, its batches that the spool had at start, and what
    /// [`Uploader::add`] brings. Must be called on a tokio runtime.
    pub fn start(
        output: OutputName,
        delivery: Delivery,
        spool: Arc<Spool>,
        catalog: Arc<Catalog>,
        recovered: Vec<Batch>,
    ) -> Self {
        let Delivery { options, bucket, receipts, clock } = delivery;
        metrics::register(output.as_str(), Kind::ALL.map(Kind::name));
        catalog.reconcile(&output, &recovered);
        let queue = Queue::new(options.concurrency.max(1), options.retry.clone());
        let receipts = receipts.map(Arc::new);
        let couriers = receipts.as_ref().map(|receipts| Couriers::start(receipts, &bucket, &options));
        let state = State {
            queue,
            record: Record::default(),
            half_removed: Vec::new(),
            hours: Hours::new(&options),
            asked_up_to: None,
            was_open: true,
        };
        let shared = Arc::new(Shared {
            output,
            current: RwLock::new(Arc::new(Current::new(options, bucket))),
            spool,
            receipts,
            ledger: Ledger::new(catalog),
            state: Mutex::new(state),
            changed: Notify::new(),
            left: watch::Sender::new(Left::default()),
            clock,
        });
        for batch in recovered {
            shared.lock().queue.add(batch, true);
        }
        shared.publish();
        let (stop, stopped) = watch::channel(None);
        let task = Mutex::new(Some(tokio::spawn(run(Arc::clone(&shared), stopped))));
        Self { shared, stop, task, couriers: Mutex::new(couriers) }
    }

    /// Takes in a batch that was committed to the spool. Blocks the thread for as long as the ledger takes.
    pub fn add(&self, batch: Batch) {
        self.shared.ledger.note_spooled(&batch);
        let done = self.shared.lock().queue.add(batch, false);
        if let Some(done) = done {
            // It has no objects, and nothing in the spool that must go durably.
            if let Err(error) = self.shared.spool.remove(&done) {
                tracing::warn!(%error, segment = %done.segment, "cannot remove an empty batch; it goes at the next start");
            }
            self.shared.lock().queue.finished(done.segment);
        }
        self.shared.notice();
    }

    /// Delivers the segments up to `last` at any hour, and tries everything now, whatever failed before.
    pub fn flush(&self, last: SegmentId) {
        {
            let mut state = self.shared.lock();
            state.asked_up_to = state.asked_up_to.max(Some(last));
        }
        self.nudge();
    }

    /// Tries everything now, whatever failed before; but outside its hours nothing.
    pub fn nudge(&self) {
        self.shared.lock().queue.nudge();
        self.shared.notice();
        if let Some(receipts) = &self.shared.receipts {
            receipts.nudge();
        }
    }

    /// Lists and notices of delivered objects that are not carried, those of the current hour included.
    pub async fn receipts_left(&self) -> u64 {
        match &self.shared.receipts {
            Some(receipts) => receipts.left().await,
            None => 0,
        }
    }

    /// Waits until no receipt is left to carry, those of the current hour included: no more is to come.
    pub async fn receipts_carried(&self) {
        if let Some(receipts) = &self.shared.receipts {
            receipts.finished().await;
        }
    }

    /// Waits until nothing is left to deliver.
    pub async fn drained(&self) {
        let mut left = self.shared.left.subscribe();
        // The sender lives as long as this.
        let _ = left.wait_for(|left| left.nothing).await;
    }

    /// Waits until nothing is left to deliver but what waits for its hours.
    pub async fn settled(&self) {
        let mut left = self.shared.left.subscribe();
        // The sender lives as long as this.
        let _ = left.wait_for(|left| left.nothing || left.nothing_now).await;
    }

    /// Drops the oldest batch of which no put is under way, to make room: its items are counted as lost. `None` if there
    /// is no such batch, or if it cannot be removed; one that is removed only in part is dropped. Blocks the thread. Parts of a dropped object that were sent are left
    /// to the bucket's own rule for unfinished multipart uploads.
    pub fn drop_oldest(&self) -> Option<Dropped> {
        let (batch, undelivered) = self.shared.lock().queue.take_oldest()?;
        if let Err(error) = self.shared.remove(&batch) {
            tracing::error!(%error, segment = %batch.segment, "cannot drop the oldest objects from the spool");
            let mut state = self.shared.lock();
            if !self.shared.spool.is_half_removed(&batch.id()) {
                state.queue.add(batch, true);
                return None;
            }
            // A start from now on may find nothing of it: it is dropped, and what is left of it must go.
            state.queue.finishing(batch.clone());
            state.half_removed.push(batch.clone());
        }
        self.shared.ledger.forget(&batch);
        self.shared.forget_idle_buckets();
        let mut dropped = Dropped::default();
        for object in &undelivered {
            dropped.objects += 1;
            dropped.bytes += object.bytes;
            dropped.items[object.signal.index()] += object.items;
            metrics::dropped_items(self.shared.name(), object.signal, object.items, DropReason::DiskBudget);
        }
        tracing::error!(
            segment = %batch.segment, output = %batch.output, objects = dropped.objects, items = dropped.total_items(),
            "the disk budget is used up: the oldest undelivered objects were dropped, as log.when_full asks for"
        );
        self.shared.notice();
        Some(dropped)
    }

    /// The segment of the oldest batch that waits.
    pub fn oldest(&self) -> Option<SegmentId> {
        self.shared.lock().queue.oldest()
    }

    /// What delivery is doing.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Begins no more puts, waits for those under way, for `patience` at most, and ends. What is left stays in the spool.
    pub async fn stop(&self, patience: Duration) -> Status {
        let _ = self.stop.send(Some(Instant::now() + patience));
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "delivery did not end as it should");
        }
        let couriers = self.couriers.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(couriers) = couriers {
            couriers.stop().await;
        }
        self.shared.status()
    }
}

impl State {
    /// Up to which segment objects may be put now, if any may.
    fn may_go(&mut self, now: Timestamp, budget: &Budget) -> Option<SegmentId> {
        if self.hours.are_open(now, budget) { Some(SegmentId(u64::MAX)) } else { self.asked_up_to }
    }

    /// Since when it is open or closed is told once.
    fn tell(&mut self, output: &str, now: Timestamp, is_open: bool) {
        if std::mem::replace(&mut self.was_open, is_open) == is_open {
            return;
        }
        if !is_open {
            let until = self.hours.open_after(now).map(|until| self.hours.shown(until, now));
            tracing::info!(output, until, "delivery waits for its hours, as upload.hours asks for");
        } else if self.hours.is_disk_over() {
            tracing::warn!(
                output,
                "the disk fills: delivery at any hour, as upload.hours_unless_disk_over asks for"
            );
        } else {
            tracing::info!(output, "delivery begins, as upload.hours asks for");
        }
    }

    /// The buckets beside the main one for which something waits.
    fn buckets(&self) -> Vec<BucketStatus> {
        let depths = self.queue.depth_by_bucket().into_iter();
        let status = |(bucket, depth): (BucketName, Depth)| {
            Some(BucketStatus {
                failing: self.record.failing.get(&bucket).cloned(),
                name: bucket?,
                queued_objects: depth.objects,
                queued_bytes: depth.bytes,
                oldest_received_at: depth.oldest_received_at,
            })
        };
        depths.filter_map(status).collect()
    }
}

/// Does what the queue decides, until it is stopped.
async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<Option<Instant>>) {
    let mut attempts = JoinSet::new();
    let mut tickets: HashMap<Id, Ticket> = HashMap::new();
    loop {
        let half_removed = std::mem::take(&mut shared.lock().half_removed);
        for batch in half_removed {
            let shared = Arc::clone(&shared);
            attempts.spawn(async move { shared.release(Some(batch)).await });
        }
        let (decision, look_again) = shared.decide();
        let until = match decision {
            Decision::Start(ticket) => {
                let handle = attempts.spawn(Arc::clone(&shared).attempt(ticket));
                tickets.insert(handle.id(), ticket);
                shared.publish();
                continue;
            }
            Decision::Wait(until) => until.into_iter().chain(look_again).min(),
        };
        let due = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.changed.notified() => {}
            () = due => {}
            Some(ended) = attempts.join_next_with_id() => shared.reap(ended, &mut tickets),
            _ = stopped.changed() => break,
        }
    }
    // Dropped without `stop`: nobody waits.
    let deadline = stopped.borrow().unwrap_or_else(Instant::now);
    let rest = async {
        while let Some(ended) = attempts.join_next_with_id().await {
            shared.reap(ended, &mut tickets);
        }
    };
    if tokio::time::timeout_at(deadline, rest).await.is_err() {
        attempts.shutdown().await;
    }
}

impl Shared {
    /// What to do now, and when to look at the clock again if nothing else happens.
    fn decide(&self) -> (Decision, Option<Instant>) {
        let (now, at) = (self.clock.now(), Instant::now());
        let mut state = self.lock();
        let last = state.may_go(now, self.spool.budget());
        let decision = last.map_or(Decision::Wait(None), |last| state.queue.next(at, last));
        if !state.hours.are_kept() {
            return (decision, None);
        }
        let opens = state.hours.open_after(now).filter(|_| last != Some(SegmentId(u64::MAX)));
        let opens = opens.and_then(|opens| Duration::try_from(opens.duration_since(now)).ok());
        let look_every = if state.hours.heed_disk() { LOOK_AT_DISK_EVERY } else { LOOK_AT_CLOCK_EVERY };
        drop(state);
        self.publish();
        (decision, Some(at + opens.map_or(look_every, |opens| opens.min(look_every))))
    }

    /// Forgets an attempt that has ended; one that panicked counts as failed.
    fn reap(&self, ended: Result<(Id, ()), tokio::task::JoinError>, tickets: &mut HashMap<Id, Ticket>) {
        match ended {
            Ok((id, ())) => {
                tickets.remove(&id);
            }
            Err(error) => {
                tracing::error!(%error, "an attempt to deliver broke off");
                if let Some(ticket) = tickets.remove(&error.id()) {
                    self.lock().queue.failed(ticket, Instant::now(), None, false);
                }
            }
        }
        self.publish();
    }

    /// Tells the task and the metrics that something changed.
    pub(super) fn notice(&self) {
        self.publish();
        self.changed.notify_one();
    }

    /// Brings metrics and the sign for "nothing left" up to date.
    fn publish(&self) {
        let now = self.clock.now();
        let (depth, under_way, in_trouble, left, waits) = {
            let mut state = self.lock();
            let last = state.may_go(now, self.spool.budget());
            let is_open = last == Some(SegmentId(u64::MAX));
            state.tell(self.name(), now, is_open);
            let queue = &state.queue;
            let nothing_now = queue.under_way() == 0 && last.is_none_or(|last| queue.is_empty_up_to(last));
            let left = Left { nothing: queue.is_empty(), nothing_now };
            let waits = !is_open && queue.waits_after(last);
            (queue.depth(), queue.under_way(), queue.is_gate_closed(), left, waits)
        };
        let age = depth.oldest_received_at.map(|at| Duration::from_nanos(unix_now().saturating_sub(at)));
        let output = self.name();
        metrics::queue(output, depth.objects, depth.bytes, age);
        for signal in Signal::ALL {
            metrics::queue_items(output, signal, depth.items[signal.index()]);
        }
        metrics::in_flight(output, under_way as u64);
        metrics::in_trouble(output, in_trouble);
        metrics::waits_for_hours(output, waits);
        self.left.send_if_modified(|known| std::mem::replace(known, left) != left);
    }

    fn status(&self) -> Status {
        let now = self.clock.now();
        let mut state = self.lock();
        let depth = state.queue.depth();
        let last = state.may_go(now, self.spool.budget());
        let waits = last != Some(SegmentId(u64::MAX)) && state.queue.waits_after(last);
        let waits_until = state.hours.open_after(now).filter(|_| waits);
        let note = waits_until.map(|until| {
            let of = if self.output == OutputName::main() {
                String::new()
            } else {
                format!(" of output {}", self.output)
            };
            format!("delivery{of} waits until {} (upload.hours)", state.hours.shown(until, now))
        });
        Status {
            to: self.current().options.to.clone(),
            queued_batches: depth.batches,
            queued_objects: depth.objects,
            queued_bytes: depth.bytes,
            queued_items: depth.items,
            oldest_received_at: depth.oldest_received_at,
            in_flight: state.queue.under_way() as u64,
            last_success_at: state.record.last_success_at,
            delivered_objects: state.record.delivered_objects,
            delivered_bytes: state.record.delivered_bytes,
            damaged_objects: state.record.damaged_objects,
            failing: state.record.failing_for_longest(),
            buckets: state.buckets(),
            ledger_degraded: self.ledger.is_degraded(),
            waits_until,
            notes: note.into_iter().collect(),
        }
    }

    /// Forgets the trouble of buckets for which nothing waits any more.
    pub(super) fn forget_idle_buckets(&self) {
        let mut state = self.lock();
        let buckets = state.queue.buckets();
        state.record.keep_buckets(&buckets);
    }

    pub(super) fn name(&self) -> &str {
        self.output.as_str()
    }

    pub(super) fn batch_id(&self, ticket: Ticket) -> BatchId {
        BatchId { segment: ticket.segment, output: self.output.clone() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nanoseconds since 1970.
pub(super) fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
