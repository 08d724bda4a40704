//! The clock is wrong: ahead, behind, at 1970, and set right while the program runs.

use std::time::{Duration, Instant, SystemTime};

use crate::arguments::Options;
use crate::faults::interposer::Interposer;
use crate::support::program::Program;
use crate::world::scene::Scene;

use super::Scenario;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("a_clock_that_jumps_loses_and_repeats_nothing_and_holds_nothing_up", jumps),
        Scenario::short("a_machine_that_starts_in_1970_takes_in_and_delivers", starts_in_1970),
    ]
}

fn jumps(_: &Options) {
    let (scene, interposer) = scene();
    let program = scene.start_with(&interposer.environment());
    for seconds in [-HOUR, DAY, 0] {
        interposer.set_clock(seconds);
        scene.send(&program, 4);
        is_sealed_by_itself(&scene, &program);
    }
    let status = scene.run(&["status", "--admin", &program.admin().to_string()]);
    assert_eq!(status.code, Some(0), "{status:?}");
    // Waiting while the clock goes back, and after a start before the time at which it was taken in.
    scene.send(&program, 4);
    interposer.set_clock(-HOUR);
    program.kill();
    interposer.set_clock(-DAY);
    let program = scene.start_with(&interposer.environment());
    scene.send(&program, 4);
    is_sealed_by_itself(&scene, &program);
    let said = program.terminate();
    assert!(said.code == Some(0) && !said.stderr.contains(" ERROR "), "{said:?}");
    scene.settle();
}

fn starts_in_1970(_: &Options) {
    let (scene, interposer) = scene();
    let now = Instant::now();
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    interposer.set_clock(-i64::try_from(since_1970.as_secs()).unwrap());
    let program = scene.start_with(&interposer.environment());
    scene.send(&program, 4);
    is_sealed_by_itself(&scene, &program);
    let keys = scene.bucket.objects();
    assert!(keys.keys().all(|key| key.contains("date=1970-01-01")), "{:?}", keys.keys());
    scene.send(&program, 4);
    program.kill();
    // The line comes up, and with it the right time, while what was taken in before waits.
    let program = scene.start_with(&interposer.environment());
    scene.send(&program, 4);
    interposer.set_clock(0);
    scene.send(&program, 4);
    is_sealed_by_itself(&scene, &program);
    let said = program.terminate();
    assert!(said.code == Some(0) && !said.stderr.contains(" ERROR "), "{said:?}");
    assert!(now.elapsed() < AT_LAST, "nothing waits for a time that never comes");
    scene.settle();
}

const AT_LAST: Duration = Duration::from_mins(2);

fn scene() -> (Scene, Interposer) {
    let mut scene = Scene::with_folder();
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1s");
    let interposer = Interposer::new(&scene.data());
    (scene, interposer)
}

/// What was acknowledged comes to the bucket without a flush: its age is not taken from a clock that jumps.
fn is_sealed_by_itself(scene: &Scene, program: &Program) {
    let (began, acknowledged) = (Instant::now(), scene.ledger.acknowledgements());
    while scene.count_delivered() < acknowledged {
        assert!(began.elapsed() < AT_LAST, "it does not seal: {}", program.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
}
