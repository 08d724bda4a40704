//! Operations on open files: read, write, sync, truncate.

use std::ffi::{c_int, c_void};

use crate::names::behind;
use crate::point::Point;
use crate::real::{self, Vector, real};
use crate::rules::{Rules, Verdict};
use crate::{between, undo};

fn failed(error: c_int) -> isize {
    real::set_error(error);
    -1
}

/// The points of an operation on so many bytes of a file, if it is one of ours.
fn touched(fd: c_int, offset: i64, bytes: usize) -> Option<(&'static Rules, Point)> {
    behind(fd, false).map(|(rules, point)| (rules, point.at(offset, bytes)))
}

macro_rules! pread {
    ($($name:ident)*) => { $(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(fd: c_int, buffer: *mut c_void, bytes: usize, offset: i64) -> isize {
            // SAFETY: the caller's arguments.
            let read = || unsafe { real!($name(c_int, *mut c_void, usize, i64) -> isize)(fd, buffer, bytes, offset) };
            between(touched(fd, offset, bytes), "read", |verdict| match verdict {
                Verdict::Go => read(),
                Verdict::Fail(error) | Verdict::Lose(error) | Verdict::Tear(error) => failed(error),
            })
        }
    )* };
}
pread!(pread pread64);

macro_rules! pwrite {
    ($($name:ident)*) => { $(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(fd: c_int, buffer: *const c_void, bytes: usize, offset: i64) -> isize {
            // SAFETY: the caller's arguments.
            let write = |bytes| unsafe {
                real!($name(c_int, *const c_void, usize, i64) -> isize)(fd, buffer, bytes, offset)
            };
            let file = touched(fd, offset, bytes);
            between(file, "write", |verdict| match verdict {
                Verdict::Go => {
                    undo::keep(file, fd, offset, bytes);
                    write(bytes)
                }
                Verdict::Tear(error) => {
                    write(bytes / 2);
                    failed(error)
                }
                Verdict::Fail(error) | Verdict::Lose(error) => failed(error),
            })
        }
    )* };
}
pwrite!(pwrite pwrite64);

macro_rules! pwritev {
    ($($name:ident)*) => { $(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(fd: c_int, vectors: *const Vector, count: c_int, offset: i64) -> isize {
            // SAFETY: the caller's arguments.
            let write = |vectors: &[Vector]| unsafe {
                let count = c_int::try_from(vectors.len()).unwrap_or(c_int::MAX);
                real!($name(c_int, *const Vector, c_int, i64) -> isize)(fd, vectors.as_ptr(), count, offset)
            };
            // SAFETY: as above.
            let vectors = unsafe { std::slice::from_raw_parts(vectors, usize::try_from(count).unwrap_or(0)) };
            let bytes = vectors.iter().map(|vector| vector.length).sum();
            let file = touched(fd, offset, bytes);
            between(file, "write", |verdict| match verdict {
                Verdict::Go => {
                    undo::keep(file, fd, offset, bytes);
                    write(vectors)
                }
                Verdict::Tear(error) => {
                    let mut half = vectors.to_vec();
                    half.truncate(vectors.len().div_ceil(2));
                    if let Some(last) = half.last_mut() {
                        last.length /= 2;
                    }
                    write(&half);
                    failed(error)
                }
                Verdict::Fail(error) | Verdict::Lose(error) => failed(error),
            })
        }
    )* };
}
pwritev!(pwritev pwritev64);

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, bytes: usize) -> isize {
    // SAFETY: the caller's arguments.
    let write = |bytes| unsafe { real!(write(c_int, *const c_void, usize) -> isize)(fd, buffer, bytes) };
    between(behind(fd, false), "write", |verdict| match verdict {
        Verdict::Go => write(bytes),
        Verdict::Tear(error) => {
            write(bytes / 2);
            failed(error)
        }
        Verdict::Fail(error) | Verdict::Lose(error) => failed(error),
    })
}

macro_rules! sync {
    ($($name:ident is_folder $is_folder:literal;)*) => { $(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(fd: c_int) -> c_int {
            // SAFETY: the caller's argument.
            let sync = || unsafe { real!($name(c_int) -> c_int)(fd) };
            between(behind(fd, $is_folder), stringify!($name), |verdict| match verdict {
                Verdict::Go => {
                    undo::forget(fd);
                    sync()
                }
                Verdict::Lose(error) => {
                    undo::play_back(fd);
                    real::set_error(error);
                    -1
                }
                Verdict::Fail(error) | Verdict::Tear(error) => {
                    real::set_error(error);
                    -1
                }
            })
        }
    )* };
}
// The program syncs its folders by `fsync` and its files by `fdatasync`.
sync! { fdatasync is_folder false; fsync is_folder true; }

macro_rules! ftruncate {
    ($($name:ident)*) => { $(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(fd: c_int, length: i64) -> c_int {
            // SAFETY: the caller's arguments.
            let truncate = || unsafe { real!($name(c_int, i64) -> c_int)(fd, length) };
            between(behind(fd, false), "truncate", |verdict| match verdict {
                Verdict::Go => truncate(),
                Verdict::Fail(error) | Verdict::Lose(error) | Verdict::Tear(error) => {
                    real::set_error(error);
                    -1
                }
            })
        }
    )* };
}
ftruncate!(ftruncate ftruncate64);
