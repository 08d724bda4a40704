//! What became of a request, read from its answer only as far as needed.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tonic::{Code, Status};

use crate::send::{Outcome, rejected_in_protobuf};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// OK, with this many items rejected.
    Acknowledged { rejected: u64 },
    /// The far side has it not, and says that it may be sent again.
    Refused { why: String },
    /// Anything else: another error of the far side's, or no answer at all.
    Failed { why: String },
}

/// How much of an answer is kept; the rest is passed over. Answers of OTLP are far shorter.
const ANSWER_BYTES: usize = 64 << 10;

/// The bytes before a message of gRPC.
const PREFIX_BYTES: usize = 5;

/// The answer to a call of gRPC. The body must be read to its end, for the status comes after it.
pub(super) async fn over_grpc(response: Response<Incoming>) -> hyper::Result<Answer> {
    let status = response.status();
    let (head, body) = response.into_parts();
    let (message, trailers) = read(body).await?;
    // An answer without a message has the status in its head.
    let headers = trailers.unwrap_or(head.headers);
    Ok(of_call(status, &headers, message))
}

/// The answer to a request of HTTP.
pub(super) async fn over_http(response: Response<Incoming>, is_json: bool) -> hyper::Result<Answer> {
    let status = response.status();
    let (body, _) = read(response.into_body()).await?;
    Ok(of_request(status, is_json, &body))
}

async fn read(mut body: Incoming) -> hyper::Result<(Bytes, Option<HeaderMap>)> {
    let mut content = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => content.extend_from_slice(&data[..data.len().min(ANSWER_BYTES - content.len())]),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok((content.freeze(), trailers))
}

fn of_call(status: StatusCode, headers: &HeaderMap, mut message: Bytes) -> Answer {
    if headers.get("grpc-status").is_some_and(|status| status == "0") {
        // Of an acknowledgement without reservation, nothing comes after the prefix.
        if message.len() <= PREFIX_BYTES {
            return Answer::Acknowledged { rejected: 0 };
        }
        message.advance(PREFIX_BYTES);
        return Answer::Acknowledged { rejected: rejected_in_protobuf(&message).unwrap_or(0) };
    }
    match Status::from_header_map(headers) {
        None => Answer::Failed { why: format!("{status}, and no status of gRPC") },
        Some(status) => {
            let why = format!("{:?}: {}", status.code(), status.message());
            // OTLP says of these that they may be sent again; of RESOURCE_EXHAUSTED if the far side says when
            // (opentelemetry.io/docs/specs/otlp, "Failures").
            match status.code() {
                Code::Unavailable | Code::ResourceExhausted => Answer::Refused { why },
                _ => Answer::Failed { why },
            }
        }
    }
}

fn of_request(status: StatusCode, is_json: bool, body: &[u8]) -> Answer {
    match Outcome::over_http(status, is_json, body) {
        Outcome::Acknowledged { rejected } => Answer::Acknowledged { rejected },
        // As OTLP has it for HTTP: 429, 502, 503 and 504 may be sent again.
        Outcome::Refused { why } if [429, 502, 503, 504].contains(&status.as_u16()) => {
            Answer::Refused { why }
        }
        Outcome::Refused { why } => Answer::Failed { why },
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceResponse,
    };
    use prost::Message as _;

    use super::*;

    fn call(headers: &[(&'static str, &'static str)], message: &[u8]) -> Answer {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        of_call(StatusCode::OK, &headers.collect(), Bytes::copy_from_slice(message))
    }

    #[test]
    fn a_call_is_acknowledged_by_its_status_and_by_nothing_else() {
        let partial = ExportLogsPartialSuccess { rejected_log_records: 4, error_message: "why".into() };
        let response = ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let message = [&[0, 0, 0, 0, u8::try_from(response.len()).unwrap()], response.as_slice()].concat();
        assert_eq!(call(&[("grpc-status", "0")], &[0; 5]), Answer::Acknowledged { rejected: 0 });
        assert_eq!(call(&[("grpc-status", "0")], &message), Answer::Acknowledged { rejected: 4 });
        let failed = Answer::Failed { why: "200 OK, and no status of gRPC".into() };
        assert_eq!(call(&[], &[0; 5]), failed);
    }

    #[test]
    fn what_may_be_sent_again_was_refused_and_everything_else_failed() {
        let refused = Answer::Refused { why: "Unavailable: no room".into() };
        assert_eq!(call(&[("grpc-status", "14"), ("grpc-message", "no%20room")], b""), refused);
        let failed = Answer::Failed { why: "InvalidArgument: ".into() };
        assert_eq!(call(&[("grpc-status", "3")], b""), failed);
        for (status, is_refused) in [(429, true), (503, true), (400, false), (500, false), (404, false)] {
            let answer = of_request(StatusCode::from_u16(status).unwrap(), true, br#"{"message":"so"}"#);
            let (Answer::Refused { why } | Answer::Failed { why }) = &answer else { panic!("{answer:?}") };
            assert!(why.starts_with(&status.to_string()) && why.ends_with(": so"), "{why}");
            assert_eq!(matches!(answer, Answer::Refused { .. }), is_refused, "{answer:?}");
        }
        assert_eq!(of_request(StatusCode::OK, false, b""), Answer::Acknowledged { rejected: 0 });
    }
}
