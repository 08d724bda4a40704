//! Faults of disk and clock for a program that knows nothing of them.
//!
//! Loaded before the C library (`LD_PRELOAD`), it takes the place of the functions through which the program reaches its
//! files. Before and behind each operation on a file below one folder lies a point with a name; rules in shared memory
//! ([`control`]) say what happens at which point. Everything else passes through.

mod clock;
pub mod control;
mod descriptors;
mod names;
mod point;
mod real;
mod rules;
mod undo;

use point::Point;
use rules::{Rules, Verdict, rules};

/// Does `operation` on `file` between its two points. `fail` makes the result of one that is not done.
fn between<T>(file: Option<(&Rules, Point)>, operation: &str, done: impl FnOnce(Verdict) -> T) -> T {
    let Some((rules, point)) = file else { return done(Verdict::Go) };
    let verdict = rules.meet(point.with(operation, "before"));
    let result = done(verdict);
    let error = real::error();
    rules.meet(point.with(operation, "after"));
    real::set_error(error);
    result
}
