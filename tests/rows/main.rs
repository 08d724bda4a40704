//! The rows that OTLP becomes, against somebody else's reading of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests lie outside of test functions, where clippy.toml does not reach"
)]

#[path = "../support/captured.rs"]
mod captured;
#[path = "../support/decoded.rs"]
#[allow(dead_code, reason = "each test uses its own part of it")]
mod decoded;
#[path = "../support/telemetry.rs"]
mod telemetry;

mod cells;
mod claude_code;
mod damaged;
mod lossless;
mod rearranged;
mod restore;
mod restore_parts;
