//! What an answer says of the request: which ones may be sent again is OTLP's rule (opentelemetry.io/docs/specs/otlp,
//! "Failures").

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::answer::{Outcome, rejected_in_protobuf};

/// Bytes before a message of gRPC.
pub(super) const PREFIX_BYTES: usize = 5;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// The receiver has it, without so many items that it rejected.
    Taken {
        /// Items that it rejected.
        rejected: u64,
    },
    /// It may be taken later, for the reason says nothing against it.
    Later {
        /// The reason, in the receiver's words.
        why: String,
        /// When it is wanted again, if the receiver says so.
        after: Option<Duration>,
    },
    /// It will never be taken.
    Never {
        /// The reason, in the receiver's words.
        why: String,
    },
}

impl Carried {
    /// What an answer over HTTP says.
    pub(super) fn over_http(status: StatusCode, headers: &HeaderMap, is_json: bool, body: &Bytes) -> Self {
        match Outcome::over_http(status, is_json, body) {
            Outcome::Acknowledged { rejected } => Self::Taken { rejected },
            Outcome::Refused { why } => match status.as_u16() {
                429 | 502 | 503 | 504 => {
                    let seconds =
                        headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                    Self::Later { why, after: seconds.map(Duration::from_secs) }
                }
                _ => Self::Never { why },
            },
        }
    }

    /// What an answer over gRPC says. The status stands in the trailers, or in the headers where there is no message.
    pub(super) fn over_grpc(
        http: StatusCode,
        headers: &HeaderMap,
        trailers: &HeaderMap,
        body: &Bytes,
    ) -> Self {
        let status = Status::from_header_map(trailers).or_else(|| Status::from_header_map(headers));
        let Some(status) = status else {
            let why = format!("{http}, and no status of gRPC: is it a receiver of OTLP over gRPC?");
            return Self::Later { why, after: None };
        };
        let why = || format!("{:?}: {}", status.code(), status.message());
        let after = || status.get_details_retry_info().and_then(|info| info.retry_delay);
        match status.code() {
            Code::Ok => {
                let message = body.get(PREFIX_BYTES..).unwrap_or_default();
                Self::Taken { rejected: rejected_in_protobuf(message).unwrap_or(0) }
            }
            // Without a time this is a request that is too large, which no time makes smaller.
            Code::ResourceExhausted if after().is_none() => Self::Never { why: why() },
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => Self::Later { why: why(), after: after() },
            _ => Self::Never { why: why() },
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use prost::Message as _;
    use tonic_types::{ErrorDetails, pb};

    use super::*;

    fn rpc_status(message: &str) -> Bytes {
        pb::Status { message: message.to_owned(), ..pb::Status::default() }.encode_to_vec().into()
    }

    fn later(why: &str, seconds: Option<u64>) -> Carried {
        Carried::Later { why: why.to_owned(), after: seconds.map(Duration::from_secs) }
    }

    fn never(why: &str) -> Carried {
        Carried::Never { why: why.to_owned() }
    }

    #[test]
    fn over_http_the_status_tells_whether_a_request_may_be_sent_again() {
        for (status, message, outcome) in [
            (200, "", Carried::Taken { rejected: 0 }),
            (503, "full", later("503 Service Unavailable: full", Some(7))),
            (429, "", later("429 Too Many Requests: ", Some(7))),
            (401, "who?", never("401 Unauthorized: who?")),
            (500, "", never("500 Internal Server Error: ")),
        ] {
            let body = if status == 200 { Bytes::new() } else { rpc_status(message) };
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Carried::over_http(status, &headers, false, &body), outcome, "{status}");
        }
    }

    #[test]
    fn over_grpc_the_code_tells_and_what_is_exhausted_only_with_a_time() {
        let grpc = |status: Status| {
            let response = status.into_http::<String>();
            Carried::over_grpc(StatusCode::OK, response.headers(), &HeaderMap::new(), &Bytes::new())
        };
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_secs(3)));
        let wait = |code| Status::with_error_details(code, "full", details.clone());
        for (status, outcome) in [
            (Status::ok(""), Carried::Taken { rejected: 0 }),
            (Status::unavailable("full"), later("Unavailable: full", None)),
            (wait(Code::Unavailable), later("Unavailable: full", Some(3))),
            (wait(Code::ResourceExhausted), later("ResourceExhausted: full", Some(3))),
            (Status::resource_exhausted("too large"), never("ResourceExhausted: too large")),
            (Status::unauthenticated("who?"), never("Unauthenticated: who?")),
            (Status::failed_precondition("else"), never("FailedPrecondition: else")),
        ] {
            assert_eq!(grpc(status), outcome);
        }
        let none =
            Carried::over_grpc(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &HeaderMap::new(), &Bytes::new());
        assert!(
            matches!(none, Carried::Later { why, .. } if why.starts_with("502 Bad Gateway, and no status"))
        );
    }
}
