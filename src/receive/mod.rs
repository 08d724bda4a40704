//! The first stage: OTLP over gRPC and HTTP becomes an [`Export`], and the answer to its client.
//!
//! ```text
//! listener -> TLS -> connection -> route -> grpc | http -> credentials
//!          -> admission -> request body -> open -> Intake::store -> acknowledgement
//! ```
//!
//! What holds for every request:
//!
//! - An OK is built only from a proof that the export is on disk ([`Intake::Durable`]); this stage does not know who
//!   gives it. A request without items is answered OK and not stored.
//! - Protobuf is stored byte for byte as the client sent it; JSON becomes protobuf first. Items that cannot be decoded are
//!   cut out and reported to the client, and the rest is stored, as long as everything around them is right.
//! - No body is read before memory for it was set aside (`receive.max_inflight_bytes`), and none grows beyond
//!   `receive.max_request_bytes`, not by decompression either. What an HTTP/2 client may send unasked, 4 MiB a connection,
//!   comes on top.
//! - A call is held while there is no room, until shortly before its own deadline: the first client never sends again
//!   what was refused over gRPC. Every wait for room ends with [`Refusal::Overloaded`] at the latest.
//! - What cannot be stored now is refused so that clients come back, what never can so that they do not; `fault.rs` has
//!   the table.
//! - When a client goes away, its call is dropped wherever it stands. That leaves nothing behind: an export is stored as
//!   a whole or not at all, its memory is given back, and no answer is counted.
//! - Who has to show credentials and does not is refused before its body is read, and before memory is set aside for it.
//!   No secret is ever logged, or told to a client.
//! - What this very forebay tells about itself is refused for good, however it came: stored, it would be told of again.
//! - A request goes by the settings that are in force when it comes, on a connection that was there before as well
//!   ([`Control`]).
//! - Every listener takes gRPC and HTTP: Claude Code speaks HTTP to the gRPC port when told nothing.

mod acknowledgement;
mod activity;
mod admission;
mod answer_body;
mod call;
mod caller;
mod compression;
mod connection;
mod control;
mod cors;
mod endpoint;
mod error;
mod export;
mod fault;
mod grpc;
mod held;
mod http;
mod intake;
mod lifetime;
mod listeners;
mod live;
mod open;
mod options;
mod patience;
mod places;
mod progress;
mod receiver;
mod rejected;
mod request_body;
mod retry_after;
mod route;
mod stage;
mod tally;

#[doc(hidden)]
pub use connection::serve_in_memory;
pub use control::{Control, Prepared};
pub use error::Error;
pub use export::{Export, TENANT_BYTES_MAX};
pub use intake::{Intake, Refusal};
pub use listeners::{Listened, Listeners};
pub use options::{ConnectionOptions, CorsOptions, ListenerOptions, Options};
pub use receiver::Receiver;
pub use tally::{Stored, Tallied, Tally};

/// The header (over gRPC: the metadata) in which a forebay that tells about itself says which one it is.
pub const INSTANCE_HEADER: &str = "forebay-instance";

/// What it is told by a receiver that is itself.
pub const OWN_TELEMETRY: &str = "this is the telemetry of the forebay that receives it";
