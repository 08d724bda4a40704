//! What the targets share: readings of the same bytes by somebody else's code, what is promised of any request, and
//! inputs that are written rather than guessed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a target tells a finding by panicking")]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/support/decoded.rs"]
mod decoded;
pub mod forged;
mod input;
pub mod log;
mod memory;
mod request;
mod rows;
pub mod service;
#[path = "../../../tests/otlp/unique_keys.rs"]
mod unique_keys;
mod written;

pub use input::Input;
pub use memory::within_memory;
pub use request::{check_json, check_protobuf};
pub use rows::{check_foreign_rows, check_rows_of};
pub use written::written;

use forebay::otlp::Signal;

/// The signal that the first byte of an input chooses, and whether the rest is written (see [`written`]) or raw.
pub fn signal_and_form(byte: u8) -> (Signal, bool) {
    (Signal::ALL[usize::from(byte & 0x3f) % Signal::ALL.len()], byte & 0x80 != 0)
}
