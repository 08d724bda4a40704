//! What clients sent is in the bucket: every item once, nothing changed, under the key that the template gives.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::admin::flush;
use crate::bucket::{self, Objects};
use crate::items::{assert_same, items};
use crate::sent;
use crate::settings::Settings;
use crate::support::program::{Program, bucket as bucket_of};

/// Sends everything that was captured in two halves, has each delivered, and compares. Returns what is in the bucket.
async fn delivered(settings: Settings) -> Objects {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &settings.environment());
    let sent = sent::all();
    for (turn, request) in sent.iter().enumerate() {
        // Both addresses take everything.
        request.send(if turn % 2 == 0 { program.grpc() } else { program.http() }).await;
        if turn == sent.len() / 2 {
            flush(&program).await;
        }
    }
    flush(&program).await;
    let objects = bucket::in_folder(&bucket_of(folder.path()));
    let said = program.terminate();
    assert_eq!(said.code, Some(0), "{}", said.stderr);

    let sent: Vec<_> = sent.iter().map(sent::Sent::decoded).collect();
    assert_same(&items(&sent), &items(&bucket::decoded(&objects)));
    assert_eq!(bucket::in_folder(&bucket_of(folder.path())), objects, "nothing comes after all is delivered");
    objects
}

fn settings(format: &str, compression: &str) -> Settings {
    Settings::small().with("OBJECTS_FORMAT", format).with("OBJECTS_COMPRESSION", compression)
}

/// That every key is `prefix`, what strftime makes of `pattern` for a minute since `before`, the signal, a unique part
/// and `ending`, and that there is one object per partition and flush for each of the three signals that were captured.
fn assert_keys(objects: &Objects, before: Timestamp, prefix: &str, pattern: &str, ending: &str) {
    let now = Timestamp::now();
    let minutes = (0..).map(|minutes| before + SignedDuration::from_mins(minutes));
    let times: Vec<_> = minutes.take_while(|time| *time < now).chain([now]).collect();
    let mut partitions = BTreeMap::<String, usize>::new();
    for key in objects.keys() {
        let signal = bucket::signal(key).name();
        let start = |time: &Timestamp| {
            let time = time.to_zoned(TimeZone::UTC).strftime(pattern).to_string();
            format!("{prefix}{}/{signal}_", time.replace("SIGNAL", signal))
        };
        let partition = times.iter().map(start).find(|start| key.starts_with(start));
        let partition = partition.unwrap_or_else(|| panic!("{key} is none of {:?}", times.iter().map(start)));
        let unique = key[partition.len()..].strip_suffix(ending).unwrap_or_else(|| panic!("{key}"));
        assert!(!unique.contains(['/', '=', '.']), "{key}");
        *partitions.entry(partition).or_default() += 1;
    }
    assert!(partitions.len() >= 3 && partitions.values().all(|objects| *objects <= 2));
}

#[tokio::test]
async fn every_captured_item_arrives_once_and_unchanged_as_json_lines() {
    let before = Timestamp::now();
    let objects = delivered(settings("otlp_jsonl", "gzip")).await;
    assert_keys(&objects, before, "", "SIGNAL/date=%Y-%m-%d/hour=%H", ".jsonl.gz");
}

#[tokio::test]
async fn every_captured_item_arrives_once_and_unchanged_as_documents_in_the_collectors_layout() {
    let before = Timestamp::now();
    let key = "year=%Y/month=%m/day=%d/hour=%H/minute=%M/{signal}_{unique}";
    let settings = settings("otlp_json", "zstd").with("OBJECTS_KEY", key).with("OBJECTS_PREFIX", "team/a");
    let objects = delivered(settings).await;
    let pattern = "year=%Y/month=%m/day=%d/hour=%H/minute=%M";
    assert_keys(&objects, before, "team/a/", pattern, ".json.zst");
}

#[tokio::test]
async fn every_captured_item_arrives_once_and_unchanged_as_protobuf() {
    let before = Timestamp::now();
    let objects = delivered(settings("otlp_proto", "none")).await;
    assert_keys(&objects, before, "", "SIGNAL/date=%Y-%m-%d/hour=%H", ".binpb");
}
