//! The C library's own functions, which the interposer's stand in front of.

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Vector {
    pub base: *mut c_void,
    pub length: usize,
}

#[repr(C)]
pub struct Timespec {
    pub seconds: i64,
    pub nanoseconds: c_long,
}

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn __errno_location() -> *mut c_int;
    pub fn getenv(name: *const c_char) -> *const c_char;
    pub fn getpid() -> c_int;
    pub fn kill(process: c_int, signal: c_int) -> c_int;
    pub fn usleep(microseconds: c_uint) -> c_int;
    pub fn readlink(path: *const c_char, buffer: *mut c_char, bytes: usize) -> isize;
    pub fn mmap(
        at: *mut c_void,
        bytes: usize,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: i64,
    ) -> *mut c_void;
}

/// The next function of this name behind ours.
const NEXT: *mut c_void = usize::MAX as *mut c_void;
const ENOSYS: c_int = 38;

/// Looks a function up once.
pub fn find(name: &CStr, found: &AtomicPtr<c_void>) -> *mut c_void {
    let known = found.load(Ordering::Acquire);
    if !known.is_null() {
        return known;
    }
    // SAFETY: the name is ended by a zero.
    let function = unsafe { dlsym(NEXT, name.as_ptr()) };
    if function.is_null() {
        set_error(ENOSYS);
        // SAFETY: ends this process.
        unsafe { kill(getpid(), 6) };
    }
    found.store(function, Ordering::Release);
    function
}

/// As [`find`], with the type that the C library's function of this name has.
pub fn function<F: Copy>(name: &CStr, found: &AtomicPtr<c_void>) -> F {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    let found = find(name, found);
    // SAFETY: a pointer to a function, of the type that `real!` was given.
    unsafe { std::mem::transmute_copy(&found) }
}

pub fn set_error(number: c_int) {
    // SAFETY: the C library's own place for this thread.
    unsafe { *__errno_location() = number };
}

pub fn error() -> c_int {
    // SAFETY: as above.
    unsafe { *__errno_location() }
}

/// `real!(name(type, ...) -> type)`: the C library's own function of this name.
macro_rules! real {
    ($name:ident($($argument:ty),*) -> $result:ty) => {{
        static FOUND: std::sync::atomic::AtomicPtr<std::ffi::c_void> =
            std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());
        let name = const {
            match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!(),
            }
        };
        $crate::real::function::<unsafe extern "C" fn($($argument),*) -> $result>(name, &FOUND)
    }};
}
pub(crate) use real;
