//! Tries to make forebay lose, repeat or damage what it has acknowledged, and to have it deliver what was never sent.
//!
//! The real binary runs as a process of its own. A ledger outside of it notes what was sent and what was acknowledged;
//! a scenario has faults meet the process, its disk, its clock, its bucket and its clients; in the end the data folder
//! is drained, and the bucket is held against the ledger: every acknowledged export is there exactly once and unchanged,
//! every other at most once, every object is whole.
//!
//! - `world` is what a scenario plays in: the ledger, clients, buckets, the audit;
//! - `faults` makes faults: `faults::interposer` those of disk and clock;
//! - `scenarios` has the scenarios, a file for each kind of fault;
//! - `interposer/` is the library that `faults::interposer` has the binary load, `fuzz/` has the fuzz targets.
//!
//! `cargo test` plays a short part of it with fixed seeds. `cargo test --test chaos -- --help` tells the rest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arguments;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../tests/receive/client.rs"]
mod client;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../tests/support/decoded.rs"]
mod decoded;

mod faults;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../tests/receive/payload.rs"]
mod payload;

mod scenarios;
#[path = "../tests/support/mod.rs"]
mod support;

mod world;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::CommandLine;

fn main() -> ExitCode {
    // What the audit reads real stores with wants one, though it speaks plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let CommandLine { harness, options } = CommandLine::parse();
    libtest_mimic::run(&harness, scenarios::all(&options)).exit_code()
}
