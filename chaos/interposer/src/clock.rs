//! The clock.

use std::ffi::c_int;

use crate::real::{Timespec, real};
use crate::rules;

const REALTIME: c_int = 0;
const SECOND: i64 = 1_000_000_000;

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    // SAFETY: the caller's arguments.
    let result = unsafe { real!(clock_gettime(c_int, *mut Timespec) -> c_int)(clock, time) };
    if clock == REALTIME
        && result == 0
        && let Some(rules) = rules()
    {
        // SAFETY: the C library has filled it.
        let time = unsafe { &mut *time };
        let total = (time.seconds * SECOND + time.nanoseconds).saturating_add(rules.clock()).max(0);
        (time.seconds, time.nanoseconds) = (total / SECOND, total % SECOND);
    }
    result
}
