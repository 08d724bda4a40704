//! Every operation on a file fails, once or from then on for ever, and works again later.
//!
//! What the program does in a stage of its life is played once while every point is noted. Then it is played again for
//! each point, which fails. The process may refuse what is sent, and at its start it may end with a sentence about it; it
//! must not lose anything, and it must go on by itself, unless it says that it does not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::faults::interposer::{Action, Error, Interposer, Times};
use crate::support::program::Program;
use crate::world::admin::{wait_until_not_ready, why_not_ready};
use crate::world::cases::play_each;
use crate::world::clients::Sent;
use crate::world::random::Random;
use crate::world::scene::Scene;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);
/// How long it is waited for a point that may not come, because threads do not always do the same.
const MAY_COME: Duration = Duration::from_secs(2);

/// When the disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// At the first start.
    First,
    /// While it takes in, packs and delivers.
    Work,
    /// At a start that finds something of everything to take up.
    Restart,
    /// While it ends.
    End,
}

/// What fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) stage: Stage,
    point: &'static str,
    error: Error,
    for_ever: bool,
}

/// Every case: each point of each stage, with each error that it can have, once and for ever.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for stage in [Stage::First, Stage::Work, Stage::Restart, Stage::End] {
        let scene = scene();
        let interposer = Interposer::new(&scene.data());
        let program = prepare(stage, &scene, &interposer);
        interposer.trace();
        let program = act(stage, &scene, &interposer, program);
        if let Some(program) = program {
            assert!(scene.flush(&program));
            program.kill();
        }
        let points: BTreeSet<_> = interposer.traced().into_iter().filter(|point| is_meant(point)).collect();
        for point in points {
            let point: &'static str = point.leak();
            for error in errors(point) {
                cases.extend([false, true].map(|for_ever| Case { stage, point, error: *error, for_ever }));
            }
        }
    }
    cases
}

/// Reading has scenarios of its own.
fn is_meant(point: &str) -> bool {
    point.ends_with("/before") && !point.ends_with("/read/before")
}

fn errors(point: &str) -> &'static [Error] {
    let operation = point.rsplit('/').nth(1).unwrap();
    match operation {
        "write" | "create" | "create_unnamed" | "create_folder" | "link" | "rename" => {
            &[Error::InputOutput, Error::NoSpace, Error::ReadOnly]
        }
        "open" | "remove" | "truncate" => &[Error::InputOutput, Error::ReadOnly],
        _ => &[Error::InputOutput],
    }
}

fn scene() -> Scene {
    let mut scene = Scene::with_folder();
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1h");
    scene.set("FOREBAY_RECEIVE_HOLD_BEFORE_REFUSING", "50ms");
    scene
}

/// What comes before the stage; the process, if it still runs.
fn prepare(stage: Stage, scene: &Scene, interposer: &Interposer) -> Option<Program> {
    if stage == Stage::First {
        return None;
    }
    let program = scene.start_with(&interposer.environment());
    scene.send(&program, 3);
    assert!(scene.flush(&program));
    if stage == Stage::Restart {
        let rule = interposer.rule("bucket/*/before", Times::ALWAYS, Action::Fail(Error::InputOutput));
        scene.send(&program, 3);
        scene.seal(&program);
        assert!(interposer.wait_until_met(rule, 1, AT_LAST), "it is packed");
        scene.send(&program, 3);
        program.kill();
        interposer.heal();
        return None;
    }
    scene.send(&program, 3);
    Some(program)
}

/// The stage itself; the process, if it runs then.
fn act(stage: Stage, scene: &Scene, interposer: &Interposer, program: Option<Program>) -> Option<Program> {
    let program = match program {
        Some(program) => program,
        None => match scene.spawn_with(&interposer.environment()).finish() {
            Ok(program) => program,
            Err(said) => {
                assert_eq!(said.code, Some(1), "it ends in order: {said:?}");
                let last = said.stderr.lines().last().unwrap_or_default();
                assert!(last.starts_with("forebay: ") && last.contains("os error"), "it says why: {said:?}");
                return None;
            }
        },
    };
    if stage == Stage::End {
        let said = program.terminate();
        assert!(said.code.is_some(), "it ends in order: {said:?}");
        return None;
    }
    for _ in 0..2 {
        for _ in 0..2 {
            assert_ne!(scene.try_send(&program), Sent::Unanswered, "it wrote:\n{}", program.stderr());
        }
        scene.seal(&program);
    }
    Some(program)
}

/// What came of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The point was not met.
    NotMet,
    /// It did not start, or ended, and said why.
    Ended,
    /// It had stopped taking in and said so; it went on after a restart.
    Stopped,
    /// It went on by itself.
    WentOn,
}

/// Plays them; fails at the end if one of them did. `waits` has those that go on do all that they have to do, without a
/// restart.
pub(super) fn play(cases: Vec<Case>, random: &mut Random, waits: bool) {
    let count = cases.len();
    let outcomes = play_each(cases, random, |case, seed| fail(case, waits && seed.is_multiple_of(2)));
    let of = |wanted: Outcome| outcomes.iter().filter(|(_, outcome)| *outcome == wanted).count();
    println!(
        "{count} cases of a failing operation: {} went on, {} stopped taking in until a restart, {} ended with a word \
         about it, {} were not met",
        of(Outcome::WentOn),
        of(Outcome::Stopped),
        of(Outcome::Ended),
        of(Outcome::NotMet),
    );
    assert!(of(Outcome::NotMet) * 4 <= count, "not met: {outcomes:?}");
}

fn fail(case: Case, waits: bool) -> Outcome {
    let Case { stage, point, error, for_ever } = case;
    let scene = scene();
    let interposer = Interposer::new(&scene.data());
    let program = prepare(stage, &scene, &interposer);
    let times = if for_ever { Times::ALWAYS } else { Times::once(1) };
    let rule = interposer.rule(point, times, Action::Fail(error));
    let program = act(stage, &scene, &interposer, program);
    let is_met =
        interposer.wait_until_met(rule, 1, if program.is_some() { MAY_COME } else { Duration::ZERO });
    let outcome = match program {
        Some(program) => go_on(case, &scene, &interposer, program, waits),
        None => Outcome::Ended,
    };
    interposer.heal();
    if !scene.data().exists() {
        scene.start().kill();
    }
    scene.settle();
    if is_met { outcome } else { Outcome::NotMet }
}

/// The disk works again.
fn go_on(case: Case, scene: &Scene, interposer: &Interposer, program: Program, waits: bool) -> Outcome {
    if case.for_ever && scene.try_send(&program) == Sent::Refused && scene.try_send(&program) == Sent::Refused
    {
        let why = wait_until_not_ready(&program);
        assert!(why.starts_with("not ready: "), "{why}");
        let status = scene.run(&["status", "--admin", &program.admin().to_string()]);
        // What is given free meanwhile may make room for a moment.
        let is_told = status.code == Some(2) && status.stdout.contains("taking in      NO: ");
        assert!(is_told || why_not_ready(&program).is_none(), "{why} {status:?}");
    }
    interposer.heal();
    let is_stopped = why_not_ready(&program).is_some_and(|why| why.contains("until a restart"));
    if is_stopped {
        assert!(case.for_ever, "one failure does not stop it: {}", program.stderr());
        assert_eq!(scene.try_send(&program), Sent::Refused, "it says so");
        program.kill();
        let program = scene.start();
        scene.send(&program, 2);
        program.kill();
        return Outcome::Stopped;
    }
    let began = Instant::now();
    while scene.try_send(&program) != Sent::Acknowledged {
        assert!(began.elapsed() < AT_LAST, "it does not go on: {}", program.stderr());
    }
    if waits {
        assert!(scene.flush(&program), "it does not go on: {}", program.stderr());
    }
    let said = if waits { program.terminate() } else { program.kill() };
    assert!(!said.stderr.contains("thread 'forebay"), "it panicked: {}", said.stderr);
    Outcome::WentOn
}
