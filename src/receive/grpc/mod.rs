//! OTLP over gRPC.
//!
//! A call is one message and one answer, so the message is taken from the body as it is: five bytes of prefix say
//! whether it is compressed and how long it is. tonic's codec is not used for that. Admission needs the length before
//! the message is read; tonic would answer one over the limit with `OUT_OF_RANGE`, which clients send again for ever,
//! would drop all gzip members but the first without a word, and would decompress on the event loop.

mod answer;

use std::fmt::Display;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response};
use http_body::Body;

use super::Intake;
use super::acknowledgement::Acknowledgement;
use super::answer_body::AnswerBody;
use super::call::{Call, Transport};
use super::compression::Compression;
use super::endpoint::Endpoint;
use super::fault::Fault;
use super::open::{Encoding, Form};
use super::request_body::RequestBody;
use super::stage::{Stage, admit};
use crate::otlp::Signal;

/// Length of a message's prefix: whether it is compressed (one byte), and its length (four, the highest first).
const PREFIX_BYTES: usize = 5;

/// Whether these headers are those of a gRPC call. gRPC-Web, which frames its answers in another way, is not.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media_type| media_type.starts_with("application/grpc"))
        && !media_type(headers).is_some_and(|media_type| media_type.starts_with("application/grpc-web"))
}

/// Answers a call.
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
    let Some(signal) = signal_of(parts.uri.path()) else {
        let known =
            "the methods are those of OTLP's LogsService, MetricsService, TraceService and ProfilesService";
        return answer::fault(&Fault::UnknownPath(parts.uri.path().to_owned(), known));
    };
    let hold = stage.options.hold_before_refusing.duration();
    let mut call = Call::begin(signal, Transport::Grpc, hold, &parts.headers);
    let result = match admit(stage, endpoint, &call, &parts.headers).await {
        Err(fault) => Err(fault),
        Ok(caller) => {
            call.caller = caller;
            export(stage, &call, &parts.headers, &mut body).await
        }
    };
    stage.answered(call, &result);
    match result {
        Ok(acknowledgement) => answer::ok(&acknowledgement),
        Err(fault) => answer::fault(&fault),
    }
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
    check_media_type(headers)?;
    let named = compression_of(headers)?;
    let (compression, announced) = read_prefix(&body.take(PREFIX_BYTES).await?, named)?;
    let length = stage.within_limit(call, announced.into())?;
    let encoding = Encoding { signal: call.signal, form: Form::Protobuf, compression };
    let reservation = stage.reserve(call, encoding, length).await?;
    let message = body.take(length).await?;
    if message.len() < length {
        return Err(Fault::Undecodable("it ends within its message".into()));
    }
    if !body.ends_here().await? {
        return Err(Fault::Undecodable("it has more than one message".into()));
    }
    stage.acknowledge(call, encoding, message, reservation).await
}

/// The signal whose service has this path.
fn signal_of(path: &str) -> Option<Signal> {
    match path.strip_prefix("/opentelemetry.proto.collector.")? {
        "logs.v1.LogsService/Export" => Some(Signal::Logs),
        "metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        "trace.v1.TraceService/Export" => Some(Signal::Traces),
        "profiles.v1development.ProfilesService/Export" => Some(Signal::Profiles),
        _ => None,
    }
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// gRPC's media type may name the encoding of its messages.
fn check_media_type(headers: &HeaderMap) -> Result<(), Fault> {
    let name = media_type(headers).unwrap_or_default();
    match name.split(';').next().unwrap_or_default().trim() {
        "application/grpc" | "application/grpc+proto" => Ok(()),
        _ => Err(Fault::UnknownMediaType(name.to_owned(), "application/grpc+proto")),
    }
}

/// The compression that compressed messages of this call have.
fn compression_of(headers: &HeaderMap) -> Result<Compression, Fault> {
    let Some(name) = headers.get("grpc-encoding") else { return Ok(Compression::None) };
    let name = String::from_utf8_lossy(name.as_bytes());
    Compression::named(&name).ok_or_else(|| Fault::UnknownCompression(name.into_owned()))
}

/// Reads a message's prefix: its compression, where `named` is that of compressed messages, and its length.
fn read_prefix(prefix: &[u8], named: Compression) -> Result<(Compression, u32), Fault> {
    let undecodable = |why: &str| Err(Fault::Undecodable(why.to_owned()));
    let compression = match (prefix, named) {
        ([], _) => return undecodable("it has no message"),
        ([0, ..], _) => Compression::None,
        ([1, ..], Compression::None) => {
            return undecodable("its message is compressed, but no grpc-encoding says how");
        }
        ([1, ..], named) => named,
        _ => return undecodable("its message's prefix is wrong"),
    };
    match prefix {
        [_, a, b, c, d] => Ok((compression, u32::from_be_bytes([*a, *b, *c, *d]))),
        _ => undecodable("it ends within its message's prefix"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_tells_compression_and_length() {
        let (none, gzip) = (Compression::None, Compression::Gzip);
        assert_eq!(read_prefix(&[0, 0, 0, 1, 2], gzip), Ok((none, 258)));
        assert_eq!(read_prefix(&[1, 0xff, 0, 0, 0], gzip), Ok((gzip, 0xff00_0000)));
        for (wrong, named) in
            [(&[][..], none), (&[0, 0, 0, 1], none), (&[1, 0, 0, 0, 1], none), (&[2, 0, 0, 0, 1], gzip)]
        {
            assert!(matches!(read_prefix(wrong, named), Err(Fault::Undecodable(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_call_is_known_by_its_media_type() {
        let headers = |media_type: &str| {
            HeaderMap::from_iter([(CONTENT_TYPE, media_type.parse().expect("a header's value"))])
        };
        for (media_type, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc; charset=utf-8", true),
            ("application/grpc+json", true),
            ("application/grpc-web+proto", false),
            ("application/x-protobuf", false),
        ] {
            assert_eq!(is_grpc(&headers(media_type)), expected, "{media_type}");
        }
        assert!(check_media_type(&headers("application/grpc; a=b")).is_ok());
        assert!(check_media_type(&headers("application/grpc+json")).is_err());
    }
}
