//! `forebay load` against the real binary: what it counts is what `/metrics` and the bucket say.

use std::collections::HashSet;

use forebay::otlp::Signal;
use serde_json::Value;

use crate::admin::{flush, metrics, sum};
use crate::bucket;
use crate::decoded::Decoded;
use crate::settings::Settings;
use crate::support::ports::unused_address;
use crate::support::program::{Program, bucket as bucket_of, forebay};

/// The instances of services that a request names.
fn instances(request: &Decoded) -> Vec<String> {
    let resources: Vec<_> = match request {
        Decoded::Logs(request) => request.resource_logs.iter().map(|resource| &resource.resource).collect(),
        Decoded::Metrics(request) => {
            request.resource_metrics.iter().map(|resource| &resource.resource).collect()
        }
        _ => panic!("nothing else is sent"),
    };
    let attributes = resources.into_iter().flatten().flat_map(|resource| &resource.attributes);
    let named = attributes.filter(|attribute| attribute.key == "service.instance.id");
    named.map(|attribute| format!("{:?}", attribute.value)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_what_the_metrics_and_the_bucket_say() {
    const REQUESTS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::small().with("OBJECTS_FORMAT", "otlp_jsonl").with("LOG_SEGMENT_BYTES", "8MiB");
    let program = Program::start(folder.path(), &settings.environment());
    let (pid, requests) = (program.id().to_string(), REQUESTS.to_string());
    let (mut items, mut bytes, mut runs) = (0, 0, 0);
    for (protocol, to) in
        [("grpc", program.grpc()), ("http/protobuf", program.http()), ("http/json", program.http())]
    {
        for (shape, compression) in
            [("logs", "none"), ("claude-code", "zstd"), ("large", "none"), ("small", "gzip")]
        {
            let to = to.to_string();
            #[rustfmt::skip]
            let arguments = [
                "load", "--to", &to, "--protocol", protocol, "--shape", shape, "--compression", compression,
                "--requests", &requests, "--connections", "3", "--pid", &pid, "--format", "json",
            ];
            let said = forebay(folder.path(), &arguments, &[]);
            assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{arguments:?}: {}", said.stdout);
            let report: Value = serde_json::from_str(&said.stdout).unwrap();
            assert_eq!(report["requests"]["acknowledged"], REQUESTS, "{arguments:?}: {report}");
            let memory = |name: &str| report["server"][name].as_u64().unwrap();
            assert!(
                memory("peak_rss_bytes") >= memory("rss_bytes") && memory("rss_bytes") > 1 << 20,
                "{report}"
            );
            assert!(report["client"]["cpu_seconds"].as_f64().unwrap() > 0.0, "{report}");
            items += report["items"].as_u64().unwrap();
            bytes += report["bytes"].as_u64().unwrap();
            runs += 1;
        }
    }
    let metrics = metrics(&program).await;
    let told = |name: &str| sum(&metrics, &format!("forebay_receive_{name}_total"), &[]);
    let whole = |number: f64| format!("{number:.0}");
    assert_eq!(whole(told("acknowledged_requests")), (runs * REQUESTS).to_string());
    assert_eq!(whole(told("acknowledged_items")), items.to_string());
    assert!(bytes > 0);
    assert_eq!((whole(told("resent_requests")), whole(told("resent_items"))), ("0".into(), "0".into()));

    flush(&program).await;
    let stored = bucket::decoded(&bucket::in_folder(&bucket_of(folder.path())));
    assert_eq!(stored.iter().map(Decoded::items).sum::<usize>() as u64, items);
    let instances: Vec<_> = stored.iter().flat_map(instances).collect();
    assert_eq!(instances.len(), runs * REQUESTS);
    assert_eq!(instances.iter().collect::<HashSet<_>>().len(), instances.len(), "each request has its own");
    for signal in [Signal::Logs, Signal::Metrics] {
        assert!(stored.iter().any(|request| request.signal() == signal), "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_to_people_on_a_few_lines() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().environment());
    let (to, pid) = (program.grpc().to_string(), program.id().to_string());
    #[rustfmt::skip]
    let arguments = [
        "load", "--to", &to, "--shape", "small", "--connections", "2", "--in-flight", "8", "--rate", "1000",
        "--duration", "200ms", "--threads", "2", "--pid", &pid,
    ];
    let said = forebay(folder.path(), &arguments, &[]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    let lines: Vec<_> = said.stdout.lines().collect();
    let first = format!("to {to} (grpc): small over 2 connections, 8 at once, 1,000 requests/s");
    assert_eq!(lines[..2], [&first, "requests      200 sent, 200 acknowledged, 0 refused, 0 failed"]);
    let names: Vec<_> = lines[1..].iter().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(names, ["requests", "acknowledged", "a second", "latency", "server", "client"]);
    assert!(lines[2].starts_with("acknowledged  2,000 items, "), "{}", lines[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_counted_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::small()
        .with_dead_store()
        .with("LOG_DISK_BUDGET", "8MiB")
        .with("RECEIVE_MAX_REQUEST_BYTES", "1MiB")
        .with("RECEIVE_HOLD_BEFORE_REFUSING", "0s");
    let program = Program::start(folder.path(), &settings.environment());
    let to = program.grpc().to_string();
    let arguments = ["load", "--to", &to, "--requests", "200", "--connections", "2", "--format", "json"];
    let said = forebay(folder.path(), &arguments, &[]);
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let count = |name: &str| report["requests"][name].as_u64().unwrap();
    assert_eq!((count("sent"), count("failed")), (200, 0), "{report}");
    assert!(count("acknowledged") > 0 && count("refused") > 0, "{report}");
    assert_eq!(count("acknowledged") + count("refused"), 200, "{report}");
    let why = report["first_refusal"].as_str().unwrap();
    assert!(why.starts_with("Unavailable: ") && why.contains("disk budget is used up"), "{why}");
    let metrics = metrics(&program).await;
    let told = |name: &str| sum(&metrics, &format!("forebay_receive_{name}_requests_total"), &[]);
    assert_eq!(format!("{:.0}", told("acknowledged")), count("acknowledged").to_string());
    assert_eq!(format!("{:.0}", told("refused")), count("refused").to_string());
}

#[test]
fn what_stands_in_the_way_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = unused_address().to_string();
    for (arguments, words) in [
        (
            vec![],
            format!(
                "nothing listens on {nobody}: is the receiver running? a forebay is started with `forebay`"
            ),
        ),
        (vec!["--connections", "0"], "--connections is 0; it must be 1 to 10000".to_owned()),
    ] {
        let said = forebay(folder.path(), &[vec!["load", "--to", &nobody], arguments].concat(), &[]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
        assert_eq!(said.stderr, format!("forebay: {words}\n"));
    }
    let said = forebay(folder.path(), &["load"], &[]);
    assert_eq!(said.code, Some(2), "it is never assumed where to: {}", said.stderr);
    assert!(!folder.path().join("forebay-data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_not_there_has_no_figures() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().environment());
    let to = program.grpc().to_string();
    // Above the highest number that Linux gives a process (2^22).
    let said = forebay(folder.path(), &["load", "--to", &to, "--pid", "8388608"], &[]);
    assert_eq!(said.code, Some(1));
    assert_eq!(said.stderr, "forebay: there is no process 8388608 (--pid) on this machine\n");
    let metrics = metrics(&program).await;
    let sent = sum(&metrics, "forebay_receive_acknowledged_requests_total", &[]);
    assert_eq!(format!("{sent:.0}"), "0", "nothing was sent: {metrics}");
}
