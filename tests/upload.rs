//! Delivery against a store that plays every fault a store has been seen with. After each: every object is in the bucket
//! exactly once and to the byte, no key was written twice, and the spool is empty.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay::catalog::{Catalog, State};
use forebay::disk::{Disk, RealDisk};
use forebay::pack::{Batch, Spool};
use forebay::units::{ByteSize, Span};
use forebay::upload::{
    Checksum, Environment, MultipartOptions, Options, RetryOptions, S3Options, Uploader, bucket,
};
use support::checksums;
use support::s3::{BUCKET, FakeS3, Fault, On};
use support::spool::DataFolder;

/// Longer than any of these tests takes; a test that waits as long as that has failed.
const FAILED: Duration = Duration::from_mins(1);

/// A data folder and a store, and what the store must have in the end.
struct Scene {
    data: DataFolder,
    store: FakeS3,
    options: Options,
    environment: Environment,
    expected: BTreeMap<String, Bytes>,
}

/// One life of the process.
struct Life {
    spool: Arc<Spool>,
    catalog: Arc<Catalog>,
    uploader: Uploader,
}

impl Scene {
    async fn new() -> Self {
        let store = FakeS3::start().await;
        let options = Options {
            to: format!("s3://{BUCKET}/in"),
            retry: RetryOptions { first_wait: milliseconds(1), longest_wait: milliseconds(20) },
            attempt_timeout: Span::seconds(20),
            multipart: MultipartOptions { threshold: ByteSize::mib(6), part_bytes: ByteSize::mib(5) },
            s3: S3Options {
                endpoint: Some(store.endpoint()),
                allow_http: true,
                access_key_id: Some("AKIATEST".into()),
                secret_access_key: Some("hunter2".into()),
                ..S3Options::default()
            },
            ..Options::default()
        };
        let environment = Environment::default();
        Self { data: DataFolder::new(), store, options, environment, expected: BTreeMap::new() }
    }

    /// Starts the process on what the data folder has.
    fn live(&mut self) -> Life {
        self.live_after(|| {})
    }

    /// Starts the process, and does `mischief` after its spool was opened.
    fn live_after(&mut self, mischief: impl FnOnce()) -> Life {
        let (spool, batches) = self.data.open();
        self.expect(&batches);
        mischief();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let bucket = bucket::open(&self.options, &self.environment, &disk).unwrap();
        let catalog = Arc::new(Catalog::open(&self.data.catalog_folder()));
        let uploader =
            Uploader::start(&self.options, bucket, Arc::clone(&spool), Arc::clone(&catalog), batches);
        Life { spool, catalog, uploader }
    }

    /// Packs segments before the process starts.
    fn spool(&mut self, segments: std::ops::Range<u64>) {
        let (spool, _) = self.data.open();
        for segment in segments {
            self.data.pack(&spool, segment);
        }
    }

    fn spool_large(&mut self, segment: u64, bytes: usize) {
        let (spool, _) = self.data.open();
        self.data.pack_large(&spool, segment, bytes);
    }

    fn expect(&mut self, batches: &[Batch]) {
        let contents = self.data.contents(batches);
        self.expected.extend(contents.into_iter().map(|(key, bytes)| (format!("in/{key}"), bytes)));
    }

    /// Every object exactly once and to the byte, and nothing left.
    fn check(&self) {
        let stored = self.store.objects();
        let keys: Vec<_> = stored.keys().collect();
        assert_eq!(keys, self.expected.keys().collect::<Vec<_>>());
        for (key, object) in &stored {
            assert_eq!(object.bytes, self.expected[key], "{key}");
            assert_eq!(object.writes, 1, "{key} was written again");
        }
        assert_eq!(self.data.spooled_files(), Vec::<String>::new());
        assert_eq!(self.store.unused_faults(), 0, "the script was not played to its end");
    }

    /// Delivers `segments` segments while the store plays `faults`.
    async fn deliver_through(faults: impl IntoIterator<Item = (On, Fault)>) -> Self {
        let mut scene = Self::new().await;
        scene.spool(1..4);
        scene.store.script(faults);
        let life = scene.live();
        life.finish().await;
        scene.check();
        scene
    }
}

impl Life {
    /// Waits until all is delivered, and ends the process.
    async fn finish(self) {
        let drained = tokio::time::timeout(FAILED, self.uploader.drained()).await;
        assert!(drained.is_ok(), "not delivered: {:#?}", self.uploader.status());
        self.end().await;
    }

    /// Ends the process as it is.
    async fn end(self) {
        self.uploader.stop(Duration::ZERO).await;
        drop(self.spool);
        // Closing the ledger blocks.
        tokio::task::spawn_blocking(move || drop(self.catalog)).await.unwrap();
    }

    /// Waits until this holds, without counting on time.
    async fn until(&self, what: &str, mut holds: impl FnMut(&Uploader) -> bool) {
        let waited = tokio::time::timeout(FAILED, async {
            while !holds(&self.uploader) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        assert!(waited.await.is_ok(), "{what}: {:#?}", self.uploader.status());
    }
}

const fn milliseconds(count: u64) -> Span {
    Span(Duration::from_millis(count))
}

fn times(count: usize, on: On, fault: Fault) -> impl Iterator<Item = (On, Fault)> {
    std::iter::repeat_n((on, fault), count)
}

#[tokio::test]
async fn objects_arrive_with_their_headers_and_by_creation_only() {
    let mut scene = Scene::new().await;
    scene.options.s3.storage_class = Some("STANDARD_IA".into());
    scene.options.s3.acl = Some("bucket-owner-full-control".into());
    scene.options.s3.kms_key_id = Some("key-1".into());
    scene.options.s3.server_side_encryption = Some(forebay::upload::Encryption::Kms);
    scene.spool(1..3);
    scene.live().finish().await;
    scene.check();
    for (key, object) in scene.store.objects() {
        let header = |name: &str| object.headers.get(name).map(|value| value.to_str().unwrap().to_string());
        assert_eq!(header("content-type").as_deref(), Some("application/x-protobuf"), "{key}");
        assert_eq!(header("content-encoding"), None);
        assert_eq!(header("if-none-match").as_deref(), Some("*"));
        assert_eq!(header("x-amz-storage-class").as_deref(), Some("STANDARD_IA"));
        assert_eq!(header("x-amz-acl").as_deref(), Some("bucket-owner-full-control"));
        assert_eq!(header("x-amz-server-side-encryption").as_deref(), Some("aws:kms"));
        assert_eq!(header("x-amz-server-side-encryption-aws-kms-key-id").as_deref(), Some("key-1"));
        let agent = header("user-agent").unwrap();
        assert_eq!(agent, concat!("forebay/", env!("CARGO_PKG_VERSION")));
    }
    assert!(scene.store.seen().iter().all(|seen| seen.on == Some(On::Put)), "nothing but PutObject");
}

#[tokio::test]
async fn every_body_is_sent_with_a_checksum_whether_the_signature_covers_it_or_not() {
    for environment in [Environment::default(), Environment::from([("AWS_UNSIGNED_PAYLOAD", "true")])] {
        for checksum in [None, Some(Checksum::Sha256), Some(Checksum::Crc64nvme)] {
            let mut scene = Scene::new().await;
            scene.environment = environment.clone();
            scene.options.s3.checksum = checksum;
            scene.spool(1..2);
            scene.spool_large(2, 6 << 20 | 1);
            scene.live().finish().await;
            scene.check();
            for seen in scene.store.seen() {
                let has_body = matches!(seen.on, Some(On::Put | On::Part));
                assert!(
                    !has_body || checksums::are_said(&seen.headers),
                    "{environment:?} {checksum:?}: {seen:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_failure_of_the_store_is_tried_again_until_it_works() {
    for (status, code) in [
        (500, "InternalError"),
        (503, "SlowDown"),
        (503, "ServiceUnavailable"),
        (429, "TooManyRequests"),
        (502, "BadGateway"),
        (403, "AccessDenied"),
        (401, "Unauthorized"),
        (400, "ExpiredToken"),
        (404, "NoSuchBucket"),
        (301, "PermanentRedirect"),
        (400, "RequestTimeout"),
    ] {
        Scene::deliver_through(times(5, On::Put, Fault::Answer(status, code))).await;
    }
}

#[tokio::test]
async fn a_409_is_no_delivery_and_the_object_is_really_put() {
    let scene =
        Scene::deliver_through(times(3, On::Put, Fault::Answer(409, "ConditionalRequestConflict"))).await;
    assert_eq!(scene.store.count(On::Put), 9 + 3, "each conflict was followed by another put");
}

#[tokio::test]
async fn an_answer_that_was_lost_after_the_put_took_effect_makes_no_second_object() {
    let scene = Scene::deliver_through(times(4, On::Put, Fault::LoseAnswer)).await;
    assert_eq!(scene.store.count(On::Put), 9 + 4);
    Scene::deliver_through(times(3, On::Put, Fault::LieAfterEffect(500, "InternalError"))).await;
    Scene::deliver_through(times(3, On::Put, Fault::LieAfterEffect(503, "SlowDown"))).await;
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_put_is_made_anew() {
    Scene::deliver_through(times(5, On::Put, Fault::Reset)).await;
}

#[tokio::test]
async fn a_store_that_never_answers_is_given_up_and_tried_again() {
    let mut scene = Scene::new().await;
    scene.options.attempt_timeout = milliseconds(500);
    scene.spool(1..4);
    scene.store.script(times(2, On::Put, Fault::BlackHole));
    scene.live().finish().await;
    scene.check();
}

#[tokio::test]
async fn a_slow_store_is_waited_for() {
    let slow = Fault::Slow(Duration::from_millis(200));
    let scene = Scene::deliver_through(times(9, On::Put, slow)).await;
    assert_eq!(scene.store.count(On::Put), 9, "no put was repeated");
    assert!(scene.store.most_under_way() <= 4, "upload.concurrency");
}

#[tokio::test]
async fn a_store_that_is_not_there_yet_is_waited_for() {
    let mut scene = Scene::new().await;
    scene.spool(1..3);
    // A port that nobody listens on: bound, and let go of.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = scene.options.s3.endpoint.replace(format!("http://{free}"));
    let life = scene.live();
    life.until("a refused connection", |uploader| {
        uploader.status().failing.is_some_and(|failing| failing.kind == "connect" && failing.failures > 3)
    })
    .await;
    life.end().await;
    scene.options.s3.endpoint = Some("http://forebay.invalid".into());
    let life = scene.live();
    life.until("an unknown host", |uploader| {
        uploader.status().failing.is_some_and(|failing| failing.kind == "dns")
    })
    .await;
    life.end().await;
    scene.options.s3.endpoint = endpoint.as_ref().map(|endpoint| endpoint.replace("http://", "https://"));
    let life = scene.live();
    life.until("a store that speaks no TLS", |uploader| {
        uploader.status().failing.is_some_and(|failing| failing.kind == "tls")
    })
    .await;
    life.end().await;
    scene.options.s3.endpoint = endpoint;
    scene.live().finish().await;
    scene.check();
}

#[tokio::test]
async fn an_outage_shows_in_the_status_and_is_probed_by_one_put_at_a_time() {
    let mut scene = Scene::new().await;
    scene.spool(1..10);
    scene.store.poison("in/", Fault::Answer(403, "AccessDenied"));
    let life = scene.live();
    life.until("failures", |uploader| uploader.status().failing.is_some_and(|failing| failing.failures > 10))
        .await;
    let status = life.uploader.status();
    let failing = status.failing.unwrap();
    assert_eq!((failing.kind, status.queued_batches, status.queued_objects), ("denied", 9, 27));
    assert_eq!(failing.error, "403 Forbidden (AccessDenied): the fake says AccessDenied");
    assert!(failing.since <= failing.at && status.last_success_at.is_none());
    assert_eq!(status.queued_items, [9, 9, 9]);
    assert!(!format!("{failing:?}").contains("hunter2"));
    let retrying = life.catalog.retrying();
    assert!(retrying.iter().any(|entry| entry.attempts > 0 && entry.last_error.is_some()));
    scene.store.heal();
    life.uploader.nudge();
    life.finish().await;
    scene.check();
}

#[tokio::test]
async fn a_poisoned_object_does_not_hold_up_the_others() {
    let mut scene = Scene::new().await;
    scene.spool(1..5);
    scene.store.poison("-00000001-", Fault::Answer(400, "InvalidArgument"));
    let life = scene.live();
    life.until("all but one segment", |uploader| uploader.status().queued_batches == 1).await;
    assert_eq!(scene.store.objects().len(), 9);
    scene.store.heal();
    life.finish().await;
    scene.check();
}

#[tokio::test]
async fn what_comes_while_it_runs_is_delivered_too() {
    let mut scene = Scene::new().await;
    let life = scene.live();
    tokio::time::timeout(FAILED, life.uploader.drained()).await.unwrap();
    for segment in 1..6 {
        let batch = scene.data.pack(&life.spool, segment);
        scene.expect(std::slice::from_ref(&batch));
        life.uploader.add(batch);
    }
    life.finish().await;
    scene.check();
}

#[tokio::test]
async fn a_deleted_or_damaged_ledger_makes_no_second_object() {
    for damage in ["deleted", "garbage", "a file in its place"] {
        let mut scene = Scene::new().await;
        scene.spool(1..4);
        // The first segment's objects take effect, but the process never hears of it.
        scene.store.poison("-00000001-", Fault::LoseAnswer);
        scene.store.poison("-00000003-", Fault::Answer(503, "SlowDown"));
        let life = scene.live();
        life.until("the second segment", |uploader| uploader.status().queued_batches <= 2).await;
        let first = |store: &FakeS3| store.objects().keys().filter(|key| key.contains("-00000001-")).count();
        life.until("the first segment's objects", |_| first(&scene.store) == 3).await;
        life.end().await;
        let folder = scene.data.catalog_folder();
        match damage {
            "garbage" => std::fs::write(folder.join("db"), vec![0xAB; 70_000]).unwrap(),
            "deleted" => std::fs::remove_dir_all(&folder).unwrap(),
            _ => {
                std::fs::remove_dir_all(&folder).unwrap();
                std::fs::write(&folder, b"no folder").unwrap();
            }
        }
        scene.store.heal();
        let life = scene.live();
        assert!(!life.uploader.status().ledger_degraded, "{damage}");
        life.finish().await;
        scene.check();
    }
}

#[tokio::test]
async fn an_object_that_the_ledger_knows_to_be_delivered_is_not_put_again() {
    let mut scene = Scene::new().await;
    scene.spool(1..3);
    let kept = tempfile::tempdir().unwrap();
    for name in scene.data.spooled_files() {
        std::fs::copy(scene.data.spool_folder().join(&name), kept.path().join(&name)).unwrap();
    }
    scene.live().finish().await;
    // As if the process had ended between the ledger's entry and the removal.
    for entry in std::fs::read_dir(kept.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), scene.data.spool_folder().join(entry.file_name())).unwrap();
    }
    scene.live().finish().await;
    scene.check();
    assert_eq!(scene.store.count(On::Put), 6);
    let catalog = Catalog::open(&scene.data.catalog_folder());
    let last = catalog.last_delivered(4);
    assert_eq!(last.len(), 4);
    assert!(last.iter().all(|entry| entry.state == State::Delivered && entry.etag.is_some()));
}

#[tokio::test]
async fn a_damaged_spool_file_is_set_aside_and_never_put() {
    let mut scene = Scene::new().await;
    scene.spool(1..3);
    let (spool, batches) = scene.data.open();
    drop(spool);
    let damaged = &batches[0].objects[1];
    let path = scene.data.spool_folder().join(&damaged.file);
    let life = {
        let (key, length) = (format!("in/{}", damaged.key), damaged.bytes);
        let life =
            scene.live_after(|| std::fs::write(&path, vec![b'x'; usize::try_from(length).unwrap()]).unwrap());
        scene.expected.remove(&key);
        life
    };
    life.finish().await;
    let stored = scene.store.objects();
    assert_eq!(stored.keys().collect::<Vec<_>>(), scene.expected.keys().collect::<Vec<_>>());
    let left = scene.data.spooled_files();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].ends_with(".damaged"), "{left:?}");
}

#[tokio::test]
async fn a_full_disk_drops_the_oldest_batch_and_counts_it() {
    let mut scene = Scene::new().await;
    scene.spool(1..4);
    scene.store.poison("in/", Fault::Answer(503, "SlowDown"));
    let life = scene.live();
    let mut dropped = None;
    life.until("a batch of which nothing is under way", |uploader| {
        dropped = dropped.or_else(|| uploader.drop_oldest());
        dropped.is_some()
    })
    .await;
    let dropped = dropped.unwrap();
    assert_eq!((dropped.objects, dropped.items, dropped.total_items()), (3, [1, 1, 1], 3));
    scene.store.heal();
    let first = |key: &String| !key.contains("-00000001-");
    life.finish().await;
    scene.expected.retain(|key, _| first(key));
    if scene.store.objects().keys().all(first) {
        scene.check();
    } else {
        assert_eq!(scene.store.objects().len(), 6, "another batch was the oldest that could be dropped");
    }
}

const LARGE: usize = 12 << 20;

#[tokio::test]
async fn a_large_object_goes_in_parts_and_by_creation_only() {
    let mut scene = Scene::new().await;
    scene.spool_large(1, LARGE);
    scene.live().finish().await;
    scene.check();
    assert_eq!((scene.store.count(On::Part), scene.store.count(On::Complete)), (3, 1));
    let seen = scene.store.seen();
    let complete = seen.iter().find(|seen| seen.on == Some(On::Complete)).unwrap();
    assert_eq!(complete.headers.get("if-none-match").unwrap(), "*");
    assert_eq!(scene.store.open_uploads(), 0);
}

#[tokio::test]
async fn a_large_object_goes_on_after_a_restart_where_it_was() {
    let mut scene = Scene::new().await;
    scene.spool_large(1, LARGE);
    scene.store.script([(On::Part, Fault::Slow(Duration::ZERO))]);
    scene.store.script(times(1000, On::Part, Fault::Answer(503, "SlowDown")));
    let life = scene.live();
    life.until("a failed part", |uploader| uploader.status().failing.is_some()).await;
    life.end().await;
    scene.store.heal();
    let before = scene.store.count(On::Part);
    scene.live().finish().await;
    scene.check();
    assert_eq!(scene.store.count(On::Begin), 1, "the same upload");
    assert_eq!(scene.store.count(On::Part) - before, 2, "the first part was not sent again");
}

#[tokio::test]
async fn every_trouble_of_a_multipart_upload_ends_with_one_object() {
    for faults in [
        vec![(On::Begin, Fault::Answer(503, "SlowDown")), (On::Begin, Fault::LoseAnswer)],
        vec![(On::Part, Fault::Reset), (On::Part, Fault::LoseAnswer)],
        vec![(On::Part, Fault::Answer(404, "NoSuchUpload"))],
        vec![(On::Complete, Fault::LoseAnswer)],
        vec![(On::Complete, Fault::LieAfterEffect(404, "NoSuchUpload"))],
        vec![(On::Complete, Fault::LieAfterEffect(500, "InternalError"))],
        vec![(On::Complete, Fault::ErrorInBody)],
        vec![(On::Complete, Fault::Answer(409, "ConditionalRequestConflict"))],
        vec![(On::Complete, Fault::Answer(400, "InvalidPart"))],
        vec![(On::Complete, Fault::Answer(404, "NoSuchBucket"))],
    ] {
        for may_read in [false, true] {
            let mut scene = Scene::new().await;
            if may_read {
                scene.store.allow_reading();
            }
            scene.spool_large(1, 6 << 20 | 1);
            scene.store.script(faults.clone());
            scene.live().finish().await;
            scene.check();
            let asked = scene.store.seen().into_iter().filter(|seen| seen.on.is_none());
            for seen in asked {
                assert!(seen.method == http::Method::HEAD, "{seen:?} for {faults:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_upload_in_parts_that_is_of_no_use_any_more_is_aborted_for_certain() {
    let slow = Fault::Slow(Duration::ZERO);
    for wasted in [
        // The second part: the store has the first one.
        vec![(On::Part, slow), (On::Part, Fault::Answer(400, "InvalidPart"))],
        vec![(On::Part, slow), (On::Part, Fault::Answer(409, "OperationAborted"))],
        vec![(On::Part, slow), (On::Part, Fault::Answer(404, "NoSuchUpload"))],
        vec![(On::Complete, Fault::Answer(409, "ConditionalRequestConflict"))],
        vec![(On::Complete, Fault::Answer(404, "NoSuchUpload"))],
        // The object is there, and so are the parts of a second upload that was to bring it; the first one is gone.
        vec![(On::Complete, Fault::LoseAnswer), (On::Abort, slow)],
    ] {
        for abort in [slow, Fault::Answer(503, "SlowDown"), Fault::LoseAnswer] {
            let mut scene = Scene::new().await;
            scene.spool_large(1, 6 << 20 | 1);
            scene.store.script(wasted.clone());
            scene.store.script([(On::Abort, abort)]);
            scene.live().finish().await;
            scene.check();
            assert_eq!(scene.store.open_uploads(), 0, "{wasted:?}, {abort:?}");
            let sent = scene.store.count(On::Part);
            assert!(sent <= 5, "{wasted:?}, {abort:?}: {sent} parts were sent for an object of two");
        }
    }
}

#[tokio::test]
async fn an_upload_in_parts_that_may_not_be_aborted_holds_nothing_up() {
    let mut scene = Scene::new().await;
    scene.spool_large(1, 6 << 20 | 1);
    scene.store.script([(On::Complete, Fault::LoseAnswer)]);
    scene.store.script(times(2, On::Abort, Fault::Answer(403, "AccessDenied")));
    scene.live().finish().await;
    scene.check();
}

#[tokio::test]
async fn an_upload_that_the_store_cleaned_up_begins_anew() {
    let mut scene = Scene::new().await;
    scene.spool_large(1, LARGE);
    scene.store.script(times(1000, On::Complete, Fault::Answer(503, "SlowDown")));
    let life = scene.live();
    life.until("a failed completion", |uploader| uploader.status().failing.is_some()).await;
    life.end().await;
    scene.store.heal();
    scene.store.forget_uploads();
    scene.live().finish().await;
    scene.check();
    assert_eq!(scene.store.count(On::Begin), 2);
}

#[tokio::test]
async fn a_store_without_conditional_puts_is_named_and_works_with_the_switch() {
    let mut scene = Scene::new().await;
    scene.spool(1..2);
    scene.store.poison("in/", Fault::Answer(501, "NotImplemented"));
    let life = scene.live();
    life.until("what to do", |uploader| {
        let failing = uploader.status().failing;
        failing.is_some_and(|failing| failing.error.contains("upload.create_only to false"))
    })
    .await;
    life.end().await;
    scene.store.heal();
    scene.options.create_only = false;
    scene.live().finish().await;
    scene.check();
    let last = scene.store.seen().pop().unwrap();
    assert!(!last.headers.contains_key("if-none-match"));
}

#[tokio::test]
async fn a_stop_waits_for_the_puts_under_way() {
    let mut scene = Scene::new().await;
    scene.spool(1..2);
    scene.store.script(times(3, On::Put, Fault::Slow(Duration::from_millis(100))));
    let life = scene.live();
    life.until("puts under way", |_| scene.store.count(On::Put) == 3).await;
    let status = life.uploader.stop(FAILED).await;
    assert_eq!((status.queued_objects, status.in_flight), (0, 0));
    scene.check();
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_named() {
    let mut scene = Scene::new().await;
    scene.spool(1..2);
    let service = FakeS3::start().await;
    scene.options.s3.role_arn = Some("arn:aws:iam::1:role/r".into());
    scene.options.s3.sts_endpoint = Some(service.endpoint());
    let life = scene.live();
    life.until("a failure", |uploader| uploader.status().failing.is_some()).await;
    let failing = life.uploader.status().failing.unwrap();
    assert_eq!(failing.kind, "denied");
    assert!(failing.error.starts_with("cannot assume the role arn:aws:iam::1:role/r: 403"), "{failing:?}");
    life.end().await;
    scene.options.s3.role_arn = None;
    scene.live().finish().await;
    scene.check();
}
