//! Delivery at work: does what [`super::scheduler`] decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::bucket::Bucket;
use super::ledger::Ledger;
use super::options::Options;
use super::receipts::{self, Couriers, Receipts};
use super::scheduler::{BucketName, Decision, Depth, Queue, Ticket};
use super::status::{BucketStatus, Dropped, Record, Status};
use super::trouble::Kind;
use crate::catalog::Catalog;
use crate::log::SegmentId;
use crate::metrics::upload as metrics;
use crate::metrics::upload::DropReason;
use crate::otlp::Signal;
use crate::pack::{self, Batch, BatchId, OutputName, Spool};

/// Delivers the batches that were packed for one output. Its task runs until [`Uploader::stop`].
#[derive(Debug)]
pub struct Uploader {
    shared: Arc<Shared>,
    stop: watch::Sender<Option<Instant>>,
    /// Taken by the one who stops it.
    task: Mutex<Option<JoinHandle<()>>>,
    couriers: Option<Couriers>,
}

/// What the task, its attempts and the callers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) output: OutputName,
    pub(super) options: Options,
    pub(super) bucket: Arc<dyn Bucket>,
    pub(super) spool: Arc<Spool>,
    pub(super) receipts: Option<Arc<Receipts>>,
    pub(super) ledger: Ledger,
    pub(super) state: Mutex<State>,
    /// Something changed that may change the next decision.
    pub(super) changed: Notify,
    /// Set when nothing is left.
    pub(super) drained: watch::Sender<bool>,
    /// Memory for objects, in KiB.
    pub(super) memory: Semaphore,
    pub(super) memory_kib: u32,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) record: Record,
    /// Dropped batches whose removal failed half-way.
    pub(super) half_removed: Vec<Batch>,
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
    /// [`Uploader::add`] brings. `receipts` is told of each delivery. Must be called on a tokio runtime.
    pub fn start(
        output: OutputName,
        options: &Options,
        bucket: Arc<dyn Bucket>,
        spool: Arc<Spool>,
        catalog: Arc<Catalog>,
        recovered: Vec<Batch>,
        receipts: Option<Receipts>,
    ) -> Self {
        metrics::register(output.as_str(), Kind::ALL.map(Kind::name));
        catalog.reconcile(&output, &recovered);
        let memory_kib = u32::try_from(options.in_flight_bytes.bytes() >> 10).unwrap_or(u32::MAX >> 4);
        let queue = Queue::new(options.concurrency.max(1), options.retry.clone());
        let receipts = receipts.map(Arc::new);
        let couriers = receipts.as_ref().map(|receipts| Couriers::start(receipts, &bucket, options));
        let shared = Arc::new(Shared {
            output,
            options: options.clone(),
            bucket,
            spool,
            receipts,
            ledger: Ledger::new(catalog),
            state: Mutex::new(State { queue, record: Record::default(), half_removed: Vec::new() }),
            changed: Notify::new(),
            drained: watch::Sender::new(false),
            memory: Semaphore::new(memory_kib as usize),
            memory_kib,
        });
        for batch in recovered {
            shared.lock().queue.add(batch, true);
        }
        shared.publish();
        let (stop, stopped) = watch::channel(None);
        let task = Mutex::new(Some(tokio::spawn(run(Arc::clone(&shared), stopped))));
        Self { shared, stop, task, couriers }
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

    /// Tries everything now, whatever failed before.
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
        let mut drained = self.shared.drained.subscribe();
        // The sender lives as long as this.
        let _ = drained.wait_for(|drained| *drained).await;
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
        if let Some(couriers) = &self.couriers {
            couriers.stop().await;
        }
        self.shared.status()
    }
}

impl State {
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
        let decision = shared.lock().queue.next(Instant::now());
        let until = match decision {
            Decision::Start(ticket) => {
                let handle = attempts.spawn(Arc::clone(&shared).attempt(ticket));
                tickets.insert(handle.id(), ticket);
                shared.publish();
                continue;
            }
            Decision::Wait(until) => until,
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

    /// Brings metrics and the sign for "nothing left" up to date.
    fn publish(&self) {
        let (depth, under_way, in_trouble, is_empty) = {
            let state = self.lock();
            let queue = &state.queue;
            (queue.depth(), queue.under_way(), queue.is_gate_closed(), queue.is_empty())
        };
        let age = depth.oldest_received_at.map(|at| Duration::from_nanos(unix_now().saturating_sub(at)));
        let output = self.name();
        metrics::queue(output, depth.objects, depth.bytes, age);
        for signal in Signal::ALL {
            metrics::queue_items(output, signal, depth.items[signal.index()]);
        }
        metrics::in_flight(output, under_way as u64);
        metrics::in_trouble(output, in_trouble);
        self.drained.send_if_modified(|drained| std::mem::replace(drained, is_empty) != is_empty);
    }

    fn status(&self) -> Status {
        let state = self.lock();
        let depth = state.queue.depth();
        Status {
            to: self.options.to.clone(),
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
