//! Large objects, which go in parts.

use std::time::Duration;

use crate::support::s3::{Fault, On};

use crate::scene::{Scene, times};

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
