//! What happens at a point.

use std::ffi::{CStr, CString, c_int};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::control::{self, action, rule};
use crate::point::{self, Point};
use crate::real;

const SIGKILL: c_int = 9;

/// What the variables of the process say.
pub struct Rules {
    /// Where the shared memory is mapped; it stays there as long as the process lives.
    memory: *mut u8,
    root: Vec<u8>,
    trace: Option<std::fs::File>,
}

// SAFETY: the memory is only touched by atomic operations, its patterns excepted, which are written before their rule is
// armed and never while it is.
unsafe impl Send for Rules {}
unsafe impl Sync for Rules {}

/// What a point has to do with the operation that it stands before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Go,
    /// It fails with this error number.
    Fail(c_int),
    /// A sync fails with this error number and loses what it should have written.
    Lose(c_int),
    /// A write fails half-way with this error number.
    Tear(c_int),
}

/// The rules of this process; `None` if nobody commands it.
pub fn rules() -> Option<&'static Rules> {
    static RULES: OnceLock<Option<Rules>> = OnceLock::new();
    // What happens while this is set up is done by this thread, whose own operations meet no rules yet.
    thread_local!(static IS_STARTING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    if let Some(rules) = RULES.get() {
        return rules.as_ref();
    }
    if IS_STARTING.replace(true) {
        return None;
    }
    RULES.get_or_init(Rules::of_process).as_ref()
}

fn variable(name: &str) -> Option<CString> {
    let name = CString::new(name).ok()?;
    // SAFETY: nothing in the program changes its own environment.
    let value = unsafe { real::getenv(name.as_ptr()) };
    // SAFETY: it is ended by a zero.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_owned())
}

impl Rules {
    fn of_process() -> Option<Self> {
        let path = variable(control::CONTROL_VARIABLE)?.into_string().ok()?;
        let root = variable(control::ROOT_VARIABLE)?.into_bytes();
        let file = std::fs::File::options().read(true).write(true).open(path).ok()?;
        if file.metadata().ok()?.len() < control::BYTES as u64 {
            return None;
        }
        // Read and write; shared.
        // SAFETY: a new mapping of a file that is long enough.
        let memory = unsafe { real::mmap(std::ptr::null_mut(), control::BYTES, 3, 1, file.as_raw_fd(), 0) };
        if memory as isize == -1 {
            return None;
        }
        let trace = variable(control::TRACE_VARIABLE).and_then(|path| {
            std::fs::File::options().append(true).create(true).open(path.into_string().ok()?).ok()
        });
        let rules = Self { memory: memory.cast(), root, trace };
        (rules.number(0).load(Ordering::Acquire) == control::MAGIC).then_some(rules)
    }

    fn number(&self, at: usize) -> &AtomicU64 {
        // SAFETY: inside the mapping, aligned to 8 bytes, and only touched by atomic operations.
        unsafe { AtomicU64::from_ptr(self.memory.add(at).cast()) }
    }

    fn pattern(&self, at: usize) -> &[u8] {
        // SAFETY: inside the mapping; see at `Sync`.
        let bytes =
            unsafe { std::slice::from_raw_parts(self.memory.add(at + rule::PATTERN), rule::PATTERN_BYTES) };
        &bytes[..bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len())]
    }

    /// The nanoseconds by which the clock is wrong.
    pub fn clock(&self) -> i64 {
        // SAFETY: as above.
        unsafe { AtomicI64::from_ptr(self.memory.add(control::CLOCK).cast()) }.load(Ordering::Acquire)
    }

    /// The points of the file with this path, if it is one of ours.
    pub fn file(&self, path: &[u8], is_folder: bool) -> Option<Point> {
        point::file(&self.root, path, is_folder)
    }

    /// Whether any armed rule may lose what is written to this file.
    pub fn may_lose(&self, file: Point) -> bool {
        ["fdatasync", "fsync"].iter().any(|operation| {
            let point = file.with(operation, "before");
            self.armed().any(|at| {
                self.number(at + rule::ACTION).load(Ordering::Relaxed) == action::LOSE
                    && self.means(at, point)
            })
        })
    }

    /// Whether the rule there means this point.
    fn means(&self, at: usize, point: Point) -> bool {
        let bytes =
            [rule::BYTES_FROM, rule::BYTES_TO].map(|field| self.number(at + field).load(Ordering::Relaxed));
        point.is_meant(self.pattern(at), bytes[0]..bytes[1])
    }

    /// Has happen what the rules want at this point.
    pub fn meet(&self, point: Point) -> Verdict {
        if self.number(control::TRACING).load(Ordering::Acquire) != 0
            && let Some(mut trace) = self.trace.as_ref()
        {
            let _ = trace.write_all(&[point.as_bytes(), b"\n"].concat());
        }
        let mut verdict = Verdict::Go;
        for at in self.armed() {
            if !self.means(at, point) {
                continue;
            }
            let times = self.number(at + rule::MET).fetch_add(1, Ordering::AcqRel) + 1;
            let number = |field| self.number(at + field).load(Ordering::Relaxed);
            if times < number(rule::FROM) || times > number(rule::TO) {
                continue;
            }
            let argument = number(rule::ARGUMENT);
            let error = c_int::try_from(argument).unwrap_or_default();
            match number(rule::ACTION) {
                // SAFETY: ends this process.
                action::KILL => unsafe {
                    real::kill(real::getpid(), SIGKILL);
                },
                // SAFETY: only waits.
                action::DELAY => unsafe {
                    real::usleep(u32::try_from(argument * 1000).unwrap_or(u32::MAX));
                },
                action::FAIL => verdict = Verdict::Fail(error),
                action::LOSE => verdict = Verdict::Lose(error),
                action::TEAR => verdict = Verdict::Tear(error),
                _ => {}
            }
        }
        verdict
    }

    fn armed(&self) -> impl Iterator<Item = usize> {
        (0..control::RULE_COUNT)
            .map(|index| control::RULES + index * control::RULE_BYTES)
            .filter(|at| self.number(at + rule::IS_ARMED).load(Ordering::Acquire) != 0)
    }
}

/// The path behind an open file, with what the system adds if it has no name; empty if there is none.
pub fn path_of(fd: c_int, buffer: &mut [u8; 4096]) -> &[u8] {
    let mut link = [0_u8; 32];
    let _ = write!(&mut link[..31], "/proc/self/fd/{fd}");
    // SAFETY: both are as long as is said, and the path is ended by a zero.
    let length = unsafe { real::readlink(link.as_ptr().cast(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(length).map_or(&[], |length| &buffer[..length])
}
