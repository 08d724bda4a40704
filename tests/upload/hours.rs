//! Hours and bandwidth of delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use forebay::log::SegmentId;
use forebay::units::{ByteSize, Percent};
use forebay::upload::Clock;
use jiff::Timestamp;

use crate::scene::{FAILED, Scene};
use crate::support::s3::On;

/// A clock that a test sets.
#[derive(Clone, Default)]
struct Wall(Arc<AtomicI64>);

impl Wall {
    fn set(&self, time: &str) {
        self.0.store(time.parse::<Timestamp>().unwrap().as_second(), Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let shown = Arc::clone(&self.0);
        Clock::new(move || Timestamp::from_second(shown.load(Ordering::SeqCst)).unwrap())
    }
}

/// Delivers from ten to six, and it is noon.
async fn at_noon() -> (Scene, Wall) {
    let (mut scene, wall) = (Scene::new().await, Wall::default());
    wall.set("2026-01-10T11:00:00Z");
    scene.clock = wall.clock();
    scene.options.hours = vec!["22:00-06:00".parse().unwrap()];
    scene.options.timezone = "Europe/Berlin".into();
    (scene, wall)
}

#[tokio::test]
async fn outside_its_hours_nothing_is_sent_and_within_them_everything() {
    let (mut scene, wall) = at_noon().await;
    scene.spool(1..4);
    let life = scene.live();
    let settled = tokio::time::timeout(FAILED, life.uploader.settled()).await;
    assert!(settled.is_ok(), "what waits for its hours holds up nobody");
    let status = life.uploader.status();
    assert_eq!(status.waits_until, Some("2026-01-10T21:00:00Z".parse().unwrap()));
    assert_eq!(status.notes, ["delivery waits until 22:00 (upload.hours)"]);
    assert_eq!((status.failing, scene.store.seen().len()), (None, 0));

    wall.set("2026-01-10T20:59:59Z");
    life.uploader.nudge();
    tokio::time::timeout(FAILED, life.uploader.settled()).await.unwrap();
    assert_eq!(scene.store.seen().len(), 0, "to try again is not to open");
    wall.set("2026-01-10T21:00:00Z");
    life.uploader.nudge();
    tokio::time::timeout(FAILED, life.uploader.drained()).await.unwrap();
    let status = life.uploader.status();
    assert_eq!((status.waits_until, status.notes), (None, vec![]));
    life.end().await;
    scene.check();
}

#[tokio::test]
async fn what_somebody_asks_for_is_delivered_at_any_hour_and_what_comes_later_waits() {
    let (mut scene, wall) = at_noon().await;
    scene.spool(1..5);
    let life = scene.live();
    life.uploader.flush(SegmentId(2));
    // What was asked for goes also if somebody asked for less later.
    life.uploader.flush(SegmentId(1));
    let of_two = 2 * scene.expected.len() as u64 / 4;
    life.until("two segments", |uploader| uploader.status().delivered_objects == of_two).await;
    tokio::time::timeout(FAILED, life.uploader.settled()).await.unwrap();
    let status = life.uploader.status();
    assert_eq!((status.queued_batches, status.delivered_objects), (2, of_two));
    assert!(status.waits_until.is_some());
    life.uploader.flush(SegmentId(4));
    life.until("all", |uploader| uploader.status().waits_until.is_none()).await;
    wall.set("2026-01-10T12:00:00Z");
    life.finish().await;
    scene.check();
}

#[tokio::test]
async fn a_disk_that_fills_is_emptied_at_any_hour() {
    let (mut scene, _wall) = at_noon().await;
    scene.options.hours_unless_disk_over = Some(Percent(80));
    scene.spool(1..5);
    let life = scene.live();
    let budget = life.spool.budget();
    let _used = budget.take(budget.limit() / 100 * 79);
    tokio::time::timeout(FAILED, life.uploader.settled()).await.unwrap();
    assert_eq!(scene.store.seen().len(), 0);
    let _more = budget.take(budget.limit() / 100 * 2);
    life.finish().await;
    scene.check();
}

#[tokio::test]
async fn whole_objects_and_parts_share_the_bandwidth() {
    let mut scene = Scene::new().await;
    scene.options.bandwidth = Some(ByteSize::mib(24));
    // Two in parts, and one whole; the one that is last in line begins when the bytes of the others are sent.
    for (segment, bytes) in [(1, 7 << 20), (2, 7 << 20), (3, 4 << 20)] {
        scene.spool_large(segment, bytes);
    }
    let began = Instant::now();
    scene.live().finish().await;
    let took = began.elapsed();
    scene.check();
    assert_eq!(scene.store.count(On::Complete), 2);
    let expected = Duration::from_millis(18_000 / 24);
    // Of the last slice it is only known that it began.
    assert!(took + Duration::from_millis(63) > expected, "{took:?}");
}
