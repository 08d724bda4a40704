//! The tasks that carry lists into the bucket and notices to the webhook.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::Receipts;
use super::hour::Hour;
use super::webhook::Webhook;
use crate::catalog::PartialUpload;
use crate::metrics::upload as metrics;
use crate::pack::{Object, ObjectFile};
use crate::upload::bucket::{Bucket, Journal, PutError};
use crate::upload::options::{Options, RetryOptions};
use crate::upload::retry::Backoff;
use crate::upload::trouble::{Kind, Trouble};
use crate::upload::{Body, BodyError};

/// The longest time without a look at the clock: it may have been set.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_mins(1);

/// The tasks, until they are stopped.
#[derive(Debug)]
pub(in crate::upload) struct Couriers {
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What a courier needs.
struct Courier {
    receipts: Arc<Receipts>,
    options: Options,
    stopped: watch::Receiver<bool>,
}

/// Told to stop amid its work.
struct Stopped;

impl Couriers {
    /// Starts to carry. Must be called on a tokio runtime.
    pub(in crate::upload) fn start(
        receipts: &Arc<Receipts>,
        bucket: &Arc<dyn Bucket>,
        options: &Options,
    ) -> Self {
        metrics::register_receipts();
        let (stop, stopped) = watch::channel(false);
        let courier =
            || Courier { receipts: Arc::clone(receipts), options: options.clone(), stopped: stopped.clone() };
        let mut tasks = Vec::new();
        if receipts.trail.is_some() {
            tasks.push(tokio::spawn(courier().carry_lists(Arc::clone(bucket))));
        }
        let webhook = receipts.webhook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(webhook) = webhook {
            tasks.push(tokio::spawn(courier().post_notices(webhook)));
        }
        Self { stop, tasks: Mutex::new(tasks) }
    }

    /// Ends the tasks; what is left is carried after the next start.
    pub(in crate::upload) async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "carrying receipts did not end as it should");
            }
        }
    }
}

impl Courier {
    /// Seals the hours as they end, and puts their lists into the bucket.
    async fn carry_lists(mut self, bucket: Arc<dyn Bucket>) {
        let mut failing = Failing::new(&self.options, "cannot put a list of delivered objects");
        loop {
            let outcome = self.put_lists(&*bucket).await;
            let wait = match outcome {
                _ if *self.stopped.borrow() => return,
                Ok(()) => {
                    failing.ended();
                    until_next_hour(unix_now())
                }
                Err(trouble) => {
                    metrics::receipts_failed(trouble.kind.name());
                    failing.wait(&trouble)
                }
            };
            if self.rest(wait, |receipts| &receipts.lists_nudged).await.is_err() {
                return;
            }
        }
    }

    /// Puts all lists that are due.
    async fn put_lists(&self, bucket: &dyn Bucket) -> Result<(), Trouble> {
        let lists = self.blocking(|receipts| receipts.seal(unix_now()).map_err(disk)).await?;
        metrics::receipts_waiting(lists.len() as u64);
        for list in lists {
            let object = list.clone();
            let body = self.blocking(move |receipts| open(receipts, &object)).await?;
            let deadline = self.deadline(list.bytes);
            let memory = Memory::default();
            let put = timeout(deadline, bucket.put(&list, &body, &memory));
            match self.unless_stopped(put).await? {
                Ok(Ok(_)) => {}
                Ok(Err(PutError::Trouble(trouble))) => return Err(trouble),
                Ok(Err(PutError::Damaged(why))) => return Err(Trouble::new(Kind::Disk, why)),
                Err(_) => {
                    let words = format!("the attempt was given up after {} s", deadline.as_secs());
                    return Err(Trouble::new(Kind::Timeout, words));
                }
            }
            tracing::debug!(key = list.key, objects = list.records, "listed what was delivered");
            metrics::receipts_listed(list.records);
            self.blocking(move |receipts| receipts.list_confirmed(&list).map_err(disk)).await?;
        }
        metrics::receipts_waiting(0);
        Ok(())
    }

    /// How long a put of so many bytes may take; with a limit of bandwidth it may have to wait for all others.
    fn deadline(&self, bytes: u64) -> Duration {
        let others = self.options.in_flight_bytes.bytes().saturating_mul(2);
        let waiting = self.options.bandwidth.map_or(0, |bandwidth| others / bandwidth.bytes().max(1));
        self.options.attempt_timeout.duration() + Duration::from_secs(waiting + (bytes >> 13))
    }

    /// Posts notices in their order, each until it is taken.
    async fn post_notices(mut self, webhook: Webhook) {
        let mut failing = Failing::new(&self.options, "cannot post a notice of a delivered object");
        loop {
            let outcome = self.post_all(&webhook).await;
            let wait = match outcome {
                _ if *self.stopped.borrow() => return,
                Ok(()) => {
                    failing.ended();
                    None
                }
                Err(trouble) => {
                    metrics::webhook_failed(trouble.kind.name());
                    Some(failing.wait(&trouble))
                }
            };
            // New notices do not hurry a webhook that is in trouble.
            let rested = match wait {
                Some(wait) => self.rest_without_hurry(wait).await,
                None => self.rest(LOOK_AT_CLOCK_EVERY, |receipts| &receipts.notices_nudged).await,
            };
            if rested.is_err() {
                return;
            }
        }
    }

    /// Posts everything that waits.
    async fn post_all(&self, webhook: &Webhook) -> Result<(), Trouble> {
        let Some(outbox) = &self.receipts.outbox else { return Ok(()) };
        while let Some(name) = outbox.next() {
            metrics::webhook_waiting(outbox.count() as u64);
            let wanted = name.clone();
            let read = move |receipts: &Receipts| match &receipts.outbox {
                Some(outbox) => outbox.read(&wanted).map_err(disk),
                None => Ok(None),
            };
            let Some(notice) = self.blocking(read).await? else { continue };
            self.unless_stopped(webhook.post(notice)).await??;
            metrics::webhook_posted();
            let remove = move |receipts: &Receipts| match &receipts.outbox {
                Some(outbox) => outbox.remove(&name).map_err(disk),
                None => Ok(()),
            };
            self.blocking(remove).await?;
        }
        metrics::webhook_waiting(0);
        Ok(())
    }

    /// Waits, until it is nudged or told to stop.
    async fn rest(&mut self, wait: Duration, nudged: fn(&Receipts) -> &Notify) -> Result<(), Stopped> {
        tokio::select! {
            () = sleep(wait) => Ok(()),
            () = nudged(&self.receipts).notified() => Ok(()),
            Stopped = stopped(&mut self.stopped) => Err(Stopped),
        }
    }

    /// Waits, until it is told to stop.
    async fn rest_without_hurry(&mut self, wait: Duration) -> Result<(), Stopped> {
        tokio::select! {
            () = sleep(wait) => Ok(()),
            Stopped = stopped(&mut self.stopped) => Err(Stopped),
        }
    }

    /// Waits for an exchange with somebody else, unless it is told to stop. Work on the disk is always waited for, so that
    /// none goes on when the tasks have ended.
    async fn unless_stopped<T>(&self, exchange: impl Future<Output = T>) -> Result<T, Trouble> {
        let mut told = self.stopped.clone();
        tokio::select! {
            outcome = exchange => Ok(outcome),
            Stopped = stopped(&mut told) => Err(Trouble::new(Kind::Other, "forebay is ending")),
        }
    }

    /// Does work on the disk on a thread for it.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Receipts) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let receipts = Arc::clone(&self.receipts);
        match spawn_blocking(move || work(&receipts)).await {
            Ok(outcome) => outcome,
            Err(error) => {
                Err(Trouble::new(Kind::Other, format!("the work on the disk did not end: {error}")))
            }
        }
    }
}

/// Resolves when the tasks are told to stop.
async fn stopped(stopped: &mut watch::Receiver<bool>) -> Stopped {
    // An error says that the other side is gone, which means the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
    Stopped
}

/// The bytes of a list.
fn open(receipts: &Receipts, list: &Object) -> Result<Body, Trouble> {
    let Some((folder_disk, folder)) = receipts.lists_folder() else {
        return Err(Trouble::new(Kind::Other, "there are no lists"));
    };
    let file = ObjectFile::open(&*folder_disk, &folder, list).map_err(BodyError::from);
    Ok(Body::new(file.map_err(|error| Trouble::new(Kind::Disk, error.to_string()))?, list))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn disk(error: super::Error) -> Trouble {
    Trouble::new(Kind::Disk, error.to_string())
}

/// The time to the end of the hour of `now` (nanoseconds since 1970), or to the next look at the clock.
fn until_next_hour(now: u64) -> Duration {
    let left = Hour::of(now).end().saturating_sub(now);
    Duration::from_nanos(left).min(LOOK_AT_CLOCK_EVERY)
}

/// How long something has been failing: what is said of it, and the pace of its repetition.
struct Failing {
    what: &'static str,
    retry: RetryOptions,
    backoff: Option<Backoff>,
}

impl Failing {
    fn new(options: &Options, what: &'static str) -> Self {
        Self { what, retry: options.retry.clone(), backoff: None }
    }

    /// The wait after one more failure. The first one is said aloud.
    fn wait(&mut self, trouble: &Trouble) -> Duration {
        let (kind, error) = (trouble.kind.name(), trouble.words.as_str());
        if self.backoff.is_none() {
            tracing::warn!(kind, error, "{}; forebay tries again until it can", self.what);
        } else {
            tracing::debug!(kind, error, "{} yet", self.what);
        }
        self.backoff.get_or_insert_with(|| Backoff::new(&self.retry)).next(trouble.retry_after)
    }

    fn ended(&mut self) {
        self.backoff = None;
    }
}

/// Remembers the parts of a list within one attempt: lists are small, and hardly ever go in parts.
#[derive(Default)]
struct Memory(Mutex<Option<PartialUpload>>);

#[async_trait]
impl Journal for Memory {
    async fn load(&self) -> Option<PartialUpload> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn save(&self, upload: Option<PartialUpload>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = upload;
    }
}

/// Nanoseconds since 1970.
fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_at_the_clock_when_the_hour_ends_and_every_minute() {
        let hour = 3_600_000_000_000;
        assert_eq!(until_next_hour(hour), Duration::from_mins(1));
        assert_eq!(until_next_hour(2 * hour - 5_000_000_000), Duration::from_secs(5));
        assert_eq!(until_next_hour(2 * hour - 1), Duration::from_nanos(1));
    }
}
