//! The memory that the interposer shares with those who command it: a file that one maps and the other writes.
//!
//! ```text
//!   0          8                16          24
//!   | magic    | clock (i64 ns) | is_tracing| rule 0 | rule 1 | ... | rule 63 |
//!
//!   a rule:
//!   0          8         16         24      32      40          48           56         64
//!   | is_armed | action  | argument | from  | to    | times met | bytes from | bytes to | pattern, ended by zeros (64) |
//! ```
//!
//! All numbers are 64 bits in the machine's own order. A rule is written in full before it is armed.
//!
//! A rule is about a point: `FOLDER/FILE/OPERATION/before` or `.../after`, where `FILE` is a name whose numbers are `#`
//! (`log/#.segment/fdatasync/before`). Its pattern may have `*` for anything, and the numbers themselves where one file is
//! meant (`log/00000004.segment/read/before`). The point's `from`-th to `to`-th times, from 1, have the action happen;
//! of reads and writes only those that touch the bytes of the file that the rule is about.

/// What the file begins with.
pub const MAGIC: u64 = 0x666f_7265_6261_7901;
/// Where the nanoseconds are by which the clock is wrong.
pub const CLOCK: usize = 8;
/// Where it is said whether every point is noted in the trace.
pub const TRACING: usize = 16;
/// Where the rules begin.
pub const RULES: usize = 24;
/// How many rules there are.
pub const RULE_COUNT: usize = 64;
/// The bytes of a rule.
pub const RULE_BYTES: usize = 128;
/// The bytes of the whole file.
pub const BYTES: usize = RULES + RULE_COUNT * RULE_BYTES;

/// Where a rule's fields are, from its beginning.
pub mod rule {
    pub const IS_ARMED: usize = 0;
    pub const ACTION: usize = 8;
    pub const ARGUMENT: usize = 16;
    pub const FROM: usize = 24;
    pub const TO: usize = 32;
    pub const MET: usize = 40;
    pub const BYTES_FROM: usize = 48;
    pub const BYTES_TO: usize = 56;
    pub const PATTERN: usize = 64;
    pub const PATTERN_BYTES: usize = 64;
}

/// What a rule has happen.
pub mod action {
    /// The process is killed by SIGKILL.
    pub const KILL: u64 = 1;
    /// The operation is not done and fails with the error number of the argument.
    pub const FAIL: u64 = 2;
    /// The operation is done after so many milliseconds.
    pub const DELAY: u64 = 3;
    /// A sync fails with the error number of the argument, and what was written since the last one is gone: the file
    /// reads as before, as if the system had dropped the pages that it could not write.
    pub const LOSE: u64 = 4;
    /// A write takes half of its bytes and then fails with the error number of the argument.
    pub const TEAR: u64 = 5;
}

/// The name of the variable with the path of the shared file.
pub const CONTROL_VARIABLE: &str = "CHAOS_CONTROL";
/// The name of the variable with the folder whose files are meant.
pub const ROOT_VARIABLE: &str = "CHAOS_ROOT";
/// The name of the variable with the path of the file that points are noted in.
pub const TRACE_VARIABLE: &str = "CHAOS_TRACE";
