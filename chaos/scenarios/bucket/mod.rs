//! The bucket, or the line to it, is in trouble: a proxy between the program and the store plays every fault.
//!
//! Whatever is answered, late, lost, or damaged on the way: what was acknowledged is in the bucket exactly once in the
//! end, and no key was written twice.

mod answers;
mod credentials;
mod line;
mod parts;
mod real;
mod storm;

use std::time::Duration;

use crate::arguments::Options;
use crate::faults::proxy::{Fault, Rule, When};
use crate::support::program::Program;
use crate::support::s3::On;
use crate::world::scene::Scene;

use super::Scenario;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);
/// Longer than the program waits for a store that does not move, which is the least that it can be told.
const OVER_PATIENCE: Duration = Duration::from_millis(1500);

pub(crate) fn scenarios(options: &Options) -> Vec<Scenario> {
    let all = [
        answers::scenarios(),
        credentials::scenarios(),
        line::scenarios(),
        parts::scenarios(),
        real::scenarios(options),
        storm::scenarios(),
    ];
    all.into_iter().flatten().collect()
}

/// A scripted store behind a proxy.
fn scene() -> Scene {
    impatient(Scene::with_proxy())
}

/// The scene, in which the program has little patience.
fn impatient(mut scene: Scene) -> Scene {
    scene.set("FOREBAY_UPLOAD_ATTEMPT_TIMEOUT", "1s");
    scene.set("FOREBAY_UPLOAD_CONNECT_TIMEOUT", "500ms");
    scene.set("FOREBAY_UPLOAD_RETRY_LONGEST_WAIT", "50ms");
    // What is not sealed by the scenario is sealed in the end.
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1m");
    scene
}

/// Sends a little, has it delivered while the first `count` requests of this kind meet `fault`, and audits.
fn delivered_through(scene: &Scene, on: On, count: u64, fault: Fault) -> Rule {
    let program = scene.start();
    let rule = delivers_through(scene, &program, on, count, fault);
    assert_eq!(program.terminate().code, Some(0));
    let found = scene.settle();
    assert!(found.acknowledged > 0, "{found:?}");
    rule
}

/// Sends a little and has it delivered while the first `count` requests of this kind meet `fault`.
fn delivers_through(scene: &Scene, program: &Program, on: On, count: u64, fault: Fault) -> Rule {
    let (proxy, _) = scene.line();
    let rule = proxy.rule(on, When::first(count), fault);
    scene.send(program, 3);
    assert!(scene.flush(program), "{fault:?}: {}", program.stderr());
    assert_eq!(proxy.met(rule), count, "{fault:?} was met");
    proxy.heal();
    rule
}
