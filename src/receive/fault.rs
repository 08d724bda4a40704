//! Why a request is not acknowledged, and how OTLP says so over gRPC and HTTP.
//!
//! | fault | gRPC | HTTP | the client |
//! | --- | --- | --- | --- |
//! | [`Fault::Refused`], [`Fault::Interrupted`] | UNAVAILABLE with `RetryInfo` | 503 with `Retry-After` | sends again |
//! | [`Fault::Undecodable`] | `INVALID_ARGUMENT` | 400 | drops |
//! | [`Fault::TooLarge`] | `RESOURCE_EXHAUSTED` without `RetryInfo` | 413 | drops |
//! | [`Fault::BeyondCredentials`] | `RESOURCE_EXHAUSTED` without `RetryInfo` | 413 | drops |
//! | [`Fault::TooFast`] | UNAVAILABLE with `RetryInfo` | 429 with `Retry-After` | sends again |
//! | [`Fault::Unauthenticated`] | UNAUTHENTICATED | 401 with `WWW-Authenticate` | drops |
//! | [`Fault::ForeignTenant`] | `PERMISSION_DENIED` | 403 | drops |
//! | [`Fault::OwnTelemetry`] | `FAILED_PRECONDITION` | 508 | ends |
//! | [`Fault::UnknownCompression`] | UNIMPLEMENTED | 415 | drops |
//! | [`Fault::UnknownMediaType`] | UNIMPLEMENTED | 415 | drops |
//! | [`Fault::UnknownPath`] | UNIMPLEMENTED | 404 | drops |
//! | [`Fault::WrongMethod`] | UNIMPLEMENTED | 405 | drops |

use std::time::Duration;

use http::StatusCode;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{OWN_TELEMETRY, Refusal, retry_after};
use crate::listen::auth::Denied;
use crate::units::ByteSize;

/// Why a request is not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("{refusal}")]
    Refused { refusal: Refusal, retry_after: Duration },
    #[error("the request did not arrive as a whole: {0}")]
    Interrupted(String),
    #[error("the request cannot be read: {0}")]
    Undecodable(String),
    #[error(
        "the request is larger than receive.max_request_bytes, which is {0}, before or after decompression"
    )]
    TooLarge(ByteSize),
    #[error("the request is larger than these credentials allow (max_request_bytes), which is {0}")]
    BeyondCredentials(ByteSize),
    #[error("more comes with these credentials than they allow (bytes_per_second)")]
    TooFast(Duration),
    #[error("{0}")]
    Unauthenticated(Denied),
    #[error("the tenant that the request names is not that of its credentials")]
    ForeignTenant,
    #[error("{OWN_TELEMETRY}; telemetry.export.endpoint must be another one")]
    OwnTelemetry,
    #[error("the compression `{0}` is not known here; use gzip, zstd, deflate, snappy, lz4 or none")]
    UnknownCompression(String),
    #[error("the media type `{0}` is not known here; use {1}")]
    UnknownMediaType(String, &'static str),
    #[error("there is no `{0}` here; {1}")]
    UnknownPath(String, &'static str),
    #[error("the method `{0}` is not known here; use POST")]
    WrongMethod(String),
}

/// When a client comes back whose request got stuck on the way.
const AFTER_INTERRUPTION: Duration = Duration::from_secs(1);

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { refusal, retry_after: retry_after::soon() }
    }
}

impl Fault {
    /// What [`Fault::reason`] says beside the reasons of refusals.
    pub(super) const REASONS: [&str; 7] = [
        "interrupted",
        "undecodable",
        "too_large",
        "too_fast",
        "unauthenticated",
        "forbidden",
        "unsupported",
    ];

    /// The gRPC code; it also stands in the body of the answer over HTTP.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Refused { .. } | Self::Interrupted(_) | Self::TooFast(_) => Code::Unavailable,
            Self::Undecodable(_) => Code::InvalidArgument,
            Self::Unauthenticated(_) => Code::Unauthenticated,
            Self::ForeignTenant => Code::PermissionDenied,
            Self::OwnTelemetry => Code::FailedPrecondition,
            Self::TooLarge(_) | Self::BeyondCredentials(_) => Code::ResourceExhausted,
            Self::UnknownCompression(_)
            | Self::UnknownMediaType(..)
            | Self::UnknownPath(..)
            | Self::WrongMethod(_) => Code::Unimplemented,
        }
    }

    /// The HTTP status.
    pub(super) fn http_status(&self) -> StatusCode {
        match self {
            Self::Refused { .. } | Self::Interrupted(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Undecodable(_) => StatusCode::BAD_REQUEST,
            Self::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::ForeignTenant => StatusCode::FORBIDDEN,
            Self::OwnTelemetry => StatusCode::LOOP_DETECTED,
            Self::TooLarge(_) | Self::BeyondCredentials(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownCompression(_) | Self::UnknownMediaType(..) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownPath(..) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// When to send the request again; `None` if that would be in vain.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => Some(*retry_after),
            Self::Interrupted(_) => Some(AFTER_INTERRUPTION),
            Self::TooFast(wait) => Some(*wait),
            _ => None,
        }
    }

    /// As a gRPC status, with `RetryInfo` where the client may send the request again.
    pub(super) fn status(&self) -> Status {
        match self.retry_after() {
            None => Status::new(self.code(), self.to_string()),
            Some(delay) => Status::with_error_details(
                self.code(),
                self.to_string(),
                ErrorDetails::with_retry_info(Some(delay)),
            ),
        }
    }

    /// The value of the metric label `reason`.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal.reason(),
            Self::Interrupted(_) => "interrupted",
            Self::Undecodable(_) => "undecodable",
            Self::TooLarge(_) | Self::BeyondCredentials(_) => "too_large",
            Self::TooFast(_) => "too_fast",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::ForeignTenant => "forbidden",
            Self::OwnTelemetry => "own_telemetry",
            Self::UnknownCompression(_)
            | Self::UnknownMediaType(..)
            | Self::UnknownPath(..)
            | Self::WrongMethod(_) => "unsupported",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn only_what_may_succeed_later_asks_the_client_to_come_back_and_within_two_seconds() {
        let refusals = [Refusal::DiskFull, Refusal::DiskFailing, Refusal::Overloaded, Refusal::ShuttingDown];
        for fault in refusals.map(Fault::from).into_iter().chain([Fault::Interrupted("reset".into())]) {
            let details = fault.status().get_details_retry_info().unwrap();
            let delay = details.retry_delay.unwrap();
            assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&delay), "{fault}");
            assert_eq!((fault.code(), fault.http_status().as_u16()), (Code::Unavailable, 503), "{fault}");
        }
        for fault in [
            Fault::Undecodable("no".into()),
            Fault::TooLarge(ByteSize::mib(64)),
            Fault::OwnTelemetry,
            Fault::UnknownCompression("br".into()),
        ] {
            assert!(fault.status().get_details_retry_info().is_none(), "{fault}");
        }
    }
    #[test]
    fn every_reason_is_one_of_those_that_are_shown_from_the_start() {
        let refused = Refusal::ALL.map(Fault::from);
        let others = [
            Fault::Interrupted(String::new()),
            Fault::Undecodable(String::new()),
            Fault::TooLarge(ByteSize::mib(64)),
            Fault::BeyondCredentials(ByteSize::mib(64)),
            Fault::TooFast(Duration::ZERO),
            Fault::Unauthenticated(Denied::Missing),
            Fault::ForeignTenant,
            Fault::UnknownCompression(String::new()),
            Fault::UnknownMediaType(String::new(), ""),
            Fault::UnknownPath(String::new(), ""),
            Fault::WrongMethod(String::new()),
        ];
        let said = |faults: &[Fault]| faults.iter().map(Fault::reason).collect::<BTreeSet<_>>();
        assert_eq!(said(&others), BTreeSet::from(Fault::REASONS));
        assert_eq!(said(&refused), BTreeSet::from(Refusal::ALL.map(Refusal::reason)));
    }
}
