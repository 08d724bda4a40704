//! What files held before they were written, as long as that is not synced: for syncs that fail and lose it.

use std::ffi::{c_int, c_void};
use std::sync::{Mutex, PoisonError};

use crate::point::Point;
use crate::real::real;
use crate::rules::Rules;

/// What a file held at one place.
struct Before {
    fd: c_int,
    offset: i64,
    bytes: Vec<u8>,
}

static KEPT: Mutex<Vec<Before>> = Mutex::new(Vec::new());

/// Keeps what is about to be written over, if a rule may want it back.
pub fn keep(file: Option<(&Rules, Point)>, fd: c_int, offset: i64, bytes: usize) {
    if file.is_none_or(|(rules, point)| !rules.may_lose(point)) {
        return;
    }
    let mut before = vec![0; bytes];
    // SAFETY: as long as is said. What lies behind the file's end stays zero.
    unsafe {
        real!(pread64(c_int, *mut c_void, usize, i64) -> isize)(fd, before.as_mut_ptr().cast(), bytes, offset)
    };
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(Before { fd, offset, bytes: before });
}

/// What was written is on disk.
pub fn forget(fd: c_int) {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).retain(|before| before.fd != fd);
}

/// What was written is gone.
pub fn play_back(fd: c_int) {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    for before in kept.iter().rev().filter(|before| before.fd == fd) {
        // SAFETY: as long as is said.
        unsafe {
            real!(pwrite64(c_int, *const c_void, usize, i64) -> isize)(
                fd,
                before.bytes.as_ptr().cast(),
                before.bytes.len(),
                before.offset,
            );
        }
    }
    kept.retain(|before| before.fd != fd);
}
