//! Metrics of the stage `receive`.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::otlp::Signal;

/// `forebay_receive_acknowledged_requests_total`: requests answered OK, those without items among them. When it stands
/// still while clients run, see whether they reach this address, and `forebay_receive_refused_requests_total`.
pub fn acknowledged_requests(signal: Signal) {
    counter!("forebay_receive_acknowledged_requests_total", "signal" => signal.name()).increment(1);
}

/// Shows the counters of a signal's requests with 0 in them, those of refusals for every one of `reasons`: a first refusal
/// is a change that alerts see.
pub fn show_requests(signal: Signal, reasons: impl IntoIterator<Item = &'static str>) {
    counter!("forebay_receive_acknowledged_requests_total", "signal" => signal.name()).increment(0);
    counter!("forebay_receive_abandoned_requests_total", "signal" => signal.name()).increment(0);
    for reason in reasons {
        counter!("forebay_receive_refused_requests_total", "signal" => signal.name(), "reason" => reason)
            .increment(0);
    }
}

/// `forebay_receive_acknowledged_items_total`: log records, data points, spans and profiles that are on disk. Compare it with the
/// items delivered: the difference is what waits on this disk.
pub fn acknowledged_items(signal: Signal, items: u32) {
    counter!("forebay_receive_acknowledged_items_total", "signal" => signal.name()).increment(items.into());
}

/// `forebay_receive_acknowledged_bytes_total`: their protobuf, uncompressed. Its rate times the longest outage to survive,
/// divided by ten for compression, is the least `log.disk_budget`.
pub fn acknowledged_bytes(signal: Signal, bytes: usize) {
    counter!("forebay_receive_acknowledged_bytes_total", "signal" => signal.name()).increment(bytes as u64);
}

/// `forebay_receive_resent_requests_total` and `forebay_receive_resent_items_total`: what had been stored already, because a
/// client sent it again after it had missed the answer. Many of them mean that answers come late or get lost on their way.
/// They are not among the acknowledged items.
pub fn resent(signal: Signal, items: u32) {
    counter!("forebay_receive_resent_requests_total", "signal" => signal.name()).increment(1);
    counter!("forebay_receive_resent_items_total", "signal" => signal.name()).increment(items.into());
}

/// The same counters with 0 in them.
pub fn show_resent(signal: Signal) {
    counter!("forebay_receive_resent_requests_total", "signal" => signal.name()).increment(0);
    counter!("forebay_receive_resent_items_total", "signal" => signal.name()).increment(0);
}

/// `otelcol_receiver_accepted_{log_records,metric_points,spans}_total`: the same items by the Collector's name, for its
/// dashboards. Not of profiles: see [`Signal::collector_items_name`].
pub fn accepted_items(signal: Signal, transport: &'static str, items: u32) {
    if let Some(name) = signal.collector_items_name() {
        let name = format!("otelcol_receiver_accepted_{name}_total");
        counter!(name, "receiver" => "otlp", "transport" => transport).increment(items.into());
    }
}

/// `forebay_receive_refused_requests_total`: requests answered with an error, by reason. `disk_full`: see why uploads
/// lag, or raise `log.disk_budget`. `disk_failing`: replace the disk. `overloaded`: raise `receive.max_inflight_bytes`, or
/// spread the clients. `too_large`: raise `receive.max_request_bytes`, or have clients send smaller batches.
/// `unauthenticated` and `forbidden`: see `forebay_auth_failures_total`. `too_fast`: raise `bytes_per_second` of the
/// token, or find the client that sends so much. `own_telemetry`: `telemetry.export.endpoint` leads back here; name another receiver. `undecodable` and `unsupported`: a client is broken or is no OTLP client. `interrupted`: the network is bad.
pub fn refused_requests(signal: Signal, reason: &'static str) {
    counter!("forebay_receive_refused_requests_total", "signal" => signal.name(), "reason" => reason)
        .increment(1);
}

/// `forebay_receive_refused_items_total`: items of refused requests, as far as they were read. Some clients send them
/// again; Claude Code over gRPC does not, and then they are lost. Act on the reason as for the requests. `undecodable`
/// counts single items that were cut out of requests of which the rest was stored: a client writes them wrongly, and is
/// told what is wrong in its answer (`partial_success`).
pub fn refused_items(signal: Signal, reason: &'static str, items: u32) {
    counter!("forebay_receive_refused_items_total", "signal" => signal.name(), "reason" => reason)
        .increment(items.into());
}

/// `otelcol_receiver_refused_{log_records,metric_points,spans}_total`: the same items by the Collector's name, for its
/// alerts. Not of profiles: see [`Signal::collector_items_name`].
pub fn collector_refused_items(signal: Signal, transport: &'static str, items: u32) {
    if let Some(name) = signal.collector_items_name() {
        let name = format!("otelcol_receiver_refused_{name}_total");
        counter!(name, "receiver" => "otlp", "transport" => transport).increment(items.into());
    }
}

/// `forebay_receive_abandoned_requests_total`: requests whose client went away before the answer. It may send them again,
/// which makes duplicates of what was already on its way to the disk. When it grows, calls take longer than clients
/// wait: see `forebay_receive_request_seconds` and the commit latency of the log.
pub fn abandoned_requests(signal: Signal) {
    counter!("forebay_receive_abandoned_requests_total", "signal" => signal.name()).increment(1);
}

/// `forebay_receive_inflight_bytes`: memory set aside for requests that are being received or stored; this changes it.
/// When it stays near `receive.max_inflight_bytes`, calls are held and then refused: raise that, or find the client that
/// sends so much.
pub fn inflight_bytes(change: f64) {
    gauge!("forebay_receive_inflight_bytes").increment(change);
}

/// `forebay_receive_held_calls`: calls that have waited longer than 100 ms for memory, disk space or a sync; this changes
/// it. When it is not 0 for long, refusals follow: see `forebay_receive_inflight_bytes`, the disk budget and the commit
/// latency for what is short.
pub fn held_calls(change: f64) {
    gauge!("forebay_receive_held_calls").increment(change);
}

/// `forebay_receive_open_connections`: connections on both addresses; this changes it. At `receive.max_connections` new
/// clients wait to be accepted: raise it.
pub fn open_connections(change: f64) {
    gauge!("forebay_receive_open_connections").increment(change);
}

/// `forebay_receive_request_seconds`: from the head of a request to its answer. Claude Code waits 2 s in all for its last
/// requests at exit: when the slowest come near that, look at the commit latency of the log and at the held calls.
pub fn request_seconds(signal: Signal, transport: &'static str, duration: Duration) {
    histogram!("forebay_receive_request_seconds", "signal" => signal.name(), "transport" => transport)
        .record(duration.as_secs_f64());
}
