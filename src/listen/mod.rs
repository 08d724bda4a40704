//! What a listener has whoever answers there: its address, its TLS, and whom it asks for credentials.
//!
//! Receiving and the admin server listen by the same means, with settings of their own.

mod address;
pub mod auth;
mod error;
mod socket;
pub mod tls;

pub use address::{Address, SocketMode};
pub use error::Error;
pub use socket::{Io, Peer, Socket, Stream};
