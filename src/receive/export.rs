//! What a client sent in one request.

use std::sync::Arc;

use bytes::Bytes;

use crate::otlp::Signal;

pub use crate::listen::auth::TENANT_BYTES_MAX;

/// One OTLP export request: validated, decompressed, and in protobuf whatever the client spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// What it carries.
    pub signal: Signal,
    /// Log records, data points, spans or profiles in it; never 0, for an empty request is answered without being stored.
    pub items: u32,
    /// Whose it is, in at most [`TENANT_BYTES_MAX`] bytes; empty if nobody said so.
    pub tenant: Arc<str>,
    /// The encoded `Export*ServiceRequest`, byte for byte as the client sent it (if it sent protobuf).
    pub body: Bytes,
}

impl Export {
    /// An export of no tenant.
    pub fn of(signal: Signal, items: u32, body: Bytes) -> Self {
        Self { signal, items, tenant: "".into(), body }
    }
}
