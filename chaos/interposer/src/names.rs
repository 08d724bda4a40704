//! Operations on names: open, rename, link, unlink, mkdir.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use crate::point::Point;
use crate::real::{self, real};
use crate::rules::{Rules, Verdict, path_of};
use crate::{between, rules};

const AT_FDCWD: c_int = -100;
const O_CREAT: c_int = 0o100;
#[cfg(target_arch = "x86_64")]
const O_TMPFILE: c_int = 0o20_200_000;
#[cfg(not(target_arch = "x86_64"))]
const O_TMPFILE: c_int = 0o20_040_000;

/// The file that a path means, if it is one of ours. A path from the current folder has that put before it.
///
/// # Safety
/// The path is ended by a zero.
unsafe fn file(path: *const c_char) -> Option<(&'static Rules, Point)> {
    let rules = rules()?;
    // SAFETY: see above.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    if path.starts_with(b"/") {
        return Some((rules, rules.file(path, false)?));
    }
    let mut current = [0_u8; 4096];
    // SAFETY: both are as long as is said.
    let length =
        unsafe { real::readlink(c"/proc/self/cwd".as_ptr(), current.as_mut_ptr().cast(), current.len()) };
    let current = &current[..usize::try_from(length).ok()?];
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let path = if path == b"." { current.to_vec() } else { [current, b"/", path].concat() };
    Some((rules, rules.file(&path, false)?))
}

/// Fails with `-1` where the verdict says so.
fn unless_failed(verdict: Verdict, done: impl FnOnce() -> c_int) -> c_int {
    match verdict {
        Verdict::Go => done(),
        Verdict::Fail(error) | Verdict::Lose(error) | Verdict::Tear(error) => {
            real::set_error(error);
            -1
        }
    }
}

fn opening(flags: c_int) -> &'static str {
    if flags & O_TMPFILE == O_TMPFILE {
        "create_unnamed"
    } else if flags & O_CREAT != 0 {
        "create"
    } else {
        "open"
    }
}

/// `open` and `open64` are variadic; on Linux's 64-bit machines that is the same to a caller with three arguments.
macro_rules! open {
    ($($name:ident)*) => { $(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
            // SAFETY: the caller's arguments.
            unsafe {
                let real = real!($name(*const c_char, c_int, c_uint) -> c_int);
                between(file(path), opening(flags), |verdict| unless_failed(verdict, || real(path, flags, mode)))
            }
        }
    )* };
}
open!(open open64);

macro_rules! openat {
    ($($name:ident)*) => { $(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(folder: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
            // SAFETY: the caller's arguments.
            unsafe {
                let real = real!($name(c_int, *const c_char, c_int, c_uint) -> c_int);
                let file = if folder == AT_FDCWD { file(path) } else { None };
                let open = || real(folder, path, flags, mode);
                between(file, opening(flags), |verdict| unless_failed(verdict, open))
            }
        }
    )* };
}
openat!(openat openat64);

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe {
        let real = real!(rename(*const c_char, *const c_char) -> c_int);
        between(file(to), "rename", |verdict| unless_failed(verdict, || real(from, to)))
    }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    from_folder: c_int,
    from: *const c_char,
    to_folder: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe {
        let real = real!(linkat(c_int, *const c_char, c_int, *const c_char, c_int) -> c_int);
        let link = || real(from_folder, from, to_folder, to, flags);
        between(file(to), "link", |verdict| unless_failed(verdict, link))
    }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe {
        let real = real!(unlink(*const c_char) -> c_int);
        between(file(path), "remove", |verdict| unless_failed(verdict, || real(path)))
    }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe {
        let real = real!(mkdir(*const c_char, c_uint) -> c_int);
        between(file(path), "create_folder", |verdict| unless_failed(verdict, || real(path, mode)))
    }
}

macro_rules! statvfs {
    ($($name:ident)*) => { $(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(path: *const c_char, status: *mut c_void) -> c_int {
            // SAFETY: the caller's arguments.
            unsafe {
                let real = real!($name(*const c_char, *mut c_void) -> c_int);
                between(file(path), "statvfs", |verdict| unless_failed(verdict, || real(path, status)))
            }
        }
    )* };
}
statvfs!(statvfs statvfs64);

/// The file behind a descriptor, if it is one of ours.
pub fn behind(fd: c_int, is_folder: bool) -> Option<(&'static Rules, Point)> {
    let rules = rules()?;
    let mut buffer = [0; 4096];
    Some((rules, rules.file(path_of(fd, &mut buffer), is_folder)?))
}
