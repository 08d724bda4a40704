//! Metrics of the stage `upload`, each for one output, which the label `output` names.

use std::time::Duration;

use ::metrics::{counter, gauge, histogram};

use crate::otlp::Signal;

/// The value of the label `exporter` of the Collector's metrics, built as the Collector's names are: `forebay` for the
/// main output, `forebay/archive` for one called `archive`.
fn exporter(output: &str) -> String {
    if output == "main" { "forebay".to_owned() } else { format!("forebay/{output}") }
}

/// Makes every counter show up with 0 before anything happens, so that a first failure of each of `kinds` and a first loss
/// are changes that alerts see.
pub fn register(output: &str, kinds: impl IntoIterator<Item = &'static str>) {
    for signal in Signal::ALL {
        collector_items("sent", output, signal, 0);
        counter!("forebay_upload_delivered_objects_total", "output" => output.to_owned(), "signal" => signal.name()).increment(0);
        counter!("forebay_upload_delivered_bytes_total", "output" => output.to_owned(), "signal" => signal.name()).increment(0);
        counter!("forebay_upload_delivered_items_total", "output" => output.to_owned(), "signal" => signal.name()).increment(0);
        dropped_items(output, signal, 0, DropReason::DiskBudget);
        dropped_items(output, signal, 0, DropReason::Damaged);
    }
    counter!("forebay_upload_attempts_total", "output" => output.to_owned()).increment(0);
    counter!("forebay_upload_already_there_total", "output" => output.to_owned()).increment(0);
    for kind in kinds {
        counter!("forebay_upload_errors_total", "output" => output.to_owned(), "kind" => kind).increment(0);
    }
}

/// An object is confirmed in the bucket. Its rate is that of the segments being sealed, times the signals; far more
/// objects than that make some readers repeat rows: raise `log.seal_after`.
pub fn delivered(output: &str, signal: Signal, items: u64, bytes: u64) {
    counter!("forebay_upload_delivered_objects_total", "output" => output.to_owned(), "signal" => signal.name()).increment(1);
    counter!("forebay_upload_delivered_bytes_total", "output" => output.to_owned(), "signal" => signal.name()).increment(bytes);
    counter!("forebay_upload_delivered_items_total", "output" => output.to_owned(), "signal" => signal.name()).increment(items);
    collector_items("sent", output, signal, items);
    histogram!("forebay_upload_object_bytes", "output" => output.to_owned()).record(as_float(bytes));
}

/// An object was found in the bucket, put by an attempt whose answer was lost. A few after an outage are right; many at
/// all times mean that answers are lost on the way: look at proxies and timeouts.
pub fn was_there(output: &str) {
    counter!("forebay_upload_already_there_total", "output" => output.to_owned()).increment(1);
}

/// A put was begun. Compare with what was delivered: the difference is repetitions.
pub fn attempted(output: &str) {
    counter!("forebay_upload_attempts_total", "output" => output.to_owned()).increment(1);
}

/// A put failed and will be repeated. `denied`, `missing_bucket`, `tls` and `dns` want the operator: credentials, the
/// bucket's name, certificates, the resolver. `throttled`, `timeout`, `server` and `connect` pass by themselves.
pub fn failed(output: &str, kind: &'static str) {
    counter!("forebay_upload_errors_total", "output" => output.to_owned(), "kind" => kind).increment(1);
}

/// How long a put took that succeeded, in seconds. When it grows, the line or the store is slow: as long as the queue
/// does not grow, that is harmless.
pub fn latency(output: &str, took: Duration) {
    histogram!("forebay_upload_seconds", "output" => output.to_owned()).record(took.as_secs_f64());
}

/// When the bucket last confirmed an object, in seconds since 1970. The best alert there is: while the queue is not
/// empty it should not stand still for longer than you can do without data.
pub fn last_success(output: &str, seconds_since_1970: f64) {
    gauge!("forebay_upload_last_success_timestamp_seconds", "output" => output.to_owned())
        .set(seconds_since_1970);
}

/// What waits in the spool: objects, bytes and the age of the oldest record in seconds. When it grows steadily, delivery
/// is slower than intake: see the errors by kind, then bandwidth and `upload.concurrency`.
pub fn queue(output: &str, objects: u64, bytes: u64, oldest_age: Option<Duration>) {
    gauge!("forebay_upload_queue_objects", "output" => output.to_owned()).set(as_float(objects));
    gauge!("forebay_upload_queue_bytes", "output" => output.to_owned()).set(as_float(bytes));
    gauge!("forebay_upload_oldest_age_seconds", "output" => output.to_owned())
        .set(oldest_age.unwrap_or_default().as_secs_f64());
    gauge!("otelcol_exporter_queue_size", "exporter" => exporter(output)).set(as_float(bytes));
}

/// Items that wait in the spool, of one signal. As [`queue`].
pub fn queue_items(output: &str, signal: Signal, items: u64) {
    gauge!("forebay_upload_queue_items", "output" => output.to_owned(), "signal" => signal.name())
        .set(as_float(items));
}

/// The capacity of the queue in bytes: the disk budget. When `otelcol_exporter_queue_size` comes near it, intake will
/// refuse soon.
pub fn queue_capacity(output: &str, bytes: u64) {
    gauge!("otelcol_exporter_queue_capacity", "exporter" => exporter(output)).set(as_float(bytes));
}

/// Puts under way. At `upload.concurrency` all the time with a growing queue, more concurrency may help.
pub fn in_flight(output: &str, puts: u64) {
    gauge!("forebay_upload_in_flight", "output" => output.to_owned()).set(as_float(puts));
}

/// Whether the bucket is taken to be in trouble (1), so that it is tried with one put at a time.
pub fn in_trouble(output: &str, is_in_trouble: bool) {
    gauge!("forebay_upload_in_trouble", "output" => output.to_owned()).set(if is_in_trouble {
        1.0
    } else {
        0.0
    });
}

/// Whether something waits for its hours (1), as `upload.hours` asks for: a growing queue is right then.
pub fn waits_for_hours(output: &str, waits: bool) {
    gauge!("forebay_upload_deferred", "output" => output.to_owned()).set(if waits { 1.0 } else { 0.0 });
}

/// Why items were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// `log.when_full` is `drop_oldest` and the disk budget was used up.
    DiskBudget,
    /// The bytes in the spool were not those that were packed.
    Damaged,
}

impl DropReason {
    const fn name(self) -> &'static str {
        match self {
            Self::DiskBudget => "disk_budget",
            Self::Damaged => "damaged",
        }
    }
}

/// Items were lost: by the policy that the operator chose (`disk_budget`: deliver faster or give more disk), or because
/// the disk changed what was written (`damaged`: the file is kept in `spool/` under a name that ends in `.damaged`; replace the disk).
pub fn dropped_items(output: &str, signal: Signal, items: u64, reason: DropReason) {
    counter!("forebay_upload_dropped_items_total", "output" => output.to_owned(), "signal" => signal.name(), "reason" => reason.name())
        .increment(items);
    let became = match reason {
        DropReason::DiskBudget => "enqueue_failed",
        DropReason::Damaged => "send_failed",
    };
    collector_items(became, output, signal, items);
}

/// Makes the counters of receipts show up with 0, if there are receipts.
pub fn register_receipts() {
    receipts_listed(0);
    receipts_damaged(0);
    webhook_dropped(0);
    counter!("forebay_upload_webhook_posted_total").increment(0);
}

/// A list with so many delivered objects is in the bucket. Its rate over hours is that of the delivered objects; if it
/// stays behind, look at `forebay_upload_receipts_errors_total`.
pub fn receipts_listed(objects: u64) {
    counter!("forebay_upload_receipts_listed_objects_total").increment(objects);
}

/// Lists of hours that are over, and that are not in the bucket yet. More than one for each signal, for longer than some
/// minutes, means that they cannot be put: see `forebay_upload_receipts_errors_total`.
pub fn receipts_waiting(lists: u64) {
    gauge!("forebay_upload_receipts_waiting_lists").set(as_float(lists));
}

/// A list could not be made or put, and will be tried again. The kinds are those of `forebay_upload_errors_total`; `denied`
/// alone means that the credentials may not write under `upload.receipts.prefix`.
pub fn receipts_failed(kind: &'static str) {
    counter!("forebay_upload_receipts_errors_total", "kind" => kind).increment(1);
}

/// Files of receipts were not what was written: what they list is in no list. They are kept in `receipts/` under names that
/// end in `.damaged`; replace the disk.
pub fn receipts_damaged(files: u64) {
    counter!("forebay_upload_receipts_damaged_total").increment(files);
}

/// A notice was taken by the webhook.
pub fn webhook_posted() {
    counter!("forebay_upload_webhook_posted_total").increment(1);
}

/// A notice was not taken by the webhook and will be posted again. `denied` wants the operator: a header of
/// `upload.receipts.webhook.headers`.
pub fn webhook_failed(kind: &'static str) {
    counter!("forebay_upload_webhook_errors_total", "kind" => kind).increment(1);
}

/// Notices were lost: more than `upload.receipts.webhook.most_waiting` waited, or the disk changed one. What follows the
/// webhook has gaps: compare it with the lists of the hours, or with the bucket.
pub fn webhook_dropped(notices: u64) {
    counter!("forebay_upload_webhook_dropped_total").increment(notices);
}

/// Notices that wait to be posted. When it grows steadily, the webhook is slower than delivery, or refuses: see
/// `forebay_upload_webhook_errors_total`.
pub fn webhook_waiting(notices: u64) {
    gauge!("forebay_upload_webhook_waiting").set(as_float(notices));
}

/// The Collector's count of items, by what became of them: `sent`, `send_failed` (they will never be sent) or
/// `enqueue_failed` (the queue had no room for them). Not of profiles: see [`Signal::collector_items_name`].
fn collector_items(became: &str, output: &str, signal: Signal, items: u64) {
    if let Some(name) = signal.collector_items_name() {
        counter!(format!("otelcol_exporter_{became}_{name}_total"), "exporter" => exporter(output))
            .increment(items);
    }
}

/// Gauges and histograms are floating-point numbers, exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "a metric beyond 2^53 may be off by one")]
fn as_float(number: u64) -> f64 {
    number as f64
}
