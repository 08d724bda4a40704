//! How long each stage takes, by itself: `cargo bench --bench stages`.
//!
//! `cargo bench --bench stages -- log/append` runs those whose names contain that, `-- --save-baseline NAME` and
//! `-- --baseline NAME` compare two versions (<https://criterion-rs.github.io/book/user_guide/command_line_options.html>).
//! These are times, with the noise of the machine in them; whether a record costs more than it did is noticed by
//! `benches/instructions`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement fails by panicking"
)]

#[allow(dead_code, reason = "a benchmark has no use for the names of files")]
#[path = "../../tests/support/captured.rs"]
mod captured;
#[path = "../support/client.rs"]
mod client;
mod log;
mod otlp;
mod pack;
mod receive;
#[path = "../support/receiver.rs"]
mod receiver;
#[allow(dead_code, reason = "its threads would only add noise here")]
#[path = "../support/storage.rs"]
mod storage;
#[path = "../support/telemetry.rs"]
mod telemetry;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    stages,
    log::append,
    log::recovery,
    otlp::validate,
    otlp::json,
    pack::pack,
    receive::receive
);
criterion_main!(stages);
