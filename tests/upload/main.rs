//! Delivery against a store that plays every fault a store has been seen with. After each: every object is in the bucket
//! exactly once and to the byte, no key was written twice, and the spool is empty.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod buckets;
mod hours;
mod labels;
mod parts;
mod receipts;
mod scene;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use forebay::catalog::{Catalog, State};
use forebay::upload::{Checksum, Environment};
use support::checksums;
use support::s3::{FakeS3, Fault, On};

use scene::{FAILED, Scene, milliseconds, times};

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
    let free = support::ports::unused_address();
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
    assert_eq!(status.queued_items, [9, 9, 9, 0]);
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
    assert_eq!((dropped.objects, dropped.items, dropped.total_items()), (3, [1, 1, 1, 0], 3));
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
