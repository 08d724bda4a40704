//! Metrics of the stage `pack`.

use std::time::Duration;

use ::metrics::{counter, gauge, histogram};

use crate::otlp::Signal;

/// Makes the counters of losses show up with 0 before anything happens, so that a first loss is a change that alerts
/// see.
pub fn register() {
    for signal in Signal::ALL {
        counter!("forebay_pack_set_aside_records_total", "signal" => signal.name()).increment(0);
        counter!("forebay_pack_damaged_objects_total", "signal" => signal.name()).increment(0);
    }
    counter!("forebay_pack_damaged_manifests_total").increment(0);
}

/// `forebay_pack_duration_seconds`, `forebay_pack_read_bytes_total`: a segment was packed. When the duration nears the
/// time in which a segment fills, give forebay more CPU or lower `objects.level`; the log holds what waits until then.
pub fn segment_packed(took: Duration, read_bytes: u64) {
    histogram!("forebay_pack_duration_seconds").record(took.as_secs_f64());
    counter!("forebay_pack_read_bytes_total").increment(read_bytes);
}

/// `forebay_pack_objects_total`, `forebay_pack_written_bytes_total`, by `signal`: an object lies finished in the spool.
/// More than 3,333 objects a day and signal over all instances are too many for some readers: raise `log.seal_after` and
/// `log.segment_bytes`, or take minutes out of `objects.key`. Written bytes by `forebay_pack_read_bytes_total` tell how
/// well the data compresses.
pub fn object_packed(signal: Signal, bytes: u64) {
    counter!("forebay_pack_objects_total", "signal" => signal.name()).increment(1);
    counter!("forebay_pack_written_bytes_total", "signal" => signal.name()).increment(bytes);
}

/// `forebay_pack_waiting_segments`: sealed segments that are not packed yet. When it grows for long, packing gets too
/// little CPU, or the spool's disk refuses; the log says which.
pub fn segments_waiting(segments: u32) {
    gauge!("forebay_pack_waiting_segments").set(segments);
}

/// `forebay_pack_set_aside_records_total`, by `signal`: a record could not be encoded. It must stay 0. The log names the
/// file under `damaged/` that holds the record; report it as a fault of forebay, or of the disk.
pub fn record_set_aside(signal: Signal) {
    counter!("forebay_pack_set_aside_records_total", "signal" => signal.name()).increment(1);
}

/// `forebay_pack_damaged_objects_total`, by `signal`: a packed object was missing, or not what was packed. It must stay 0.
/// The disk is failing: replace it, and look into the spool's `*.damaged` files for what can be saved.
pub fn object_damaged(signal: Signal) {
    counter!("forebay_pack_damaged_objects_total", "signal" => signal.name()).increment(1);
}

/// `forebay_pack_damaged_manifests_total`: the list of a segment's objects was not what was written, and none of them is
/// delivered. It must stay 0. The disk is failing: replace it. The objects are kept in the spool as `*.object.damaged`
/// and may be whole.
pub fn manifest_damaged() {
    counter!("forebay_pack_damaged_manifests_total").increment(1);
}

/// `forebay_overflow_items_total`, by `output` and `signal`: items went under `objects.overflow_prefix`, because their segment
/// had more values of tenants, attributes and buckets than `objects.max_prefixes`. Route by something that has fewer values,
/// or raise `objects.max_prefixes` if that many are right: each of them makes an object of its own, every time.
pub fn overflowed(output: &str, signal: Signal, items: u64) {
    counter!("forebay_overflow_items_total", "output" => output.to_owned(), "signal" => signal.name())
        .increment(items);
}

/// `forebay_misrouted_items_total`, by `output`, `signal` and `reason`: items went into the bucket of `upload.to`, because a
/// value that `objects.bucket` needs was `missing`, because what came out was no name of a bucket (`invalid`), or because
/// `objects.buckets` does not have it (`not_allowed`): look at what clients send.
pub fn misrouted(output: &str, signal: Signal, reason: &'static str, items: u64) {
    counter!("forebay_misrouted_items_total", "output" => output.to_owned(), "signal" => signal.name(), "reason" => reason)
        .increment(items);
}
