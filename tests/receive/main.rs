//! Drives a real [`forebay::receive::Receiver`] over real connections, with an intake that keeps everything in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod captured;
mod client;
mod counted;
mod goaway;
mod holding;
mod intake;
mod limits;
mod loading;
mod partial;
mod payload;
#[path = "../support/ports.rs"]
mod ports;
mod sending;
mod server;
mod shutdown;
mod specification;
