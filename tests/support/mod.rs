//! What the tests that drive the public crate share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

pub mod checksums;
pub mod ports;
pub mod program;
pub mod s3;
pub mod sink;
pub mod spool;
