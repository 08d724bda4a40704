//! Notes every few seconds how everything stands, for the rates of the last minute and the history of the last day.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::history::{Measure, Values};
use super::subject::Process;
use crate::admin::{Status, Subject as _};

/// How often it is noted.
const EVERY: Duration = Duration::from_secs(5);

/// What has been counted since the start, as far as the history has it.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    received_items: u64,
    received_bytes: u64,
    delivered_items: u64,
    delivered_bytes: u64,
    delivered_objects: u64,
    refused_requests: u64,
    failed_attempts: u64,
    dropped_items: u64,
}

/// Notes how everything stands until `ending`, and once more then.
pub(super) async fn keep_lookout(process: Arc<Process>, mut ending: watch::Receiver<bool>) {
    let mut counted = Counted::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_ending = tokio::select! {
            // An error says that nobody can end it any more, which means the same.
            _ = ending.wait_for(|ending| *ending) => true,
            _ = ticks.tick() => false,
        };
        let (noting, before) = (Arc::clone(&process), counted);
        // It asks and writes the file system, which may take its time.
        match tokio::task::spawn_blocking(move || note(&noting, before)).await {
            Ok(now) => counted = now,
            Err(error) => tracing::error!(%error, "how everything stands could not be noted"),
        }
        if is_ending {
            return;
        }
    }
}

/// Notes what came since `before`; returns what has been counted by now.
fn note(process: &Process, before: Counted) -> Counted {
    process.rates.note(Instant::now(), process.counts());
    let (status, now) = (process.status(), process.counted());
    let clock = Timestamp::now();
    let mut values = gauges(&status);
    for (measure, now, before) in [
        (Measure::ReceivedItems, now.received_items, before.received_items),
        (Measure::ReceivedBytes, now.received_bytes, before.received_bytes),
        (Measure::DeliveredItems, now.delivered_items, before.delivered_items),
        (Measure::DeliveredBytes, now.delivered_bytes, before.delivered_bytes),
        (Measure::DeliveredObjects, now.delivered_objects, before.delivered_objects),
        (Measure::RefusedRequests, now.refused_requests, before.refused_requests),
        (Measure::FailedAttempts, now.failed_attempts, before.failed_attempts),
        (Measure::DroppedItems, now.dropped_items, before.dropped_items),
    ] {
        values.add(measure, now.saturating_sub(before));
    }
    let of_minute = Duration::from_secs(clock.as_second().rem_euclid(60).unsigned_abs());
    let commits = process.pipeline.log.commit_times(of_minute);
    if commits.groups > 0 {
        values.add(Measure::CommitP50, nanoseconds(commits.p50));
        values.add(Measure::CommitP99, nanoseconds(commits.p99));
    }
    process.history.note(clock, &values);
    now
}

fn gauges(status: &Status) -> Values {
    let mut values = Values::default();
    values.add(Measure::QueueItems, status.queue.items.total());
    values.add(Measure::QueueBytes, status.queue.bytes);
    values.add(Measure::OldestAgeSeconds, status.queue.oldest_age_seconds.unwrap_or(0));
    values.add(Measure::DiskUsedBytes, status.disk.used_bytes);
    values.add(Measure::DiskBudgetBytes, status.disk.budget_bytes);
    values.add(Measure::DiskFreeBytes, status.disk.free_bytes);
    values
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Process {
    /// What has been counted since the start.
    fn counted(&self) -> Counted {
        let (received_items, received_bytes) = self.tally.items_and_bytes();
        let delivery = crate::upload::Status::of_all(&self.pipeline.deliveries.status());
        Counted {
            received_items,
            received_bytes,
            delivered_items: delivery.delivered_items,
            delivered_bytes: delivery.delivered_bytes,
            delivered_objects: delivery.delivered_objects,
            refused_requests: self.tally.refused(),
            failed_attempts: delivery.failed_attempts,
            dropped_items: self.losses_so_far().dropped_items.total(),
        }
    }
}
