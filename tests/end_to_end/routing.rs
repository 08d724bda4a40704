//! One request for several prefixes and buckets, over kills of the program and a bucket that does not exist.

use std::collections::BTreeMap;
use std::fs;

use forebay::otlp::Signal;
use forebay::units::Span;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use crate::admin::{flush, metrics, sum};
use crate::bucket;
use crate::client::{PROTOBUF, http, over_http1};
use crate::numbers::{assert_each_once, found};
use crate::settings::Settings;
use crate::support::program::{Program, forebay};
use crate::support::s3::{FakeS3, Fault};

/// As the Collector's `resource_attrs_to_s3` does it, with `s3_base_prefix: base` and `s3_prefix: claude-code`.
const YAML: &str = "
objects:
  format: otlp_jsonl
  prefix: 'base/{resource.com.awss3.prefix|path:-claude-code}'
  key: collector
  bucket: '{resource.com.awss3.bucket}'
";

/// The prefix and the bucket that a resource asks for, and where its records then are.
const RESOURCES: [(Option<&str>, Option<&str>, &str); 5] = [
    (Some("org/team-a"), Some("lake-a"), "lake-a:base/org/team-a/"),
    (Some("/org//team-a/"), None, "base/org/team-a/"),
    (None, Some("lake-b"), "lake-b:base/claude-code/"),
    (None, Some("Not A Bucket"), "base/claude-code/"),
    (Some("../../x"), Some("lake-a"), "lake-a:base/x/"),
];

/// Sends one request with a log record of each resource: `first`, and the numbers that follow it.
async fn send(program: &Program, first: i64) {
    let value = |value| Some(AnyValue { value: Some(value) });
    let resource = |((prefix, bucket, _), number): (&(Option<&str>, Option<&str>, &str), i64)| {
        let named = [("com.awss3.prefix", prefix), ("com.awss3.bucket", bucket)];
        let attributes = named.iter().filter_map(|(key, text)| {
            let value = value(Value::StringValue((*text.as_ref()?).to_owned()));
            Some(KeyValue { key: (*key).to_owned(), value, ..KeyValue::default() })
        });
        let record = LogRecord { body: value(Value::IntValue(number)), ..LogRecord::default() };
        ResourceLogs {
            resource: Some(Resource { attributes: attributes.collect(), ..Resource::default() }),
            scope_logs: vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }
    };
    let request =
        ExportLogsServiceRequest { resource_logs: RESOURCES.iter().zip(first..).map(resource).collect() };
    let answer = over_http1(program.http(), http(Signal::Logs, PROTOBUF, &request.encode_to_vec())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// The numbers under each bucket and prefix, each of which is there once.
fn numbers(store: &FakeS3) -> BTreeMap<String, Vec<i64>> {
    let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (key, object) in bucket::in_store(store) {
        let (prefix, _) = key.split_once("year=").unwrap();
        let said = bucket::decoded(&[(key.clone(), object)].into());
        numbers.entry(prefix.to_owned()).or_default().extend(found(&said).into_keys());
    }
    for numbers in numbers.values_mut() {
        numbers.sort_unstable();
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn the_resources_of_one_request_go_to_their_prefixes_and_buckets_once_whatever_happens() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("forebay.yaml"), YAML).unwrap();
    let store = FakeS3::start().await;
    store.poison("lake-b:", Fault::Answer(404, "NoSuchBucket"));
    let settings = Settings::small().with_store(&store).with("UPLOAD_FINISH_WITHIN", "0s");

    // A life that ends with answers lost, some of it in the spool, and some in the log.
    store.poison("team-a", Fault::LoseAnswer);
    let program = Program::start(folder.path(), &settings.environment());
    for request in 0..4 {
        send(&program, request * 5).await;
    }
    assert!(!program.client().flush(Span::seconds(1)).await.unwrap().complete);
    send(&program, 20).await;
    program.kill();

    store.heal();
    store.poison("lake-b:", Fault::Answer(404, "NoSuchBucket"));
    let program = Program::start(folder.path(), &settings.environment());
    send(&program, 25).await;
    assert!(!program.client().flush(Span::seconds(2)).await.unwrap().complete);
    let status = program.client().status().await.unwrap();
    let [waiting] = &status.outputs[0].buckets[..] else { panic!("{status:?}") };
    assert_eq!(waiting.name, "lake-b");
    assert!(waiting.failing_since.is_some() && waiting.objects >= 2, "{waiting:?}");
    let said = forebay(folder.path(), &["status"], &[("FOREBAY_ADMIN_LISTEN", &program.admin().to_string())]);
    assert!(said.stdout.contains("  bucket         lake-b: "), "{said:?}");
    assert!(said.stdout.contains("; NOT delivering, for "), "{said:?}");
    let told = metrics(&program).await;
    let labels = ["output=\"main\"", "signal=\"logs\"", "reason=\"invalid\""];
    assert!(sum(&told, "forebay_misrouted_items_total", &labels) >= 1.0, "{told}");
    let without_b = numbers(&store);
    assert!(!without_b.contains_key("lake-b:base/claude-code/"));

    // Somebody creates the bucket.
    store.heal();
    flush(&program).await;
    assert_eq!(program.terminate().code, Some(0));
    let mut expected: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for number in 0..30 {
        let (_, _, place) = RESOURCES[usize::try_from(number % 5).unwrap()];
        expected.entry(place.to_owned()).or_default().push(number);
    }
    assert_eq!(numbers(&store), expected);
    for (place, numbers) in &without_b {
        assert_eq!(numbers, &expected[place], "{place} did not wait for lake-b");
    }
    assert_each_once(0..30, &bucket::decoded(&bucket::in_store(&store)));
}
