//! Metrics of what is acknowledged and not yet confirmed in the bucket, wherever it lies.

use metrics::gauge;

use crate::otlp::Signal;

/// `forebay_queue_items`, by `signal`: log records, data points, spans and profiles that wait. It rises and falls with
/// `log.seal_after`; when it only rises, nothing is delivered: look at `forebay status`.
pub fn items(signal: Signal, items: u64) {
    gauge!("forebay_queue_items", "signal" => signal.name()).set(float(items));
}

/// `forebay_queue_bytes`: bytes of records in the log and of objects in the spool. As `forebay_queue_items`.
pub fn bytes(bytes: u64) {
    gauge!("forebay_queue_bytes").set(float(bytes));
}

/// `forebay_queue_segments`: segments of the log that hold records. More than two for long: packing does not keep up.
pub fn segments(segments: u64) {
    gauge!("forebay_queue_segments").set(float(segments));
}

/// `forebay_queue_objects`: objects in the spool. When it only rises, nothing is delivered.
pub fn objects(objects: u64) {
    gauge!("forebay_queue_objects").set(float(objects));
}

/// `forebay_queue_oldest_age_seconds`: age of the oldest record that is not in the bucket; 0 if none waits. Alert on
/// this one: above `log.seal_after` and a few minutes, delivery fails.
pub fn oldest_age(seconds: u64) {
    gauge!("forebay_queue_oldest_age_seconds").set(float(seconds));
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(number: u64) -> f64 {
    number as f64
}
