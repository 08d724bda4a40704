//! Objects that name buckets, some of which are in trouble.

use serde_json::Value;

use crate::scene::{Life, Scene};
use crate::support::s3::{Fault, On};

/// The error with which a bucket fails, if it does.
fn failing(life: &Life, bucket: &str) -> Option<(&'static str, u64)> {
    let status = life.uploader.status();
    let bucket = status.buckets.into_iter().find(|of| of.name == bucket)?;
    Some((bucket.failing?.kind, bucket.queued_objects))
}

#[tokio::test]
async fn every_object_goes_into_its_bucket_by_creation_only() {
    let mut scene = Scene::new().await;
    for segment in 1..4 {
        scene.spool_for(segment, &["", "acme", "blue", "acme"]);
    }
    scene.live().finish().await;
    scene.check();
    let keys: Vec<_> = scene.expected.keys().map(|key| key.split('/').next().unwrap()).collect();
    assert_eq!(keys, [["in"; 3], ["lake-acme:in"; 3], ["lake-blue:in"; 3]].concat());
    for (key, object) in scene.store.objects() {
        assert_eq!(object.headers["if-none-match"], "*", "{key}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_missing_or_forbidden_holds_up_no_other() {
    for (fault, kind) in [
        (Fault::Answer(404, "NoSuchBucket"), "missing_bucket"),
        (Fault::Answer(403, "AccessDenied"), "denied"),
        (Fault::Answer(400, "InvalidBucketName"), "request"),
    ] {
        let mut scene = Scene::new().await;
        scene.options.concurrency = 1;
        scene.store.poison("lake-gone:", fault);
        for segment in 1..6 {
            scene.spool_for(segment, &["gone", "", "acme"]);
        }
        let life = scene.live();
        life.until("all that can be delivered", |uploader| uploader.status().queued_objects == 5).await;
        life.until("tried again and again", |_| scene.store.count(On::Put) > 20).await;
        assert_eq!(scene.store.object_count(), 10);
        assert_eq!(failing(&life, "lake-gone"), Some((kind, 5)));
        assert_eq!(failing(&life, "lake-acme"), None);
        let said = life.uploader.status().failing.unwrap().error;
        assert!(said.starts_with("bucket lake-gone: "), "{said}");
        // Somebody creates it.
        scene.store.heal();
        life.finish().await;
        scene.check();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_bucket_that_never_comes_can_be_dropped() {
    let mut scene = Scene::new().await;
    scene.store.poison("lake-gone:", Fault::Answer(404, "NoSuchBucket"));
    scene.spool_for(1, &["gone", "acme"]);
    scene.spool_for(2, &["acme"]);
    let life = scene.live();
    life.until("all that can be delivered", |uploader| uploader.status().queued_objects == 1).await;
    life.until("the drop of the oldest batch, of which no put is under way", |uploader| {
        let dropped = tokio::task::block_in_place(|| uploader.drop_oldest());
        dropped.is_some_and(|dropped| (dropped.objects, dropped.total_items()) == (1, 1))
    })
    .await;
    let status = life.uploader.status();
    assert_eq!((status.failing, status.buckets, status.queued_objects), (None, vec![], 0));
    life.finish().await;
    assert_eq!(scene.store.object_count(), 2);
}

#[tokio::test]
async fn the_bucket_of_upload_to_is_the_same_by_its_name() {
    let mut scene = Scene::new().await;
    scene.data.packing.bucket = "{tenant}".into();
    let (spool, _) = scene.data.open();
    // The same content at the same time: once for the bucket by name, once for want of one.
    let batch = scene.data.pack_for(&spool, 1, &["bucket", ""]);
    drop(spool);
    assert_eq!(batch.objects[0].bucket.as_deref(), Some("bucket"));
    scene.live().finish().await;
    assert_eq!(scene.store.object_count(), 2, "{:?}", scene.store.objects().keys());
}

#[tokio::test]
async fn lists_say_in_which_bucket_an_object_is() {
    let mut scene = Scene::new().await;
    scene.options.receipts.hourly = true;
    scene.spool_for(1, &["", "acme"]);
    let life = scene.live();
    life.uploader.drained().await;
    life.uploader.receipts_carried().await;
    life.end().await;
    let objects = scene.store.objects();
    let (_, list) = objects.iter().find(|(key, _)| key.starts_with("in/receipts/")).unwrap();
    let lines = std::str::from_utf8(&list.bytes).unwrap().lines();
    let mut listed: Vec<String> = lines
        .map(|line| {
            let receipt: Value = serde_json::from_str(line).unwrap();
            let key = receipt["key"].as_str().unwrap();
            receipt["bucket"].as_str().map_or_else(|| key.to_owned(), |bucket| format!("{bucket}:{key}"))
        })
        .collect();
    listed.sort();
    assert_eq!(listed, scene.expected.keys().cloned().collect::<Vec<_>>());
}
