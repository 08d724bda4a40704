//! `/metrics`: every number that an operator was promised, after a run in which everything happened once.

use std::collections::BTreeSet;

use forebay::otlp::Signal;
use forebay::units::Span;

use crate::admin::{flush, metrics, sum, until};
use crate::client::{PROTOBUF, grpc, http, over_http1, over_http2};
use crate::numbers::send_all;
use crate::sent;
use crate::settings::Settings;
use crate::support::program::Program;
use crate::support::s3::{FakeS3, Fault, On};

/// That a histogram has buckets with bounds, and this many observations at least.
fn assert_histogram(metrics: &str, name: &str, observations: f64) {
    let series = format!("{name}_bucket{{");
    let buckets: Vec<_> = metrics.lines().filter(|line| line.starts_with(&series)).collect();
    let bounds: BTreeSet<_> = buckets.iter().filter_map(|line| line.split("le=\"").nth(1)).collect();
    assert!(bounds.len() > 10, "{name}: {buckets:?}");
    assert!(metrics.contains(&format!("# TYPE {name} histogram\n")), "{name}");
    assert!(sum(metrics, &format!("{name}_count"), &[]) >= observations, "{name}");
    assert!(sum(metrics, &format!("{name}_bucket"), &["le=\"+Inf\""]) >= observations, "{name}");
    assert!(sum(metrics, &format!("{name}_sum"), &[]) > 0.0, "{name}");
}

/// That a metric has this value.
fn assert_value(metrics: &str, name: &str, labels: &[&str], expected: u32) {
    let value = sum(metrics, name, labels);
    assert!((value - f64::from(expected)).abs() < 0.5, "{name} {labels:?} is {value}, not {expected}");
}

/// That there is such a metric, with a value above 0.
fn assert_above_zero(metrics: &str, name: &str) {
    assert!(sum(metrics, name, &[]) > 0.0, "{name} is 0");
}

/// What the Collector calls the items of a signal.
fn collectors_name(signal: Signal) -> Option<&'static str> {
    match signal {
        Signal::Logs => Some("log_records"),
        Signal::Metrics => Some("metric_points"),
        Signal::Traces => Some("spans"),
        // It counts the samples in them.
        Signal::Profiles => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_run_every_promised_metric_is_there_and_says_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let store = FakeS3::start().await;
    store.script([(On::Put, Fault::Answer(503, "SlowDown"))]);
    let settings = Settings::small().with_store(&store).with("LOG_DISK_BUDGET", "1GiB");
    let program = Program::start(folder.path(), &settings.environment());
    let mut items = [0; Signal::COUNT];
    for request in sent::all() {
        request.send(program.grpc()).await;
        items[request.captured.signal.index()] += request.captured.items;
    }
    // Nobody was captured sending profiles: here is an empty one.
    over_http2(program.grpc(), grpc(Signal::Profiles, &[0x0a, 4, 0x12, 2, 0x12, 0])).await;
    items[Signal::Profiles.index()] += 1;
    for signal in Signal::ALL {
        over_http1(program.http(), http(signal, PROTOBUF, b"no OTLP")).await;
        over_http2(program.grpc(), grpc(signal, b"no OTLP")).await;
    }

    let waiting = metrics(&program).await;
    assert_value(&waiting, "forebay_queue_segments", &[], 1);
    assert_above_zero(&waiting, "forebay_queue_bytes");
    flush(&program).await;
    let done = metrics(&program).await;
    let objects = u32::try_from(Signal::ALL.len()).unwrap();
    for signal in Signal::ALL {
        let (count, label) = (items[signal.index()], format!("signal=\"{signal}\""));
        let of_signal = [label.as_str()];
        assert_value(&waiting, "forebay_queue_items", &of_signal, count);
        assert_value(&done, "forebay_queue_items", &of_signal, 0);
        assert_value(&done, "forebay_receive_acknowledged_items_total", &of_signal, count);
        assert_value(&done, "forebay_upload_delivered_items_total", &of_signal, count);
        assert_value(&done, "forebay_upload_delivered_objects_total", &of_signal, 1);
        let undecodable = [label.as_str(), "reason=\"undecodable\""];
        assert_value(&done, "forebay_receive_refused_requests_total", &undecodable, 2);
        let full = [label.as_str(), "reason=\"disk_full\""];
        assert_value(&done, "forebay_receive_refused_items_total", &full, 0);
        assert_value(&done, "forebay_upload_dropped_items_total", &of_signal, 0);
        assert_value(&done, "forebay_pack_damaged_objects_total", &of_signal, 0);
        let Some(name) = collectors_name(signal) else { continue };
        assert_value(
            &done,
            &format!("otelcol_receiver_accepted_{name}_total"),
            &["receiver=\"otlp\""],
            count,
        );
        assert_value(&done, &format!("otelcol_receiver_refused_{name}_total"), &["receiver=\"otlp\""], 0);
        assert_value(&done, &format!("otelcol_exporter_sent_{name}_total"), &["exporter="], count);
        assert_value(&done, &format!("otelcol_exporter_send_failed_{name}_total"), &["exporter="], 0);
        assert_value(&done, &format!("otelcol_exporter_enqueue_failed_{name}_total"), &["exporter="], 0);
    }
    let of_profiles = done.lines().find(|line| line.starts_with("otelcol_") && line.contains("profile"));
    assert_eq!(of_profiles, None, "a number that is not the Collector's has none of its names");
    for name in ["forebay_queue_bytes", "forebay_queue_segments", "forebay_queue_objects"] {
        assert_value(&done, name, &[], 0);
    }
    assert_value(&done, "forebay_log_records_lost_total", &[], 0);
    assert_value(&done, "forebay_queue_oldest_age_seconds", &[], 0);
    assert_above_zero(&done, "forebay_disk_used_bytes");
    assert_value(&done, "forebay_disk_budget_bytes", &[], 1 << 30);
    assert_above_zero(&done, "forebay_disk_free_bytes");

    assert_histogram(&done, "forebay_log_commit_seconds", 10.0);
    assert_histogram(&done, "forebay_log_group_exports", 10.0);
    assert_histogram(&done, "forebay_pack_duration_seconds", 1.0);
    assert_histogram(&done, "forebay_upload_seconds", objects.into());
    assert_histogram(&done, "forebay_upload_object_bytes", objects.into());
    assert_histogram(&done, "forebay_receive_request_seconds", 80.0);
    assert_value(&done, "forebay_pack_objects_total", &[], objects);
    assert_above_zero(&done, "forebay_pack_written_bytes_total");
    assert_value(&done, "forebay_upload_attempts_total", &[], objects + 1);
    assert_value(&done, "forebay_upload_errors_total", &["kind=\"throttled\""], 1);
    let last_success = sum(&done, "forebay_upload_last_success_timestamp_seconds", &[]);
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    assert!((now - 600.0..=now).contains(&last_success), "{last_success}");

    assert_value(&done, "otelcol_exporter_queue_size", &["exporter="], 0);
    assert_value(&done, "otelcol_exporter_queue_capacity", &["exporter="], 1 << 30);
    for name in ["otelcol_process_uptime", "otelcol_process_memory_rss", "otelcol_process_cpu_seconds"] {
        assert_above_zero(&done, name);
    }
}

#[tokio::test]
async fn the_oldest_record_that_waits_gets_older_and_its_object_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().with_dead_store().environment());
    send_all(&program, 0..3).await;
    program.client().flush(Span::seconds(0)).await.unwrap();
    until("an object that waits for a second", async || {
        let metrics = metrics(&program).await;
        sum(&metrics, "forebay_queue_objects", &[]) >= 1.0
            && sum(&metrics, "forebay_queue_oldest_age_seconds", &[]) >= 1.0
            && sum(&metrics, "otelcol_exporter_queue_size", &[]) > 0.0
    })
    .await;
    assert_value(&metrics(&program).await, "forebay_queue_items", &["signal=\"logs\""], 3);
}
