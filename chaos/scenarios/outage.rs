//! The store is away for the volume of an hour: memory stays flat, intake does not notice, and all of it is delivered
//! afterwards as fast as the line allows.

use std::time::{Duration, Instant};

use forebay::units::Span;

use crate::arguments::Options;
use crate::support::program::Program;
use crate::world::bucket::Bucket;
use crate::world::clients;
use crate::world::scene::Scene;

use super::Scenario;

/// What 250 developers send in an hour: Claude Code exports logs every 5 s and metrics every minute, so that one sends
/// 780 exports in an hour of work.
const AN_HOUR: u64 = 250 * 780;
/// What is sent before, for comparison.
const BEFORE: u64 = AN_HOUR / 10;
/// Connections that send as fast as they can.
const SENDERS: u64 = 8;
/// The line's bytes a second after the outage.
const LINE: u64 = 10_000_000;
/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(10);

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![Scenario::long(
        "an_outage_for_the_volume_of_an_hour_is_not_noticed_by_clients_nor_in_memory",
        an_hour,
    )]
}

fn an_hour(_: &Options) {
    let mut scene = Scene::with_proxy();
    for (key, value) in [("SEGMENT_BYTES", "64MiB"), ("SEAL_AFTER", "5s"), ("DISK_BUDGET", "4GiB")] {
        scene.set(&format!("FOREBAY_LOG_{key}"), value);
    }
    let program = scene.start();
    let before = send(&scene, &program, BEFORE, "with the store");
    assert!(scene.flush(&program), "the store is there");

    let Bucket::Proxied(_, proxy) = &scene.bucket else { unreachable!() };
    proxy.refuse();
    let tenths: Vec<_> = (1..=10)
        .map(|tenth| send(&scene, &program, AN_HOUR / 10, &format!("tenth {tenth} of the outage")))
        .collect();
    let most = |tenths: &[Sending]| tenths.iter().map(|sending| sending.memory).max();
    assert!(
        most(&tenths[5..]) < most(&tenths[..5]).map(|bytes| bytes + (16 << 20)),
        "memory grows: {tenths:?}"
    );
    let late = tenths.iter().map(|sending| sending.late).min().unwrap();
    assert!(late < before.late * 3 + Duration::from_millis(50), "clients notice: {before:?} {tenths:?}");

    let delivered = bytes(&scene);
    proxy.heal();
    proxy.limit(LINE);
    let began = Instant::now();
    let report = scene.runtime().block_on(program.client().flush(Span::seconds(600)));
    let took = began.elapsed();
    assert!(report.is_ok_and(|report| report.complete), "{}", program.stderr());
    let bytes = bytes(&scene) - delivered;
    let least = Duration::from_millis(bytes * 1000 / LINE);
    println!(
        "delivered within {:.1} s: {} MB, for which a line of {} MB/s takes {:.1} s",
        took.as_secs_f64(),
        bytes / 1_000_000,
        LINE / 1_000_000,
        least.as_secs_f64()
    );
    assert!(took < (least * 2 + Duration::from_secs(30)).min(AT_LAST), "the line is not used");
    program.kill();
    let found = scene.settle();
    println!("{found:?}");
}

/// The bytes of all objects in the bucket.
fn bytes(scene: &Scene) -> u64 {
    scene.bucket.objects().values().map(|object| object.len() as u64).sum()
}

/// What sending was like.
#[derive(Debug)]
struct Sending {
    /// The latency that one in a hundred exceeds.
    late: Duration,
    /// Resident bytes at its end.
    memory: u64,
}

fn send(scene: &Scene, program: &Program, exports: u64, when: &str) -> Sending {
    let began = Instant::now();
    let sent = clients::send_many(&scene.ledger, scene.life(program), exports, SENDERS);
    let mut took = scene.runtime().block_on(sent);
    took.sort_unstable();
    let late = took[took.len() * 99 / 100];
    let memory = resident_bytes(program);
    println!(
        "{when}: {} exports in {:.1} s, half of them within {:.1} ms, 99 of 100 within {:.1} ms; {} MiB resident",
        took.len(),
        began.elapsed().as_secs_f64(),
        took[took.len() / 2].as_secs_f64() * 1e3,
        late.as_secs_f64() * 1e3,
        memory >> 20
    );
    Sending { late, memory }
}

/// The resident memory of a process.
fn resident_bytes(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id().as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}
