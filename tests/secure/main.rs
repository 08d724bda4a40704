//! TLS, credentials, CORS, sockets and the end of connections, over real connections to a real receiver.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../receive/client.rs"]
#[allow(dead_code, reason = "not everything that it can say is said here")]
mod client;
#[path = "../receive/intake.rs"]
#[allow(dead_code, reason = "not everything that it can do is done here")]
mod intake;
#[path = "../receive/payload.rs"]
#[allow(dead_code, reason = "not everything that there is is sent here")]
mod payload;
#[path = "../receive/server.rs"]
#[allow(dead_code, reason = "not everything that it can do is done here")]
mod server;

mod auth;
mod connect;
mod cors;
mod lifetime;
mod limits;
mod listeners;
mod sending;
mod tls;
