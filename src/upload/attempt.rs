//! One attempt to put an object, and what follows from it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::bucket::{PutError, Receipt};
use super::current::Current;
use super::options::Options;
use super::retry::Backoff;
use super::scheduler::Ticket;
use super::trouble::{Kind, Trouble};
use super::uploader::{RemovalError, Shared, unix_now};
use super::{Body, BodyError};
use crate::metrics::upload as metrics;
use crate::metrics::upload::DropReason;
use crate::pack::{Batch, BatchId, Object};

/// An attempt that moves, however slowly, has this much time for its bytes beside `upload.attempt_timeout`: a bound for
/// what the watch over its progress does not see.
const SLOWEST_BYTES_PER_SECOND: u64 = 8 << 10;

impl Shared {
    /// Puts one object and does what follows from the outcome.
    pub(super) async fn attempt(self: Arc<Self>, ticket: Ticket) {
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
        // It ends with the settings with which it begins.
        let current = self.current();
        let Current { options, bucket, memory, memory_kib } = &*current;
        let kib = bucket.memory_of_put(object.bytes).div_ceil(1024).min(u64::from(*memory_kib));
        let kib = u32::try_from(kib).unwrap_or(*memory_kib);
        let Ok(_memory) = memory.acquire_many(kib).await else {
            return Err(Trouble::new(Kind::Other, "there is no memory to take").into());
        };
        metrics::attempted(self.name());
        self.ledger.note_attempt(object, batch, unix_now()).await;
        let body = self.open(object).await?;
        let patience = options.attempt_timeout.duration();
        let deadline = patience + Duration::from_secs(object.bytes / SLOWEST_BYTES_PER_SECOND);
        let deadline = deadline.max(bandwidth_deadline(options, object.bytes));
        let journal = self.ledger.journal(object, batch);
        timeout(deadline, bucket.put(object, &body, &journal)).await.unwrap_or_else(|_| {
            let words = format!("the attempt was given up after {} s", deadline.as_secs());
            Err(Trouble::new(Kind::Timeout, words).into())
        })
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
        let was_failing = self.lock().record.succeeded(object, now);
        if let Some(failing) = was_failing {
            let bucket = object.bucket.as_deref();
            tracing::info!(output = %self.output, bucket, failures = failing.failures, "delivery works again");
        }
    }

    async fn failed(&self, object: &Object, ticket: Ticket, trouble: &Trouble) {
        metrics::failed(self.name(), trouble.kind.name());
        self.ledger.note_failure(object, &self.batch_id(ticket), &trouble.words).await;
        let about_store = trouble.kind != Kind::Foreign;
        let is_news = {
            let mut state = self.lock();
            state.queue.failed(ticket, Instant::now(), trouble.retry_after, about_store);
            state.record.failed(object, trouble, unix_now())
        };
        let (kind, error) = (trouble.kind.name(), trouble.words.as_str());
        if is_news {
            let output = self.name();
            tracing::warn!(
                output,
                bucket = object.bucket,
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
                    state.record.objects.forget(object);
                    state.queue.done(ticket)
                };
                self.forget_idle_buckets();
                self.notice();
                self.release(finished).await;
            }
            Ok(Err(error)) => self.failed(object, ticket, &Trouble::new(Kind::Disk, error.to_string())).await,
            Err(error) => self.failed(object, ticket, &Trouble::new(Kind::Other, error.to_string())).await,
        }
    }

    /// Removes the files of a batch all of whose objects are done with, trying until it works.
    pub(super) async fn release(self: &Arc<Self>, batch: Option<Batch>) {
        let Some(batch) = batch else { return };
        let segment = batch.segment;
        let batch = Arc::new(batch);
        let mut backoff = Backoff::new(&self.current().options.retry);
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
    pub(super) fn remove(&self, batch: &Batch) -> Result<(), RemovalError> {
        let Some(receipts) = &self.receipts else { return Ok(self.spool.remove(batch)?) };
        receipts.release(batch, unix_now(), || Ok(self.spool.remove(batch)?))
    }
}

/// How long the operator's own limit may make an attempt last, with all others under way.
fn bandwidth_deadline(options: &Options, bytes: u64) -> Duration {
    let Some(bandwidth) = options.bandwidth else { return Duration::ZERO };
    let all = bytes.saturating_mul(options.concurrency as u64).saturating_mul(2);
    options.attempt_timeout.duration() + Duration::from_secs(all / bandwidth.bytes().max(1))
}
