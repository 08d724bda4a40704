//! What the program goes through: a first life with everything in it, and one that takes up what the first has left.

use crate::faults::interposer::Interposer;
use crate::support::program::Program;
use crate::world::clients::Sent;
use crate::world::scene::Scene;

/// How many lives there are.
pub(super) const LIVES: usize = 2;

/// Lives one life; `false` if the process was killed in it, other than by the history itself.
pub(super) fn live(scene: &Scene, interposer: &Interposer, number: usize) -> bool {
    let Some(program) = start(scene, interposer) else { return false };
    let has_lived = send(scene, &program, 4)
        && scene.flush(&program)
        && send(scene, &program, 2)
        && scene.flush(&program)
        && send(scene, &program, 3);
    if number == 0 && has_lived {
        // So that the next one has something to take up.
        program.kill();
        return true;
    }
    program.terminate().code == Some(0) && has_lived
}

/// A process that takes up what is left, and ends; `false` if it was killed.
pub(super) fn start_and_end(scene: &Scene, interposer: &Interposer) -> bool {
    start(scene, interposer).is_some_and(|program| program.terminate().code == Some(0))
}

/// A process that takes up what is left, and to which what nobody answered is sent again.
pub(super) fn start_and_send_again(scene: &Scene, interposer: &Interposer) {
    if let Some(program) = start(scene, interposer) {
        assert_eq!(scene.send_again(&program), Sent::Acknowledged, "it wrote:\n{}", program.stderr());
        program.terminate();
    }
}

/// Starts it; `None` if it was killed on the way.
fn start(scene: &Scene, interposer: &Interposer) -> Option<Program> {
    match scene.spawn_with(&interposer.environment()).finish() {
        Ok(program) => Some(program),
        Err(said) => {
            assert_eq!(said.code, None, "it ends by itself: {said:?}");
            None
        }
    }
}

fn send(scene: &Scene, program: &Program, exports: usize) -> bool {
    (0..exports).all(|_| match scene.try_send(program) {
        Sent::Acknowledged => true,
        Sent::Unanswered => false,
        Sent::Refused => panic!("it has room; it wrote:\n{}", program.stderr()),
    })
}
