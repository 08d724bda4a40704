//! The transcoders of OTLP against somebody else's: prost, and opentelemetry-proto's serde.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "helpers of tests lie outside of test functions, where clippy.toml does not reach"
)]

#[path = "../support/captured.rs"]
mod captured;
#[path = "../support/decoded.rs"]
mod decoded;
#[path = "../support/telemetry.rs"]
mod telemetry;

mod against_captured;
mod against_prost;
mod hostile;
mod profiles;
mod salvaged;
mod unique_keys;
