//! How delivery stands: what may go at this hour, and what is told of it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::scheduler::{BucketName, Decision, Depth};
use super::status::{BucketStatus, Status};
use super::uploader::{Left, Shared, State, unix_now};
use crate::disk::Budget;
use crate::log::SegmentId;
use crate::metrics::upload as metrics;
use crate::otlp::Signal;
use crate::pack::OutputName;

/// The last segment that there may be: all may go.
const LAST: SegmentId = SegmentId(u64::MAX);

/// The longest time without a look at the clock, which may be set.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_mins(1);
/// The longest time without a look at the disk, where it has a say in the hours.
const LOOK_AT_DISK_EVERY: Duration = Duration::from_secs(1);

impl State {
    /// Up to which segment objects may be put now, if any may.
    fn may_go(&mut self, now: Timestamp, budget: &Budget) -> Option<SegmentId> {
        if self.hours.are_open(now, budget) { Some(LAST) } else { self.asked_up_to }
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

impl Shared {
    /// What to do now, and when to look at the clock again if nothing else happens.
    pub(super) fn decide(&self) -> (Decision, Option<Instant>) {
        let (now, at) = (self.clock.now(), Instant::now());
        let mut state = self.lock();
        let last = state.may_go(now, self.spool.budget());
        let decision = last.map_or(Decision::Wait(None), |last| state.queue.next(at, last));
        if !state.hours.are_kept() {
            return (decision, None);
        }
        let opens = state.hours.open_after(now).filter(|_| last != Some(LAST));
        let opens = opens.and_then(|opens| Duration::try_from(opens.duration_since(now)).ok());
        let look_every = if state.hours.heed_disk() { LOOK_AT_DISK_EVERY } else { LOOK_AT_CLOCK_EVERY };
        drop(state);
        self.publish();
        (decision, Some(at + opens.map_or(look_every, |opens| opens.min(look_every))))
    }

    /// Brings metrics and the sign for "nothing left" up to date.
    pub(super) fn publish(&self) {
        let now = self.clock.now();
        let (depth, under_way, in_trouble, left, waits) = {
            let mut state = self.lock();
            let last = state.may_go(now, self.spool.budget());
            let is_open = last == Some(LAST);
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

    /// What delivery is doing.
    pub(super) fn status(&self) -> Status {
        let now = self.clock.now();
        let mut state = self.lock();
        let depth = state.queue.depth();
        let last = state.may_go(now, self.spool.budget());
        let waits = last != Some(LAST) && state.queue.waits_after(last);
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
            delivered_items: state.record.delivered_items,
            failed_attempts: state.record.failed_attempts,
            damaged_objects: state.record.damaged_objects,
            failing: state.record.failing_for_longest(),
            buckets: state.buckets(),
            ledger_degraded: self.ledger.is_degraded(),
            waits_until,
            notes: note.into_iter().collect(),
        }
    }
}
