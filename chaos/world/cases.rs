//! Many cases, played side by side, for a process under faults waits most of the time.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use super::random::Random;

/// Cases that are played at a time.
const AT_A_TIME: usize = 6;

/// Plays each case with a seed of its own, and returns what came of each; fails at the end if one of them did.
pub(crate) fn play_each<C: Copy + Debug + Send, O: Send>(
    cases: Vec<C>,
    random: &mut Random,
    play: impl Fn(C, u64) -> O + Sync,
) -> Vec<(C, O)> {
    let left = Mutex::new(cases.into_iter().map(|case| (case, random.next())).collect::<Vec<_>>());
    let (played, failed) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..AT_A_TIME {
            threads.spawn(|| {
                loop {
                    let next = left.lock().unwrap().pop();
                    let Some((case, seed)) = next else { return };
                    match catch_unwind(AssertUnwindSafe(|| play(case, seed))) {
                        Ok(outcome) => played.lock().unwrap().push((case, outcome)),
                        Err(_) => failed.lock().unwrap().push(case),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "these failed: {failed:#?}");
    played.into_inner().unwrap()
}
