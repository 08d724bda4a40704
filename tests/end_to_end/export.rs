//! What forebay tells about itself, as others receive it: another forebay, receivers in any mood, and itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use forebay::otlp::Signal;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, NumberDataPoint, number_data_point};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::admin::{flush, metrics, sum, until};
use crate::bucket;
use crate::decoded::Decoded;
use crate::numbers::send_all;
use crate::settings::Settings;
use crate::support::ports::unused_address;
use crate::support::program::{Program, bucket as bucket_of, data, forebay};
use crate::watcher::{Mood, Watcher};

const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];

/// Exports every second.
fn exporting(to: &str, protocol: &str) -> Settings {
    Settings::small()
        .with("TELEMETRY_EXPORT_ENDPOINT", to)
        .with("TELEMETRY_EXPORT_PROTOCOL", protocol)
        .with("TELEMETRY_EXPORT_INTERVAL", "1s")
        .with("TELEMETRY_LOGS_FORMAT", "json")
}

/// How many requests of a signal had this fate.
async fn requests(program: &Program, signal: &str, became: &str) -> f64 {
    let labels = [format!("signal=\"{signal}\""), format!("became=\"{became}\"")];
    let labels = [labels[0].as_str(), labels[1].as_str()];
    sum(&metrics(program).await, "forebay_telemetry_export_requests_total", &labels)
}

/// Waits until so many more exports of metrics were taken.
async fn more_taken(program: &Program, more: f64) {
    let before = requests(program, "metrics", "taken").await;
    until("an export of metrics", async || requests(program, "metrics", "taken").await >= before + more)
        .await;
}

/// The messages of lines of JSON, without those about the export itself.
fn told(stderr: &str) -> Vec<String> {
    let events = stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let others =
        events.filter(|event| !event["target"].as_str().unwrap().starts_with("forebay::telemetry::export"));
    others.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute.value.as_ref()))).collect()
}

/// The messages of log records, in the order of their times.
fn bodies(exports: &[Decoded]) -> Vec<String> {
    let mut records = Vec::new();
    for export in exports {
        let Decoded::Logs(logs) = export else { continue };
        let scopes = logs.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        let all = scopes.flat_map(|scope| &scope.log_records);
        records.extend(all.map(|record| (record.time_unix_nano, text(record.body.as_ref()))));
    }
    records.sort();
    records.into_iter().map(|(_, body)| body).collect()
}

/// The series of an export as Prometheus names them, with their values.
fn series(export: &ExportMetricsServiceRequest) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    let scopes = export.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    for metric in scopes.flat_map(|scope| &scope.metrics) {
        let name = &metric.name;
        let number = |point: &NumberDataPoint| {
            let value = match point.value.unwrap() {
                number_data_point::Value::AsInt(value) => i32::try_from(value).unwrap().into(),
                number_data_point::Value::AsDouble(value) => value,
            };
            (named(name, &attributes(&point.attributes)), value)
        };
        let cumulative = i32::from(AggregationTemporality::Cumulative);
        match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == cumulative, "{name}");
                assert!(sum.data_points.iter().all(|point| point.start_time_unix_nano > 0), "{name}");
                all.extend(sum.data_points.iter().map(number));
            }
            Data::Gauge(gauge) => all.extend(gauge.data_points.iter().map(number)),
            Data::Histogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality, cumulative, "{name}");
                for point in &histogram.data_points {
                    let labels = attributes(&point.attributes);
                    let count = |count: u64| f64::from(u32::try_from(count).unwrap());
                    all.insert(named(&format!("{name}_sum"), &labels), point.sum.unwrap());
                    all.insert(named(&format!("{name}_count"), &labels), count(point.count));
                    let bounds = point.explicit_bounds.iter().copied().chain([f64::INFINITY]);
                    let mut up_to = 0;
                    for (bound, in_bucket) in bounds.zip(&point.bucket_counts) {
                        up_to += in_bucket;
                        let mut labels = labels.clone();
                        labels.insert("le".to_owned(), bound.to_string());
                        all.insert(named(&format!("{name}_bucket"), &labels), count(up_to));
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    all
}

/// The series of `/metrics`, with their values. No label of this test has a comma in it.
fn scraped(exposition: &str) -> BTreeMap<String, f64> {
    let lines = exposition.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let one = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
        let label = |label: &str| {
            let (name, value) = label.split_once('=').unwrap();
            let value = value.trim_matches('"');
            let bound =
                if name == "le" { value.parse::<f64>().unwrap().to_string() } else { value.to_owned() };
            (name.to_owned(), bound)
        };
        (named(name, &labels.map(label).collect()), value.parse().unwrap())
    };
    lines.map(one).collect()
}

fn named(name: &str, labels: &BTreeMap<String, String>) -> String {
    format!("{name}{labels:?}")
}

/// Whether a number changes although nothing happens.
fn is_restless(series: &str) -> bool {
    ["process", "uptime", "telemetry_export", "free_bytes", "age_seconds"]
        .iter()
        .any(|part| series.contains(part))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_forebay_stores_the_numbers_and_lines_of_one_as_they_are() {
    for protocol in PROTOCOLS {
        let (folder_a, folder_b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let b = Program::start(folder_b.path(), &Settings::small().environment());
        let settings = exporting(&format!("http://{}", b.http()), protocol)
            .with("TELEMETRY_EXPORT_RESOURCE", "deployment.environment.name=test");
        let a = Program::start(folder_a.path(), &settings.environment());
        send_all(&a, 0..10).await;
        flush(&a).await;
        // What was read before that is on its way no longer.
        more_taken(&a, 2.0).await;
        let shown = scraped(&metrics(&a).await);
        more_taken(&a, 2.0).await;
        flush(&b).await;

        let stored = bucket::decoded(&bucket::in_folder(&bucket_of(folder_b.path())));
        let exports: Vec<_> = stored
            .iter()
            .filter_map(|decoded| match decoded {
                Decoded::Metrics(export) => Some(export),
                _ => None,
            })
            .collect();
        let last = exports.iter().max_by_key(|export| format!("{:020}", read_at(export))).unwrap();
        let series = series(last);
        let calm = series.keys().filter(|series| !is_restless(series)).count();
        assert!(calm > 200, "only {calm} series");
        for (name, value) in shown.iter().filter(|(name, _)| !is_restless(name)) {
            assert_eq!(series.get(name), Some(value), "{protocol}: {name}");
        }
        let also: Vec<_> = series.keys().filter(|name| !shown.contains_key(*name)).collect();
        assert!(also.is_empty(), "{also:?}");

        let resource = last.resource_metrics[0].resource.as_ref().unwrap();
        let id = std::fs::read_to_string(data(folder_a.path()).join("writer")).unwrap();
        let resource = attributes(&resource.attributes);
        for (key, value) in [
            ("service.name", "forebay"),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", id.trim()),
            ("deployment.environment.name", "test"),
        ] {
            assert_eq!(resource[key], value);
        }
        assert!(!resource["host.name"].is_empty());

        let said = a.terminate();
        flush(&b).await;
        let stored = bucket::decoded(&bucket::in_folder(&bucket_of(folder_b.path())));
        assert_eq!(bodies(&stored), told(&said.stderr), "{protocol}: to the very last line");
        assert!(told(&said.stderr).iter().any(|message| message == "ended"), "{}", said.stderr);
    }
}

/// When the numbers of an export were read.
fn read_at(export: &ExportMetricsServiceRequest) -> u64 {
    let metrics = &export.resource_metrics[0].scope_metrics[0].metrics;
    metrics
        .iter()
        .find_map(|metric| match &metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.first().map(|point| point.time_unix_nano),
            _ => None,
        })
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_says_whose_it_is_and_carries_the_headers_of_the_settings() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let watcher = Watcher::start(Mood::Takes).await;
        let settings = exporting(&watcher.url, protocol)
            .with("TELEMETRY_EXPORT_HEADERS", "Authorization=Bearer hunter2");
        let program = Program::start(folder.path(), &settings.environment());
        more_taken(&program, 2.0).await;
        let said = program.terminate();
        assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
        let id = std::fs::read_to_string(data(folder.path()).join("writer")).unwrap();
        let taken = watcher.taken();
        for signal in [Signal::Metrics, Signal::Logs] {
            assert!(taken.iter().any(|export| export.decoded.signal() == signal), "{signal}");
        }
        for export in taken {
            assert_eq!(export.is_grpc, protocol == "grpc");
            assert_eq!(export.headers["forebay-instance"], id.trim());
            assert_eq!(export.headers["authorization"], "Bearer hunter2");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_receiver_did_not_take_comes_later_and_a_refusal_is_told_once() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let watcher = Watcher::start(Mood::IsFull).await;
        let program = Program::start(folder.path(), &exporting(&watcher.url, protocol).environment());
        send_all(&program, 0..3).await;
        flush(&program).await;
        until("two attempts", async || watcher.asked() >= 2).await;
        watcher.set_mood(Mood::Takes);
        more_taken(&program, 2.0).await;
        let exports: Vec<_> = watcher.taken().into_iter().map(|export| export.decoded).collect();
        let stderr = program.stderr();
        assert_eq!(bodies(&exports), told(&stderr), "nothing was lost meanwhile");
        let of_export =
            |stderr: &str, words: &str| stderr.lines().filter(|line| line.contains(words)).count();
        assert_eq!(of_export(&stderr, "is not exported; it tries again"), 1, "{stderr}");
        assert_eq!(of_export(&stderr, "what forebay tells about itself is exported"), 1, "{stderr}");

        watcher.set_mood(Mood::Refuses);
        until("a refusal", async || requests(&program, "metrics", "failed").await >= 3.0).await;
        assert_eq!(program.terminate().code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_or_silent_receiver_holds_nothing_up() {
    let silent = Watcher::start(Mood::IsSilent).await;
    for (url, protocol) in [
        (format!("http://{}", unused_address()), "grpc"),
        (silent.url.clone(), "grpc"),
        (silent.url.clone(), "http/protobuf"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path(), &exporting(&url, protocol).environment());
        send_all(&program, 0..10).await;
        flush(&program).await;
        if url == silent.url {
            until("a request", async || silent.asked() > 0).await;
        } else {
            until("a failure", async || requests(&program, "metrics", "failed").await > 0.0).await;
        }
        let began = Instant::now();
        let said = program.terminate();
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert_eq!(said.code, Some(0));
        assert!(said.stderr.contains("not all lines of the log were exported"), "{}", said.stderr);
    }
}

/// Carries bytes to an address, as a load balancer does: what comes out of it has another address than what goes in.
async fn detour_to(address: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(address).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forebay_that_is_led_to_itself_refuses_that_and_ends_the_export() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let address = unused_address();
        let detour = detour_to(address).await;
        let settings =
            exporting(&format!("http://{detour}"), protocol).with("RECEIVE_GRPC", &address.to_string());
        let program = Program::start(folder.path(), &settings.environment());
        let words = "telemetry.export.endpoint leads to this very forebay";
        until("the discovery", async || program.stderr().contains(words)).await;
        let refused = async || {
            sum(
                &metrics(&program).await,
                "forebay_receive_refused_requests_total",
                &["reason=\"own_telemetry\""],
            )
        };
        assert!((refused().await - 1.0).abs() < 0.5);
        // Others are taken in as before.
        send_all(&program, 0..3).await;
        // Three intervals, in which nothing may happen any more.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!((refused().await - 1.0).abs() < 0.5, "{protocol}");
        let said = program.terminate();
        assert_eq!((said.code, said.stderr.matches(words).count()), (Some(0), 1), "{}", said.stderr);
    }
}

#[test]
fn an_endpoint_that_is_a_listener_of_its_own_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let address = unused_address();
    for (key, setting) in [
        ("receive.grpc", "FOREBAY_RECEIVE_GRPC"),
        ("receive.http", "FOREBAY_RECEIVE_HTTP"),
        ("admin.listen", "FOREBAY_ADMIN_LISTEN"),
    ] {
        let endpoint = format!("http://localhost:{}", address.port());
        let environment =
            [(setting, &*address.to_string()), ("FOREBAY_TELEMETRY_EXPORT_ENDPOINT", endpoint.as_str())];
        let said = forebay(folder.path(), &["check"], &environment);
        let sentence = format!(
            "telemetry.export.endpoint is {endpoint}, which is {address} of this forebay itself ({key})"
        );
        assert!(said.stderr.contains(&sentence), "{said:?}");
        assert_eq!(forebay(folder.path(), &[], &environment).code, Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_does_not_grow_though_all_of_it_comes_back() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let relay = Watcher::start(Mood::Takes).await;
        // As talkative as it can be: each second a segment is packed, and said to be.
        let settings = exporting(&relay.url, protocol)
            .with("LOG_SEAL_AFTER", "1s")
            .with("TELEMETRY_LOGS_REPEAT_AFTER", "1s");
        let program = Program::start(folder.path(), &settings.environment());
        relay.pass_on_to(program.grpc());
        until("twelve exports", async || relay.items(Signal::Metrics).len() >= 12).await;
        let stored = sum(&metrics(&program).await, "forebay_receive_acknowledged_items_total", &[]);
        assert!(stored > 1000.0, "all of it came back: {stored}");

        let points = relay.items(Signal::Metrics);
        assert_eq!(points[points.len() - 4..], [points[11]; 4], "{protocol}: {points:?}");
        let lines = relay.items(Signal::Logs);
        let most = lines.iter().skip(1).max().copied().unwrap_or_default();
        assert!(most <= 4, "one line of each kind in a second: {lines:?}");
        // One request of each kind in an interval.
        assert!(lines.len() <= points.len() + 1, "{lines:?}");
        assert_eq!(program.terminate().code, Some(0));
    }
}
