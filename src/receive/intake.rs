//! Where exports go, as this stage sees it.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::Export;

/// Stores exports durably. The log does, behind an adapter in `app`.
pub trait Intake: Clone + Send + Sync + 'static {
    /// A proof that an export is on disk, without which no OK is given.
    type Durable: Send;

    /// Stores `export`. Returns once it is on disk, or with the reason why it will not be.
    ///
    /// When the client goes away, the future is dropped. Then the export is stored as a whole or not at all, as if the
    /// answer had been lost on its way.
    ///
    /// Where room may appear, the call is held until `patience_ends` before it is refused: there are clients that
    /// never send again what was refused (Claude Code over gRPC).
    fn store(
        &self,
        export: Export,
        patience_ends: Instant,
    ) -> impl Future<Output = Result<Self::Durable, Refusal>> + Send;

    /// Whether the export had been stored before, from the same bytes, so that nothing was stored now.
    fn is_resend(_: &Self::Durable) -> bool {
        false
    }

    /// Who stores here, by the id that its own telemetry bears ([`INSTANCE_HEADER`](super::INSTANCE_HEADER)).
    fn instance(&self) -> Option<&str> {
        None
    }

    /// How soon there may be room again after [`Refusal::DiskFull`], if that can be told.
    fn room_in(&self) -> Option<Duration> {
        None
    }
}

/// Why an export was not stored. Every one of them is temporary: the client still has the data and is asked to come
/// back, with gRPC `UNAVAILABLE` and `RetryInfo`, or HTTP 503 and `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The disk budget is used up, or the disk's free space is at its floor.
    #[error("the disk budget is used up; objects wait to be delivered")]
    DiskFull,
    /// Writes or syncs fail.
    #[error("the disk under the log fails")]
    DiskFailing,
    /// Too many bytes are being received at once.
    #[error("too much is being received at once")]
    Overloaded,
    /// The process ends.
    #[error("forebay is shutting down")]
    ShuttingDown,
}

impl Refusal {
    /// Every one.
    pub(super) const ALL: [Self; 4] =
        [Self::DiskFull, Self::DiskFailing, Self::Overloaded, Self::ShuttingDown];

    /// The value of the metric label `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::DiskFailing => "disk_failing",
            Self::Overloaded => "overloaded",
            Self::ShuttingDown => "shutting_down",
        }
    }
}
