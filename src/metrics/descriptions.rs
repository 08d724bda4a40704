//! What each metric is, in a line: the `# HELP` of `/metrics`.
//!
//! What to do when one moves stands at its function.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Tells the recorder of this process what each metric is.
pub fn describe() {
    for (name, text) in COUNTERS {
        describe_counter!(*name, *text);
    }
    for (name, text) in GAUGES {
        describe_gauge!(*name, *text);
    }
    for (name, text) in HISTOGRAMS {
        describe_histogram!(*name, *text);
    }
}

/// The metrics of one kind: names and descriptions.
type Table = &'static [(&'static str, &'static str)];

/// What only grows, until a restart.
const COUNTERS: Table = &[
    ("forebay_auth_failures_total", "Requests without credentials that are known, by listener and reason."),
    ("forebay_auth_reload_failures_total", "New files of tokens or users that were not taken, by listener."),
    ("forebay_catalog_rebuilds_total", "How often the ledger was damaged and made anew."),
    ("forebay_config_reloads_total", "How often the configuration was read again, by result."),
    (
        "forebay_log_records_lost_total",
        "Acknowledged records that cannot be read from the disk. Must stay 0.",
    ),
    (
        "forebay_log_segments_lost_total",
        "Segments that were put aside because their header is damaged. Must stay 0.",
    ),
    ("forebay_log_segments_sealed_total", "Segments that were sealed, by reason."),
    ("forebay_log_write_errors_total", "Writes and syncs of the log that failed."),
    ("forebay_log_written_bytes_total", "Bytes that were written to the log."),
    (
        "forebay_misrouted_items_total",
        "Items that went into the bucket of upload.to for want of another, by reason.",
    ),
    ("forebay_overflow_items_total", "Items that went under objects.overflow_prefix."),
    ("forebay_pack_damaged_manifests_total", "Lists of objects that were not what was written. Must stay 0."),
    (
        "forebay_pack_damaged_objects_total",
        "Packed objects that were not what was packed, by signal. Must stay 0.",
    ),
    ("forebay_pack_objects_total", "Objects that were packed, by signal."),
    ("forebay_pack_read_bytes_total", "Bytes of records that were packed."),
    ("forebay_pack_set_aside_records_total", "Records that could not be encoded, by signal. Must stay 0."),
    ("forebay_pack_written_bytes_total", "Bytes of packed objects, by signal."),
    (
        "forebay_receive_abandoned_requests_total",
        "Requests whose client went away before the answer, by signal.",
    ),
    ("forebay_receive_acknowledged_bytes_total", "Bytes of acknowledged requests, uncompressed, by signal."),
    ("forebay_receive_acknowledged_items_total", "Items that are on disk and were acknowledged, by signal."),
    ("forebay_receive_acknowledged_requests_total", "Requests that were answered OK, by signal."),
    ("forebay_receive_refused_items_total", "Items of refused requests, by signal and reason."),
    (
        "forebay_receive_refused_requests_total",
        "Requests that were answered with an error, by signal and reason.",
    ),
    (
        "forebay_receive_resent_items_total",
        "Items that were sent again and had been stored already, by signal.",
    ),
    (
        "forebay_receive_resent_requests_total",
        "Requests that were sent again and had been stored already, by signal.",
    ),
    (
        "forebay_telemetry_export_dropped_lines_total",
        "Lines of the log that were not exported, for there was no room.",
    ),
    ("forebay_telemetry_export_requests_total", "Exports of forebay's own telemetry, by result."),
    ("forebay_telemetry_log_events_total", "What was logged, with what was left out, by level."),
    ("forebay_telemetry_log_lines_lost_total", "Lines of the log that the standard error did not take."),
    ("forebay_telemetry_log_repeats_total", "Logged events that were left out because they repeat."),
    (
        "forebay_tls_handshake_failures_total",
        "Connections that ended before they were encrypted, by listener.",
    ),
    ("forebay_tls_reload_failures_total", "New certificates that were not taken, by listener."),
    ("forebay_upload_already_there_total", "Objects that were found in the bucket, by output."),
    ("forebay_upload_attempts_total", "Puts that were begun, by output."),
    (
        "forebay_upload_delivered_bytes_total",
        "Bytes of objects that are confirmed in the bucket, by output and signal.",
    ),
    ("forebay_upload_delivered_items_total", "Items that are confirmed in the bucket, by output and signal."),
    (
        "forebay_upload_delivered_objects_total",
        "Objects that are confirmed in the bucket, by output and signal.",
    ),
    (
        "forebay_upload_dropped_items_total",
        "Acknowledged items that were lost, by output, signal and reason.",
    ),
    ("forebay_upload_errors_total", "Puts that failed and will be repeated, by output and kind."),
    (
        "forebay_upload_receipts_damaged_total",
        "Files of receipts that were not what was written. Must stay 0.",
    ),
    (
        "forebay_upload_receipts_errors_total",
        "Lists of receipts that could not be put and will be repeated, by kind.",
    ),
    ("forebay_upload_receipts_listed_objects_total", "Delivered objects that a list in the bucket has."),
    ("forebay_upload_webhook_dropped_total", "Notices for the webhook that were lost. Must stay 0."),
    (
        "forebay_upload_webhook_errors_total",
        "Notices that the webhook did not take and that will be repeated, by kind.",
    ),
    ("forebay_upload_webhook_posted_total", "Notices that the webhook took."),
    (
        "otelcol_exporter_enqueue_failed_log_records_total",
        "Log records that were dropped because the disk budget was used up.",
    ),
    (
        "otelcol_exporter_enqueue_failed_metric_points_total",
        "Data points that were dropped because the disk budget was used up.",
    ),
    (
        "otelcol_exporter_enqueue_failed_spans_total",
        "Spans that were dropped because the disk budget was used up.",
    ),
    (
        "otelcol_exporter_send_failed_log_records_total",
        "Log records that will never be sent because the disk damaged them.",
    ),
    (
        "otelcol_exporter_send_failed_metric_points_total",
        "Data points that will never be sent because the disk damaged them.",
    ),
    (
        "otelcol_exporter_send_failed_spans_total",
        "Spans that will never be sent because the disk damaged them.",
    ),
    ("otelcol_exporter_sent_log_records_total", "Log records that are confirmed in the bucket."),
    ("otelcol_exporter_sent_metric_points_total", "Data points that are confirmed in the bucket."),
    ("otelcol_exporter_sent_spans_total", "Spans that are confirmed in the bucket."),
    ("otelcol_receiver_accepted_log_records_total", "Log records that are on disk and were acknowledged."),
    ("otelcol_receiver_accepted_metric_points_total", "Data points that are on disk and were acknowledged."),
    ("otelcol_receiver_accepted_spans_total", "Spans that are on disk and were acknowledged."),
    ("otelcol_receiver_refused_log_records_total", "Log records that were refused."),
    ("otelcol_receiver_refused_metric_points_total", "Data points that were refused."),
    ("otelcol_receiver_refused_spans_total", "Spans that were refused."),
];

/// What rises and falls.
const GAUGES: Table = &[
    ("forebay_build_info", "Which version runs. Always 1."),
    ("forebay_catalog_degraded", "Whether forebay works without its ledger (1) or with it (0)."),
    (
        "forebay_config_last_reload_failed",
        "Whether the configuration was wrong when it was last read again (1).",
    ),
    ("forebay_disk_budget_bytes", "Bytes that log and spool may use (log.disk_budget)."),
    ("forebay_disk_free_bytes", "Free bytes of the file system."),
    ("forebay_disk_free_floor_bytes", "Free bytes below which nothing is taken in (log.free_space_floor)."),
    ("forebay_disk_used_bytes", "Bytes that log and spool use."),
    ("forebay_log_blocked", "Whether nothing is taken in for lack of room (1)."),
    ("forebay_log_bytes", "Bytes of records in the log."),
    ("forebay_log_segments", "Segments of the log that hold records."),
    ("forebay_log_stopped", "Whether nothing is taken in until a restart because the disk failed (1)."),
    ("forebay_pack_waiting_segments", "Sealed segments that are not packed yet."),
    ("forebay_process_cpu_seconds", "Processor time used since the start."),
    ("forebay_process_memory_bytes", "Memory in use."),
    ("forebay_process_open_files", "Open files and connections."),
    ("forebay_process_uptime_seconds", "For how long the process has run."),
    ("forebay_queue_bytes", "Bytes of records in the log and of objects in the spool."),
    ("forebay_queue_items", "Items that are acknowledged and not confirmed in the bucket, by signal."),
    ("forebay_queue_objects", "Objects in the spool."),
    (
        "forebay_queue_oldest_age_seconds",
        "Age of the oldest record that is not in the bucket; 0 if none waits.",
    ),
    ("forebay_queue_segments", "Segments of the log that hold records."),
    (
        "forebay_receive_held_calls",
        "Calls that have waited longer than 100 ms for memory, disk space or a sync.",
    ),
    ("forebay_receive_inflight_bytes", "Memory set aside for requests that are being received or stored."),
    ("forebay_receive_open_connections", "Open connections of clients."),
    ("forebay_tls_certificate_expiry_seconds", "How long a listener's certificate is still good for."),
    ("forebay_upload_deferred", "Whether delivery waits for upload.hours (1), by output."),
    ("forebay_upload_in_flight", "Puts under way, by output."),
    (
        "forebay_upload_in_trouble",
        "Whether the bucket is in trouble and is tried with one put at a time (1), by output.",
    ),
    (
        "forebay_upload_last_success_timestamp_seconds",
        "When the bucket last confirmed an object, in seconds since 1970, by output.",
    ),
    (
        "forebay_upload_oldest_age_seconds",
        "Age of the oldest record in the spool, by output; 0 if none waits.",
    ),
    ("forebay_upload_queue_bytes", "Bytes of objects in the spool, by output."),
    ("forebay_upload_queue_items", "Items in the spool, by output and signal."),
    ("forebay_upload_queue_objects", "Objects in the spool, by output."),
    ("forebay_upload_receipts_waiting_lists", "Lists of hours that are over and not in the bucket yet."),
    ("forebay_upload_webhook_waiting", "Notices that wait to be posted."),
    ("otelcol_exporter_queue_capacity", "Bytes that the queue may hold: the disk budget."),
    ("otelcol_exporter_queue_size", "Bytes of objects in the spool."),
    ("otelcol_process_cpu_seconds", "Processor time used since the start."),
    ("otelcol_process_memory_rss", "Memory in use, in bytes."),
    ("otelcol_process_uptime", "For how long the process has run, in seconds."),
];

/// How values are spread.
const HISTOGRAMS: Table = &[
    ("forebay_log_commit_seconds", "From the write of a group to the end of its sync."),
    ("forebay_log_group_bytes", "Bytes that a sync covered."),
    ("forebay_log_group_exports", "Exports that a sync covered."),
    ("forebay_pack_duration_seconds", "How long it took to pack a segment."),
    ("forebay_receive_request_seconds", "From the head of a request to its answer, by signal and transport."),
    ("forebay_upload_object_bytes", "Sizes of delivered objects, by output."),
    ("forebay_upload_seconds", "How long puts took that succeeded, by output."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    const TABLES: [(&str, Table); 3] = [("counter", COUNTERS), ("gauge", GAUGES), ("histogram", HISTOGRAMS)];

    /// The code of this folder, without this file and without comments.
    fn code() -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/metrics");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let others = files.filter(|path| !path.ends_with("descriptions.rs"));
        let text: String = others.map(|path| fs::read_to_string(path).unwrap()).collect();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    /// The names of metrics in a text, those that are put together in full.
    fn names(code: &str) -> BTreeSet<String> {
        let quoted = code.split('"').skip(1).step_by(2).map(str::to_owned);
        let metrics = quoted.filter(|text| text.starts_with("forebay_") || text.starts_with("otelcol_"));
        let filled = |names: Vec<String>, field: &str, values: [&str; 3]| -> Vec<String> {
            let with_all = |name: String| values.map(|value| name.replace(field, value));
            names.into_iter().flat_map(with_all).collect()
        };
        let metrics = filled(metrics.collect(), "{name}", ["log_records", "metric_points", "spans"]);
        filled(metrics, "{became}", ["sent", "send_failed", "enqueue_failed"]).into_iter().collect()
    }

    #[test]
    fn every_metric_is_described_and_nothing_else_is() {
        let made = names(&code());
        let described: BTreeSet<_> =
            TABLES.iter().flat_map(|(_, table)| table.iter().map(|(name, _)| (*name).to_owned())).collect();
        let undescribed: Vec<_> = made.difference(&described).collect();
        let unmade: Vec<_> = described.difference(&made).collect();
        assert!(undescribed.is_empty(), "give them a line in src/metrics/descriptions.rs: {undescribed:?}");
        assert!(unmade.is_empty(), "no metric has these names: {unmade:?}");
    }

    #[test]
    fn every_metric_is_described_as_what_it_is() {
        let code = code();
        for (kind, table) in TABLES {
            for (name, _) in table.iter().filter(|(name, _)| code.contains(&format!("\"{name}\""))) {
                assert!(code.contains(&format!("{kind}!(\"{name}\"")), "{name} is no {kind}");
            }
        }
    }

    #[test]
    fn descriptions_are_sentences_in_the_order_of_their_names() {
        for (_, table) in TABLES {
            assert!(table.is_sorted_by(|(one, _), (next, _)| one < next), "sort them by name");
            for (name, text) in table {
                assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{name}: {text}");
            }
        }
    }
}
