//! Answers over HTTP. The body of every error is a `google.rpc.Status` in the request's encoding.

use ::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER};
use ::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use prost::Message;
use serde_json::json;
use tonic_types::{RetryInfo, pb};

use crate::receive::acknowledgement::Acknowledgement;
use crate::receive::answer_body::AnswerBody;
use crate::receive::compression::Compression;
use crate::receive::fault::Fault;
use crate::receive::open::Form;
use crate::receive::retry_after;

/// 200 with an `Export*ServiceResponse`, in which nothing is set unless items were rejected.
pub(super) fn ok(acknowledgement: &Acknowledgement, form: Form) -> Response<AnswerBody> {
    let body = match (acknowledgement.rejected(), form) {
        (None, Form::Protobuf) => Bytes::new(),
        (None, Form::Json) => Bytes::from_static(b"{}"),
        (Some(rejected), Form::Protobuf) => rejected.to_protobuf().into(),
        (Some(rejected), Form::Json) => rejected.to_json().into(),
    };
    answer(StatusCode::OK, form, body)
}

/// An error, with the headers that tell the client what would work.
pub(super) fn fault(fault: &Fault, form: Form) -> Response<AnswerBody> {
    let body = match form {
        Form::Protobuf => protobuf(fault),
        Form::Json => json(fault),
    };
    let mut response = answer(fault.http_status(), form, body);
    let headers = response.headers_mut();
    if let Some(delay) = fault.retry_after() {
        headers.insert(RETRY_AFTER, retry_after::whole_seconds(delay).into());
    }
    match fault {
        Fault::WrongMethod(_) => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Fault::UnknownCompression(_) => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(Compression::OVER_HTTP));
        }
        _ => {}
    }
    response
}

fn answer(status: StatusCode, form: Form, body: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::of(body));
    *response.status_mut() = status;
    let media_type = match form {
        Form::Protobuf => "application/x-protobuf",
        Form::Json => "application/json",
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A `google.rpc.Status` as protobuf.
fn protobuf(fault: &Fault) -> Bytes {
    let status = fault.status();
    if !status.details().is_empty() {
        // With details, gRPC's own header carries the whole message.
        return Bytes::copy_from_slice(status.details());
    }
    let message = pb::Status { code: fault.code().into(), message: fault.to_string(), details: Vec::new() };
    message.encode_to_vec().into()
}

/// A `google.rpc.Status` as JSON.
fn json(fault: &Fault) -> Bytes {
    let mut status = json!({ "code": i32::from(fault.code()), "message": fault.to_string() });
    if let Some(delay) = fault.retry_after() {
        // As protobuf's JSON has a span of time.
        let delay = format!("{}.{:03}s", delay.as_secs(), delay.subsec_millis());
        status["details"] = json!([{ "@type": RetryInfo::TYPE_URL, "retryDelay": delay }]);
    }
    status.to_string().into()
}
