//! Metrics of the stage `log`.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

/// Shows the metrics that must stay 0 before anything has moved them, so that an alert can tell 0 from nothing.
pub fn register() {
    counter!("forebay_log_write_errors_total").increment(0);
    counter!("forebay_log_records_lost_total").increment(0);
    counter!("forebay_log_segments_lost_total").increment(0);
    blocked(false);
    stopped(false);
}

/// How long a group took from its write to the end of its sync. When it rises, every acknowledgement does: look at the
/// disk, and at what else uses it.
pub fn commit_took(duration: Duration) {
    histogram!("forebay_log_commit_seconds").record(duration);
}

/// How many exports a sync covered, and how many bytes. Large groups mean that the disk is slow or the load is high;
/// that is what groups are for.
pub fn group_committed(exports: usize, bytes: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are coarser than that")]
    histogram!("forebay_log_group_exports").record(exports as f64);
    #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are coarser than that")]
    histogram!("forebay_log_group_bytes").record(bytes as f64);
    counter!("forebay_log_written_bytes_total").increment(bytes);
}

/// A write or a sync of the log failed. The disk is failing: look at the system's log, and replace it.
pub fn write_failed() {
    counter!("forebay_log_write_errors_total").increment(1);
}

/// A segment was sealed; the reason is `full`, `age`, `flush`, `shutdown` or `failure`. Many by age mean small
/// objects: a longer `log.seal_after` makes fewer.
pub fn segment_sealed(reason: &'static str) {
    counter!("forebay_log_segments_sealed_total", "reason" => reason).increment(1);
}

/// Records that were acknowledged cannot be read from the disk. Every one is a loss: the bytes are kept in the folder
/// `damaged`; replace the disk.
pub fn records_lost(records: u64) {
    counter!("forebay_log_records_lost_total").increment(records);
}

/// A segment whose header is damaged was put aside, with all its records. Replace the disk.
pub fn segment_lost() {
    counter!("forebay_log_segments_lost_total").increment(1);
}

/// What waits in the log. It grows while packing does not keep up.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub fn waiting(segments: usize, bytes: u64) {
    gauge!("forebay_log_segments").set(segments as f64);
    gauge!("forebay_log_bytes").set(bytes as f64);
}

/// 1 while nothing is taken in for lack of room. Make the disk budget larger, or look why nothing is delivered.
pub fn blocked(is_blocked: bool) {
    gauge!("forebay_log_blocked").set(f64::from(u8::from(is_blocked)));
}

/// 1 after a second failure of the disk: nothing is taken in until a restart. Replace the disk.
pub fn stopped(is_stopped: bool) {
    gauge!("forebay_log_stopped").set(f64::from(u8::from(is_stopped)));
}
