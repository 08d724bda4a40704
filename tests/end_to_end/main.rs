//! The real binary, from a client to the bucket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/captured.rs"]
mod captured;
mod cat;
#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../receive/client.rs"]
#[allow(dead_code, reason = "not everything that it can say is said here")]
mod client;
#[path = "../support/decoded.rs"]
#[allow(dead_code, reason = "not everything that it can do is done here")]
mod decoded;
#[path = "../support/mod.rs"]
mod support;

mod admin;
mod bucket;
mod items;
mod numbers;
mod sent;
mod series;
mod settings;
mod watcher;

mod budget;
mod collector;
mod commands;
mod delivery;
mod export;
mod load;
mod logs;
mod outage;
mod outputs;
mod profiles;
mod progress;
mod receipts;
mod reload;
mod replay;
mod routing;
mod secrets;
mod shutdown;
mod status;
mod supervised;
mod telemetry;
mod terminal;
