//! OTLP over HTTP/1.1 and HTTP/2: a POST of protobuf or JSON to the path of a signal.

mod answer;
mod gzip;

use std::fmt::Display;

use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT};
use ::http::request::Parts;
use ::http::{HeaderMap, Method, Request, Response, Version};
use bytes::{Bytes, BytesMut};
use http_body::Body;

use super::Intake;
use super::acknowledgement::Acknowledgement;
use super::admission::Reservation;
use super::answer_body::AnswerBody;
use super::call::{Call, Transport};
use super::compression::Compression;
use super::endpoint::Endpoint;
use super::fault::Fault;
use super::open::{Encoding, Form};
use super::request_body::RequestBody;
use super::stage::{Stage, admit};
use crate::otlp::Signal;

/// What to use instead of an unknown media type.
const MEDIA_TYPES: &str = "application/x-protobuf or application/json";

/// What is set aside for a body of unknown length to begin with.
const FIRST_BYTES: usize = 64 << 10;

/// Answers a request.
pub(super) async fn serve<I, B>(
    stage: &Stage<I>,
    endpoint: &Endpoint,
    request: Request<RequestBody<B>>,
) -> Response<AnswerBody>
where
    I: Intake,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let (parts, mut body) = request.into_parts();
    let form = form_of(&parts.headers);
    let result = match signal_of(&parts) {
        Err(fault) => Err(fault),
        Ok(signal) => {
            let hold = stage.options.hold_before_refusing.duration();
            let mut call = Call::begin(signal, Transport::Http, hold, &parts.headers);
            let result = match admit(stage, endpoint, &call, &parts.headers).await {
                Err(fault) => Err(fault),
                Ok(caller) => {
                    call.caller = caller;
                    export(stage, &call, &parts.headers, &mut body).await
                }
            };
            stage.answered(call, &result);
            result
        }
    };
    // JSON, which a person can read as well, where the client's own encoding is not known.
    let form_of_answer = form.unwrap_or(Form::Json);
    let response = match result {
        Ok(acknowledgement) => answer::ok(&acknowledgement, form_of_answer),
        Err(fault) => {
            if parts.version < Version::HTTP_2 && is_sending(&parts.headers, &fault) {
                body.discard().await;
            }
            answer::fault(&fault, form_of_answer)
        }
    };
    if parts.method == Method::HEAD {
        // Over HTTP/1.1 hyper leaves the body out; over HTTP/2 a client would take it for a breach of the protocol.
        return response.map(|_| AnswerBody::default());
    }
    gzip::compressed(response, &parts.headers)
}

async fn export<I, B>(
    stage: &Stage<I>,
    call: &Call,
    headers: &HeaderMap,
    body: &mut RequestBody<B>,
) -> Result<Acknowledgement, Fault>
where
    I: Intake,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let Some(form) = form_of(headers) else {
        let name = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        return Err(Fault::UnknownMediaType(name.unwrap_or_default().into_owned(), MEDIA_TYPES));
    };
    let encoding = Encoding { signal: call.signal, form, compression: compression_of(headers)? };
    let (sent, reservation) = match body.announced() {
        Some(announced) => {
            let length = stage.within_limit(call, announced)?;
            let reservation = stage.reserve(call, encoding, length).await?;
            let sent = body.take(length).await?;
            if sent.len() < length {
                return Err(Fault::Interrupted("it is shorter than announced".into()));
            }
            (sent, reservation)
        }
        None => read_to_end(stage, call, encoding, body).await?,
    };
    stage.acknowledge(call, encoding, sent, reservation).await
}

/// Reads a body of unknown length, and reserves memory as it comes.
async fn read_to_end<I, B>(
    stage: &Stage<I>,
    call: &Call,
    encoding: Encoding,
    body: &mut RequestBody<B>,
) -> Result<(Bytes, Reservation), Fault>
where
    I: Intake,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let mut reserved = FIRST_BYTES;
    let mut reservation = stage.reserve(call, encoding, reserved).await?;
    let mut whole = BytesMut::new();
    while let Some(data) = body.next().await? {
        let length = stage.within_limit(call, whole.len() as u64 + data.len() as u64)?;
        if length > reserved {
            // The buffer doubles as it grows, and so does what is set aside for it.
            reserved = 2 * length;
            let peak = stage.opener.expected_peak(encoding, reserved);
            reservation.at_least(peak, call.patience_ends).await?;
        }
        whole.extend_from_slice(&data);
    }
    Ok((whole.freeze(), reservation))
}

/// The signal whose path this is, if the method is POST.
fn signal_of(parts: &Parts) -> Result<Signal, Fault> {
    let path = parts.uri.path();
    let signal = Signal::ALL
        .into_iter()
        .find(|signal| signal.path() == path)
        .ok_or_else(|| {
            let known = "POST OTLP to /v1/logs, /v1/metrics, /v1/traces or /v1development/profiles, or use gRPC over \
                         HTTP/2";
            Fault::UnknownPath(path.to_owned(), known)
        })?;
    if parts.method != Method::POST {
        return Err(Fault::WrongMethod(parts.method.to_string()));
    }
    Ok(signal)
}

/// The form that the media type names, in any case and with any parameters.
fn form_of(headers: &HeaderMap) -> Option<Form> {
    let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    match media_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "application/x-protobuf" => Some(Form::Protobuf),
        "application/json" => Some(Form::Json),
        _ => None,
    }
}

fn compression_of(headers: &HeaderMap) -> Result<Compression, Fault> {
    let Some(name) = headers.get(CONTENT_ENCODING) else { return Ok(Compression::None) };
    let name = String::from_utf8_lossy(name.as_bytes());
    Compression::named(&name).ok_or_else(|| Fault::UnknownCompression(name.into_owned()))
}

/// Whether the client may still be sending a request that was refused: not if it waits for leave to do so, nor if it
/// stopped half-way.
fn is_sending(headers: &HeaderMap, fault: &Fault) -> bool {
    !headers.contains_key(EXPECT) && !matches!(fault, Fault::Interrupted(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_may_have_parameters_and_any_case() {
        for (media_type, form) in [
            ("application/json", Some(Form::Json)),
            ("Application/JSON; charset=utf-8", Some(Form::Json)),
            ("application/x-protobuf ;q=1", Some(Form::Protobuf)),
            ("application/protobuf", None),
            ("text/plain", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, media_type.parse().unwrap())]);
            assert_eq!(form_of(&headers), form, "{media_type}");
        }
    }
}
