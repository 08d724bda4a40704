//! A data folder that was copied has the same writer id and gives the same segment numbers. Two machines that run on the
//! copies share a bucket, and neither takes the other's objects for its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use forebay::disk::{Budget, Disk, SimulatedDisk};
use forebay::log::{Item, Record, SegmentId};
use forebay::otlp::{Signal, read_json};
use forebay::pack::{BatchId, Options, OutputName, Spool, pack_records};
use forebay::upload::Body;
use forebay::upload::bucket::FolderBucket;

/// Packs and delivers one record, as a machine with this writer id and segment does; returns the object's key.
fn deliver(bucket: &FolderBucket, text: &str) -> String {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
    let (spool, ..) = Spool::open(disk, "/data/spool".into(), Budget::new(1 << 30)).unwrap();
    let json = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{text}"}}}}]}}]}}]}}"#
    );
    let body = Bytes::from(read_json(Signal::Logs, json.as_bytes(), 1 << 20).unwrap());
    let record =
        Record { seq: 1, signal: Signal::Logs, received_at: 1, items: 1, tenant: String::new(), body };
    let read = || Ok::<_, Infallible>([Ok(Item::Record(record.clone()))].into_iter());
    let batch = pack_records(
        &BatchId { segment: SegmentId(1), output: OutputName::main() },
        "0badcafe",
        &Options::default(),
        read,
        &spool,
    )
    .unwrap();
    let object = &batch.objects[0];
    bucket.put_blocking(object, &Body::new(spool.open_object(object).unwrap(), object)).unwrap();
    object.key.clone()
}

#[test]
fn machines_with_the_same_writer_id_do_not_take_each_others_objects_for_their_own() {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
    let bucket = FolderBucket::new(Arc::clone(&disk), "/bucket".into());
    let keys: BTreeSet<String> = ["one machine's", "the other's"].map(|text| deliver(&bucket, text)).into();
    assert_eq!(keys.len(), 2, "the name tells the contents apart: {keys:?}");
    // What both had when the folder was copied is one object.
    assert!(keys.contains(&deliver(&bucket, "the other's")));
    for key in keys {
        assert!(disk.open(format!("/bucket/{key}").as_ref()).is_ok(), "{key}");
    }
}
