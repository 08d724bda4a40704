//! What the admin server says about the process.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::admin::{
    self, Bucket, BySignal, Delivery, DeliveryError, FlushReport, Intake, Listener, Losses, Output, Setting,
    Settings, Status, Subject,
};
use crate::log::Snapshot;
use crate::metrics;
use crate::otlp::Signal;
use crate::pack::OutputName;
use crate::receive::Tally;
use crate::upload;
use crate::words::bytes;

use super::history::History;
use super::pipeline::Pipeline;
use super::rates::{Counts, Rates};
use super::told;

/// The running process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pipeline: Pipeline,
    pub(super) tally: Arc<Tally>,
    pub(super) rates: Rates,
    pub(super) history: History,
    pub(super) settings: Mutex<Vec<Setting>>,
    pub(super) data_dir: PathBuf,
    pub(super) listeners: Vec<Listener>,
    pub(super) started_at: Timestamp,
    pub(super) started: Instant,
    pub(super) is_ending: AtomicBool,
    /// How long delivery may go on at the end.
    pub(super) finish_within_milliseconds: AtomicU64,
    /// What is worth knowing of the configuration, in sentences.
    pub(super) notes: Mutex<Vec<String>>,
}

impl Subject for Process {
    fn ready(&self) -> Result<(), String> {
        if self.is_ending.load(Ordering::Acquire) {
            return Err("forebay is shutting down".to_owned());
        }
        let snapshot = self.pipeline.log.snapshot();
        if snapshot.is_stopped {
            return Err(
                "the disk under the log failed twice, so nothing is taken in until a restart; look at \
                        the system's log, and replace the disk"
                    .to_owned(),
            );
        }
        if snapshot.is_blocked {
            return Err(self.why_blocked());
        }
        Ok(())
    }

    fn status(&self) -> Status {
        let (log, outputs) = (self.pipeline.log.snapshot(), self.pipeline.deliveries.status());
        let delivery = upload::Status::of_all(&outputs);
        let ready = self.ready();
        let destination = delivery.to.clone();
        let change = self.rates.since(Instant::now(), &self.counts());
        let mut queue = queue(&log, &delivery);
        let waiting = |status: &upload::Status| sum(log.items) + sum(status.queued_items);
        let waiting: Vec<_> = outputs.values().map(waiting).collect();
        queue.seconds_until_drained =
            change.as_ref().and_then(|change| change.seconds_until_drained(&waiting));
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(self.started_at),
            uptime_seconds: self.started.elapsed().as_secs(),
            data_dir: self.data_dir.display().to_string(),
            writer: self.pipeline.writer_id(),
            destination,
            listeners: self.listeners.clone(),
            intake: Intake { taking: ready.is_ok(), reason: ready.err() },
            rates: change.map(|change| change.rates()).unwrap_or_default(),
            queue,
            disk: self.disk(),
            delivery: self::delivery(&delivery),
            outputs: outputs.iter().map(|(name, status)| output(name, status)).collect(),
            objects: told::objects(self.pipeline.deliveries.objects()),
            received: told::received(&self.tally),
            commit: self.commit(),
            losses: self.losses(&log, &delivery),
            notes: self.notes().into_iter().chain(delivery.notes).collect(),
            ledger_degraded: delivery.ledger_degraded,
            ..Status::default()
        };
        status.judged(Timestamp::now())
    }

    fn history(&self, points: usize) -> admin::History {
        self.history.series(points, Timestamp::now())
    }

    fn settings(&self) -> Settings {
        Settings { settings: self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone() }
    }

    fn refresh_metrics(&self) {
        let status = self.status();
        metrics::disk::used(status.disk.used_bytes);
        metrics::disk::budget(status.disk.budget_bytes);
        metrics::disk::free(status.disk.free_bytes);
        for (signal, items) in Signal::ALL.into_iter().zip(status.queue.items.numbers()) {
            metrics::queue::items(signal, items);
        }
        metrics::queue::bytes(status.queue.bytes);
        metrics::queue::segments(status.queue.segments);
        metrics::queue::objects(status.queue.objects);
        metrics::queue::oldest_age(status.queue.oldest_age_seconds.unwrap_or(0));
    }

    async fn flush(&self, patience: Duration) -> Result<FlushReport, String> {
        let before = self.status();
        let complete = self.pipeline.flush(Some(patience)).await;
        let after = self.status();
        let remaining = (!complete).then(|| match after.delivery.last_error {
            Some(error) => format!("{} items still wait: {}", after.queue.items.total(), error.message),
            None => format!("{} items still wait; delivery goes on", after.queue.items.total()),
        });
        Ok(FlushReport {
            items: before.queue.items.total(),
            objects_delivered: after.delivery.objects_delivered - before.delivery.objects_delivered,
            complete,
            remaining,
        })
    }
}

impl Process {
    /// For how long delivery may go on once the process is to end.
    pub(super) fn finish_within(&self) -> Duration {
        Duration::from_millis(self.finish_within_milliseconds.load(Ordering::Acquire))
    }

    /// Makes these the notes about the configuration.
    pub(super) fn tell(&self, notes: Vec<String>) {
        *self.notes.lock().unwrap_or_else(PoisonError::into_inner) = notes;
    }

    /// Makes these the settings that are shown.
    pub(super) fn show(&self, settings: Vec<Setting>) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the rates are reckoned from.
    pub(super) fn counts(&self) -> Counts {
        let (received_items, received_bytes) = self.tally.items_and_bytes();
        let outputs = self.pipeline.deliveries.status();
        Counts {
            received_items,
            received_bytes,
            delivered_items: outputs.values().map(|status| status.delivered_items).collect(),
            delivered_bytes: outputs.values().map(|status| status.delivered_bytes).sum(),
        }
    }

    /// What was lost for lack of room, or found damaged at the start.
    pub(super) fn losses_so_far(&self) -> Losses {
        self.pipeline.losses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn why_blocked(&self) -> String {
        let budget = &self.pipeline.budget;
        let because = match upload::Status::of_all(&self.pipeline.deliveries.status()).failing {
            Some(failing) => format!("nothing is delivered: {}", failing.error),
            None => "delivery is slower than what comes in".to_owned(),
        };
        format!(
            "no room on disk: {} of {} of log.disk_budget are used, {} of the disk are free; {because}",
            bytes(budget.used()),
            bytes(budget.limit()),
            bytes(self.free_bytes()),
        )
    }

    /// What was lost: dropped for room or damaged at the start, and what the log and delivery found damaged since.
    fn losses(&self, log: &Snapshot, delivery: &upload::Status) -> Losses {
        let mut losses = self.losses_so_far();
        losses.damaged_ranges += log.lost.ranges;
        losses.damaged_records += log.lost.records;
        losses.damaged_objects += delivery.damaged_objects;
        losses
    }

    fn free_bytes(&self) -> u64 {
        self.pipeline.disk.free_bytes(&self.pipeline.folder()).unwrap_or(0)
    }

    fn disk(&self) -> admin::Disk {
        let budget = &self.pipeline.budget;
        admin::Disk {
            used_bytes: budget.used(),
            budget_bytes: budget.limit(),
            free_bytes: self.free_bytes(),
            seconds_until_full: self.pipeline.forecast.seconds_until(budget.limit()),
        }
    }
}

/// What waits, in the log and in the spool.
fn queue(log: &Snapshot, delivery: &upload::Status) -> admin::Queue {
    let items: [u64; Signal::COUNT] =
        std::array::from_fn(|signal| log.items[signal] + delivery.queued_items[signal]);
    let oldest = [log.oldest_received_at, delivery.oldest_received_at].into_iter().flatten().min();
    admin::Queue {
        items: BySignal::from(items),
        bytes: log.payload_bytes + delivery.queued_bytes,
        segments: log.segments as u64,
        objects: delivery.queued_objects,
        oldest_age_seconds: oldest.map(age_seconds),
        seconds_until_drained: None,
    }
}

fn sum(items: [u64; Signal::COUNT]) -> u64 {
    items.iter().sum()
}

fn output(name: &OutputName, status: &upload::Status) -> Output {
    Output {
        name: name.to_string(),
        destination: status.to.clone(),
        objects: status.queued_objects,
        bytes: status.queued_bytes,
        oldest_age_seconds: status.oldest_received_at.map(age_seconds),
        buckets: status.buckets.iter().map(bucket).collect(),
        delivery: delivery(status),
    }
}

fn bucket(status: &upload::BucketStatus) -> Bucket {
    let failing = status.failing.as_ref();
    Bucket {
        name: status.name.clone(),
        objects: status.queued_objects,
        bytes: status.queued_bytes,
        oldest_age_seconds: status.oldest_received_at.map(age_seconds),
        last_error: failing.and_then(error),
        failing_since: failing.and_then(|failing| timestamp(failing.since)),
    }
}

fn error(failing: &upload::Failing) -> Option<DeliveryError> {
    Some(DeliveryError { at: timestamp(failing.at)?, message: failing.error.clone() })
}

fn delivery(status: &upload::Status) -> Delivery {
    let failing = status.failing.as_ref();
    Delivery {
        last_success_at: status.last_success_at.and_then(timestamp),
        last_error: failing.and_then(error),
        failing_since: failing.and_then(|failing| timestamp(failing.since)),
        objects_delivered: status.delivered_objects,
    }
}

/// Seconds since a time in nanoseconds since 1970; 0 if that lies ahead, because the clock was set back.
pub(super) fn age_seconds(nanoseconds: u64) -> u64 {
    let now = Timestamp::now().as_nanosecond();
    u64::try_from((now - i128::from(nanoseconds)) / 1_000_000_000).unwrap_or(0)
}

/// A time in nanoseconds since 1970.
pub(super) fn timestamp(nanoseconds: u64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
}
