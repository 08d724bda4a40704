//! Delivery at work: does what [`super::scheduler`] decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::bucket::{Bucket, PutError, Receipt};
use super::ledger::Ledger;
use super::options::Options;
use super::receipts::{self, Couriers, Receipts};
use super::retry::Backoff;
use super::scheduler::{Decision, Queue, Ticket};
use super::status::{Dropped, Record, Status};
use super::trouble::{Kind, Trouble};
use super::{Body, BodyError};
use crate::catalog::Catalog;
use crate::log::SegmentId;
use crate::metrics::upload as metrics;
use crate::metrics::upload::DropReason;
use crate::otlp::Signal;
use crate::pack::{self, Batch, BatchId, Object, OutputName, Spool};

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
struct Shared {
    output: OutputName,
    options: Options,
    bucket: Arc<dyn Bucket>,
    spool: Arc<Spool>,
    receipts: Option<Arc<Receipts>>,
    ledger: Ledger,
    state: Mutex<State>,
    /// Something changed that may change the next decision.
    changed: Notify,
    /// Set when nothing is left.
    drained: watch::Sender<bool>,
    /// Memory for objects, in KiB.
    memory: Semaphore,
    memory_kib: u32,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    record: Record,
    /// Dropped batches whose removal failed half-way.
    half_removed: Vec<Batch>,
}

/// Why a batch is still in the spool.
#[derive(Debug, thiserror::Error)]
enum RemovalError {
    /// What was delivered of it is not noted.
    #[error("its receipts: {0}")]
    Receipts(#[from] receipts::Error),
    /// Its files are not removed.
    #[error(transparent)]
    Spool(#[from] pack::Error),
}

/// An attempt that moves, however slowly, has this much time for its bytes beside `upload.attempt_timeout`: a bound for
/// what the watch over its progress does not see.
const SLOWEST_BYTES_PER_SECOND: u64 = 8 << 10;

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
        metrics::register(output.as_str());
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
    /// Puts one object and does what follows from the outcome.
    async fn attempt(self: Arc<Self>, ticket: Ticket) {
        let known = self.lock().queue.object(ticket);
        let Some((object, recovered, attempts)) = known else { return };
        if recovered && attempts <= 1 && self.ledger.is_delivered(&object, &self.output).await {
            // The process ended between the confirmation and the removal.
            self.note_confirmed(&object, None);
            let finished = self.lock().queue.done(ticket);
            self.release(finished).await;
            return;
        }
        let begun = Instant::now();
        let id = self.batch_id(ticket);
        match self.put(&object, &id).await {
            Ok(receipt) => {
                self.delivered(&object, &id, &receipt, begun.elapsed()).await;
                let finished = self.lock().queue.succeeded(ticket);
                self.notice();
                self.release(finished).await;
            }
            Err(PutError::Damaged(why)) => self.damaged(&object, ticket, &why).await,
            Err(PutError::Trouble(trouble)) => self.failed(&object, ticket, &trouble).await,
        }
    }

    async fn put(&self, object: &Object, batch: &BatchId) -> Result<Receipt, PutError> {
        let kib = self.bucket.memory_of_put(object.bytes).div_ceil(1024).min(u64::from(self.memory_kib));
        let kib = u32::try_from(kib).unwrap_or(self.memory_kib);
        let Ok(_memory) = self.memory.acquire_many(kib).await else {
            return Err(Trouble::new(Kind::Other, "there is no memory to take").into());
        };
        metrics::attempted(self.name());
        self.ledger.note_attempt(object, batch, unix_now()).await;
        let body = self.open(object).await?;
        let patience = self.options.attempt_timeout.duration();
        let deadline = patience + Duration::from_secs(object.bytes / SLOWEST_BYTES_PER_SECOND);
        let deadline = deadline.max(self.bandwidth_deadline(object.bytes));
        let journal = self.ledger.journal(object, batch);
        timeout(deadline, self.bucket.put(object, &body, &journal)).await.unwrap_or_else(|_| {
            let words = format!("the attempt was given up after {} s", deadline.as_secs());
            Err(Trouble::new(Kind::Timeout, words).into())
        })
    }

    /// How long the operator's own limit may make an attempt last, with all others under way.
    fn bandwidth_deadline(&self, bytes: u64) -> Duration {
        let Some(bandwidth) = self.options.bandwidth else { return Duration::ZERO };
        let all = bytes.saturating_mul(self.options.concurrency as u64).saturating_mul(2);
        self.options.attempt_timeout.duration() + Duration::from_secs(all / bandwidth.bytes().max(1))
    }

    async fn open(&self, object: &Object) -> Result<Body, PutError> {
        let (spool, wanted) = (Arc::clone(&self.spool), object.clone());
        let opened = tokio::task::spawn_blocking(move || spool.open_object(&wanted)).await;
        match opened {
            Ok(Ok(file)) => Ok(Body::new(file, object)),
            Ok(Err(error)) => Err(BodyError::from(error).into()),
            Err(error) => Err(Trouble::new(Kind::Other, error.to_string()).into()),
        }
    }

    async fn delivered(&self, object: &Object, batch: &BatchId, receipt: &Receipt, took: Duration) {
        let now = unix_now();
        self.ledger.note_delivered(object, batch, receipt.etag(), now).await;
        self.note_confirmed(object, receipt.etag());
        metrics::delivered(self.name(), object.signal, object.items, object.bytes);
        metrics::latency(self.name(), took);
        metrics::last_success(self.name(), Duration::from_nanos(now).as_secs_f64());
        if receipt.was_there() {
            metrics::was_there(self.name());
        }
        tracing::debug!(key = object.key, bytes = object.bytes, was_there = receipt.was_there(), "delivered");
        let was_failing = self.lock().record.succeeded(object.bytes, now);
        if let Some(failing) = was_failing {
            tracing::info!(output = %self.output, failures = failing.failures, "delivery works again");
        }
    }

    async fn failed(&self, object: &Object, ticket: Ticket, trouble: &Trouble) {
        metrics::failed(self.name(), trouble.kind.name());
        self.ledger.note_failure(object, &self.batch_id(ticket), &trouble.words).await;
        let about_store = trouble.kind != Kind::Foreign;
        let is_news = {
            let mut state = self.lock();
            state.queue.failed(ticket, Instant::now(), trouble.retry_after, about_store);
            state.record.failed(&object.key, trouble, unix_now())
        };
        let (kind, error) = (trouble.kind.name(), trouble.words.as_str());
        if is_news {
            let output = self.name();
            tracing::warn!(
                output,
                key = object.key,
                kind,
                error,
                "cannot deliver; forebay tries again until it can"
            );
        } else {
            tracing::debug!(key = object.key, kind, error, "cannot deliver yet");
        }
        self.notice();
    }

    /// Takes an object out of delivery whose bytes are not those that were packed.
    async fn damaged(self: &Arc<Self>, object: &Object, ticket: Ticket, why: &str) {
        let (spool, wanted, reason) = (Arc::clone(&self.spool), object.clone(), why.to_string());
        let id = self.batch_id(ticket);
        let kept = tokio::task::spawn_blocking(move || match spool.batch(&id) {
            Some(batch) => spool.set_aside(&batch, &wanted, &reason).map(|_| ()),
            None => Ok(()),
        })
        .await;
        match kept {
            Ok(Ok(())) => {
                metrics::dropped_items(self.name(), object.signal, object.items, DropReason::Damaged);
                let finished = {
                    let mut state = self.lock();
                    state.record.damaged_objects += 1;
                    state.queue.done(ticket)
                };
                self.notice();
                self.release(finished).await;
            }
            Ok(Err(error)) => self.failed(object, ticket, &Trouble::new(Kind::Disk, error.to_string())).await,
            Err(error) => self.failed(object, ticket, &Trouble::new(Kind::Other, error.to_string())).await,
        }
    }

    /// Removes the files of a batch all of whose objects are done with, trying until it works.
    async fn release(self: &Arc<Self>, batch: Option<Batch>) {
        let Some(batch) = batch else { return };
        let segment = batch.segment;
        let batch = Arc::new(batch);
        let mut backoff = Backoff::new(&self.options.retry);
        loop {
            let (shared, finished) = (Arc::clone(self), Arc::clone(&batch));
            match tokio::task::spawn_blocking(move || shared.remove(&finished)).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => tracing::error!(%error, %segment, "cannot remove what was delivered"),
                Err(error) => tracing::error!(%error, %segment, "cannot remove what was delivered"),
            }
            sleep(backoff.next(None)).await;
        }
        self.lock().queue.finished(segment);
        self.notice();
    }

    /// Has the receipts know of a delivery.
    fn note_confirmed(&self, object: &Object, etag: Option<&str>) {
        if let Some(receipts) = &self.receipts {
            receipts.confirmed(object, etag, unix_now());
        }
    }

    /// Notes durably what was delivered of a batch, and removes its files. Blocks the thread; after an error call it again.
    fn remove(&self, batch: &Batch) -> Result<(), RemovalError> {
        let Some(receipts) = &self.receipts else { return Ok(self.spool.remove(batch)?) };
        receipts.release(batch, unix_now(), || Ok(self.spool.remove(batch)?))
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
    fn notice(&self) {
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
            failing: state.record.failing.clone(),
            ledger_degraded: self.ledger.is_degraded(),
        }
    }

    fn name(&self) -> &str {
        self.output.as_str()
    }

    fn batch_id(&self, ticket: Ticket) -> BatchId {
        BatchId { segment: ticket.segment, output: self.output.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nanoseconds since 1970.
fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
