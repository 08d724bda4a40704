//! Delivery at work: does what [`super::scheduler`] decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::current::Current;
use super::deliveries::Delivery;
use super::hours::{Clock, Hours};
use super::ledger::Ledger;
use super::objects::{Delivered, Objects, Retried};
use super::receipts::{self, Couriers, Receipts};
use super::scheduler::{Decision, Queue, Ticket};
use super::status::{Dropped, Record, Status};
use super::trouble::Kind;
use crate::catalog::Catalog;
use crate::log::SegmentId;
use crate::metrics::upload as metrics;
use crate::metrics::upload::DropReason;
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
    pub(super) clock: Clock,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) record: Record,
    /// Dropped batches whose removal failed half-way.
    pub(super) half_removed: Vec<Batch>,
    pub(super) hours: Hours,
    /// Up to this segment somebody asked for delivery at any hour.
    pub(super) asked_up_to: Option<SegmentId>,
    pub(super) was_open: bool,
}

/// How much is left to deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) nothing: bool,
    /// Only what waits for its hours.
    pub(super) nothing_now: bool,
}

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
        let record = Record { objects: Objects::remembered(&catalog, &output), ..Record::default() };
        let queue = Queue::new(options.concurrency.max(1), options.retry.clone());
        let receipts = receipts.map(Arc::new);
        let couriers = receipts.as_ref().map(|receipts| Couriers::start(receipts, &bucket, &options));
        let state = State {
            queue,
            record,
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
            self.shared.lock().record.objects.forget(object);
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

    /// The objects that were delivered last, and those that are tried again.
    pub fn objects(&self) -> (Vec<Delivered>, Vec<Retried>) {
        let state = self.shared.lock();
        let objects = &state.record.objects;
        (objects.delivered(), objects.retrying(&state.queue, Instant::now(), unix_now()))
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
