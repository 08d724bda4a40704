//! How something is sent again.

use std::time::Duration;

use crate::otlp::Signal;
use crate::send::Receiver;
use crate::units::ByteSize;

/// How something is sent again.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to.
    pub receiver: Receiver,
    /// Only this signal; also what it is where no name tells.
    pub signal: Option<Signal>,
    /// How long a request may become by gathering resources, as protobuf. A resource that is longer goes by itself.
    pub max_request_bytes: ByteSize,
    /// No more than so many bytes a second, as protobuf; without it, as fast as they are taken.
    pub rate: Option<ByteSize>,
    /// For how long a request that is not taken is tried again.
    pub retry_for: Duration,
    /// Whether to go on behind a request that will never be taken.
    pub skip_refused: bool,
}
