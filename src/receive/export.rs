//! What a client sent in one request.

use bytes::Bytes;

use crate::otlp::Signal;

/// One OTLP export request: validated, decompressed, and in protobuf whatever the client spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// What it carries.
    pub signal: Signal,
    /// Log records, data points or spans in it; never 0, for an empty request is answered without being stored.
    pub items: u32,
    /// The encoded `Export*ServiceRequest`, byte for byte as the client sent it (if it sent protobuf).
    pub body: Bytes,
}
