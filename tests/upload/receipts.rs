//! Lists and notices of what was delivered, over restarts and with a webhook that refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::support::s3::{Fault, On};
use crate::support::sink::{Mood, Sink};

use crate::scene::{FAILED, Life, Scene, milliseconds, times};

/// A scene with lists.
async fn listing() -> Scene {
    let mut scene = Scene::new().await;
    scene.options.receipts.hourly = true;
    scene
}

/// A scene that posts to `sink`.
async fn noticing(sink: &Sink) -> Scene {
    let mut scene = Scene::new().await;
    scene.options.receipts.webhook.url = Some(sink.url.clone());
    scene.options.receipts.webhook.headers = [("Authorization".into(), "Bearer hunter2".into())].into();
    scene.options.receipts.webhook.timeout = milliseconds(500);
    scene
}

/// Waits until everything is delivered, and gone from the spool.
async fn delivered(life: &Life) {
    let drained = tokio::time::timeout(FAILED, life.uploader.drained()).await;
    assert!(drained.is_ok(), "not delivered: {:#?}", life.uploader.status());
}

/// Delivers everything, carries all receipts, and ends the process.
async fn finish(life: Life) {
    delivered(&life).await;
    let carried = tokio::time::timeout(FAILED, life.uploader.receipts_carried()).await;
    assert!(carried.is_ok(), "the receipts are not carried");
    life.end().await;
}

fn is_list(key: &str) -> bool {
    key.starts_with("in/receipts/")
}

/// The lines of all lists, by the keys they list, each of which stands there once; and the number of the lists.
fn lists(scene: &Scene) -> (BTreeMap<String, Value>, usize) {
    let mut lines = BTreeMap::new();
    let mut count = 0;
    for (key, list) in scene.store.objects().into_iter().filter(|(key, _)| is_list(key)) {
        count += 1;
        assert_eq!(list.writes, 1, "{key} was written again");
        assert_eq!(list.headers["content-type"], "application/x-ndjson");
        assert_eq!(list.headers["if-none-match"], "*");
        assert_eq!(list.headers["x-amz-meta-forebay-writer"], "a1b2c3d4");
        let hash = &blake3::hash(&list.bytes).to_hex()[..16];
        assert!(key.ends_with(&format!("0000000Z-a1b2c3d4-{hash}.jsonl")), "{key}");
        for line in std::str::from_utf8(&list.bytes).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let listed = line["key"].as_str().unwrap().to_owned();
            let signal = key.split('/').nth(2).unwrap();
            assert!(listed.contains(&format!("/{signal}/")), "{listed} in {key}");
            assert!(lines.insert(listed.clone(), line).is_none(), "{listed} is listed twice");
        }
    }
    (lines, count)
}

/// Every object of the scene is in the store, and in exactly one list, as it is.
fn check_lists(scene: &Scene) {
    let stored = scene.store.objects();
    let objects: BTreeSet<&String> = stored.keys().filter(|key| !is_list(key)).collect();
    assert_eq!(objects, scene.expected.keys().collect());
    let (lines, _) = lists(scene);
    assert_eq!(lines.keys().collect::<BTreeSet<_>>(), objects);
    for (key, line) in lines {
        let object = &stored[&key];
        assert_eq!(line["bytes"], object.bytes.len());
        assert_eq!(line["blake3"], blake3::hash(&object.bytes).to_hex().as_str());
        assert_eq!(
            (&line["records"], &line["items"], &line["writer"]),
            (&1.into(), &1.into(), &"a1b2c3d4".into())
        );
        assert!(line["first_received_at"].as_str().unwrap().starts_with("2026-08-22T10:11:12.000000"));
        assert!(line["delivered_at"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(receipt_files(scene), Vec::<String>::new());
}

/// The files of receipts that are left.
fn receipt_files(scene: &Scene) -> Vec<String> {
    let folder = scene.data.folder.path().join("receipts");
    let mut names = Vec::new();
    for folder in [folder.clone(), folder.join("webhook")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                names.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    names
}

/// The keys of all notices that were taken, in order.
fn noticed(sink: &Sink) -> Vec<String> {
    let key = |post: &Value| post["Records"][0]["s3"]["object"]["key"].as_str().unwrap().replace("%3D", "=");
    sink.taken().iter().map(|post| key(&post.json)).collect()
}

#[tokio::test]
async fn every_delivered_object_is_in_one_list_with_what_the_store_said_of_it() {
    let mut scene = listing().await;
    scene.spool(1..4);
    finish(scene.live()).await;
    check_lists(&scene);
    let (lines, count) = lists(&scene);
    assert!(
        (3..=6).contains(&count),
        "one list for each signal, or two if the hour ended meanwhile: {count}"
    );
    assert!(lines.values().all(|line| line["etag"].as_str().unwrap().len() == 34), "{lines:?}");
}

#[tokio::test]
async fn the_hour_goes_on_after_a_restart_and_its_lists_come_later() {
    let mut scene = listing().await;
    for segments in [1..3, 3..4, 4..6] {
        scene.spool(segments);
        // A process that ends leaves the lists of the hour to the next one.
        scene.live().finish().await;
    }
    let (_, early) = lists(&scene);
    assert!(early <= 3, "no list of an hour that is not over: {early}");
    finish(scene.live()).await;
    check_lists(&scene);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn an_object_that_only_the_ledger_knows_to_be_delivered_is_listed() {
    let mut scene = listing().await;
    scene.spool(1..3);
    let kept = tempfile::tempdir().unwrap();
    copy(&scene.data.spool_folder(), kept.path());
    scene.live().finish().await;
    // As if the process had ended between the ledger's entry and the note.
    copy(kept.path(), &scene.data.spool_folder());
    std::fs::remove_dir_all(scene.data.folder.path().join("receipts")).unwrap();
    finish(scene.live()).await;
    assert_eq!(scene.store.count(On::Put), 6 + lists(&scene).1, "nothing was put again");
    check_lists(&scene);
}

#[tokio::test]
async fn a_batch_that_is_delivered_again_after_a_kill_is_not_listed_again() {
    let mut scene = listing().await;
    scene.spool(1..3);
    let kept = tempfile::tempdir().unwrap();
    copy(&scene.data.spool_folder(), kept.path());
    scene.live().finish().await;
    // As if the process had ended between the note and the removal; and the ledger is lost, so that all is put again.
    copy(kept.path(), &scene.data.spool_folder());
    std::fs::remove_dir_all(scene.data.catalog_folder()).unwrap();
    finish(scene.live()).await;
    assert_eq!(scene.store.count(On::Put), 6 + 6 + lists(&scene).1);
    check_lists(&scene);
}

#[tokio::test]
async fn a_list_is_put_until_the_store_takes_it() {
    let mut scene = listing().await;
    scene.spool(1..3);
    let life = scene.live();
    delivered(&life).await;
    scene.store.script(times(2, On::Put, Fault::Answer(503, "SlowDown")));
    scene.store.script(times(2, On::Put, Fault::LoseAnswer));
    finish(life).await;
    check_lists(&scene);
    assert_eq!(scene.store.unused_faults(), 0);
}

#[tokio::test]
async fn a_store_that_refuses_the_lists_holds_no_object_up() {
    let mut scene = listing().await;
    scene.store.poison("/receipts/", Fault::Answer(403, "AccessDenied"));
    scene.spool(1..3);
    let life = scene.live();
    delivered(&life).await;
    let carried = tokio::time::timeout(Duration::from_millis(300), life.uploader.receipts_carried()).await;
    assert!(carried.is_err(), "there can be no list");
    life.end().await;
    assert_eq!(lists(&scene).1, 0);
    scene.store.heal();
    finish(scene.live()).await;
    check_lists(&scene);
}

#[tokio::test]
async fn without_the_setting_nothing_is_noted() {
    let mut scene = Scene::new().await;
    scene.spool(1..3);
    finish(scene.live()).await;
    scene.check();
    assert!(!scene.data.folder.path().join("receipts").exists());
}

#[tokio::test]
async fn each_delivered_object_is_told_of_in_order() {
    let sink = Sink::start(Mood::Takes(202)).await;
    let mut scene = noticing(&sink).await;
    scene.options.concurrency = 1;
    scene.spool(1..4);
    finish(scene.live()).await;
    scene.check();
    // Batches may be done with in another order than they were put.
    let puts: Vec<String> =
        scene.store.seen().into_iter().filter(|seen| seen.on == Some(On::Put)).map(|seen| seen.key).collect();
    let told = noticed(&sink);
    for segment in ["-00000001-", "-00000002-", "-00000003-"] {
        let of_segment = |keys: &[String]| -> Vec<String> {
            keys.iter().filter(|key| key.contains(segment)).cloned().collect()
        };
        assert_eq!(of_segment(&told), of_segment(&puts));
    }
    assert_eq!(told.len(), 9);
    for post in sink.taken() {
        assert_eq!(
            (post.path.as_str(), &post.headers["authorization"]),
            ("/hooks/forebay", &"Bearer hunter2".parse().unwrap())
        );
        assert_eq!(post.headers["content-type"], "application/json");
        let record = &post.json["Records"][0];
        assert_eq!(
            (&record["eventName"], &record["s3"]["bucket"]["name"]),
            (&"ObjectCreated:Put".into(), &"bucket".into())
        );
        assert_eq!(record["s3"]["object"]["eTag"].as_str().unwrap().len(), 32);
    }
    assert_eq!(receipt_files(&scene), Vec::<String>::new());
}

#[tokio::test]
async fn a_webhook_that_refuses_for_a_while_is_told_everything_later_also_after_a_restart() {
    for mood in [Mood::Refuses(503), Mood::Refuses(302), Mood::Refuses(401), Mood::BlackHole] {
        let sink = Sink::start(mood).await;
        let mut scene = noticing(&sink).await;
        scene.spool(1..3);
        let life = scene.live();
        delivered(&life).await;
        life.until("refusals", |_| sink.asked() >= 2).await;
        life.end().await;
        scene.check();
        assert_eq!(receipt_files(&scene).len(), 6, "{mood:?}");
        sink.set_mood(Mood::Takes(200));
        finish(scene.live()).await;
        let told = noticed(&sink);
        assert_eq!(told.iter().collect::<BTreeSet<_>>(), scene.expected.keys().collect(), "{mood:?}");
        assert_eq!(told.len(), 6, "{mood:?}: nothing was taken before");
        assert_eq!(receipt_files(&scene), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_notice_whose_answer_was_lost_is_posted_again() {
    let sink = Sink::start(Mood::LosesAnswer).await;
    let mut scene = noticing(&sink).await;
    scene.spool(1..2);
    let life = scene.live();
    life.until("an answer that was lost", |_| sink.asked() >= 2).await;
    sink.set_mood(Mood::Takes(200));
    finish(life).await;
    let told = noticed(&sink);
    assert_eq!(told.iter().collect::<BTreeSet<_>>(), scene.expected.keys().collect());
    assert_eq!(told[0], told[1], "the first one came twice, before the others");
}

#[tokio::test]
async fn beyond_the_most_that_may_wait_the_oldest_notices_are_dropped() {
    let sink = Sink::start(Mood::Refuses(500)).await;
    let mut scene = noticing(&sink).await;
    scene.options.receipts.webhook.most_waiting = 4;
    scene.options.concurrency = 1;
    scene.spool(1..4);
    let life = scene.live();
    delivered(&life).await;
    life.end().await;
    assert_eq!(receipt_files(&scene).len(), 4);
    sink.set_mood(Mood::Takes(200));
    finish(scene.live()).await;
    let puts = scene.store.seen().into_iter().filter(|seen| seen.on == Some(On::Put));
    let keys: Vec<String> = puts.map(|seen| seen.key).collect();
    assert_eq!(noticed(&sink), keys[5..], "the four that were delivered last");
}

#[tokio::test]
async fn a_damaged_object_is_in_no_list_and_nobody_is_told_of_it() {
    let sink = Sink::start(Mood::Takes(200)).await;
    let mut scene = noticing(&sink).await;
    scene.options.receipts.hourly = true;
    scene.spool(1..3);
    let (spool, batches) = scene.data.open();
    drop(spool);
    let damaged = &batches[0].objects[1];
    let path = scene.data.spool_folder().join(&damaged.file);
    let length = usize::try_from(damaged.bytes).unwrap();
    let life = scene.live_after(|| std::fs::write(&path, vec![b'x'; length]).unwrap());
    scene.expected.remove(&format!("in/{}", damaged.key));
    finish(life).await;
    check_lists(&scene);
    assert_eq!(noticed(&sink).into_iter().collect::<BTreeSet<_>>(), scene.expected.keys().cloned().collect());
}
