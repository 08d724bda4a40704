//! Answers over gRPC.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};

use crate::receive::acknowledgement::Acknowledgement;
use crate::receive::answer_body::AnswerBody;
use crate::receive::compression::Compression;
use crate::receive::fault::Fault;

/// An `Export*ServiceResponse` in which nothing is set has no bytes; five of prefix stand before it.
const ACCEPTED: &[u8] = &[0; super::PREFIX_BYTES];

/// OK with an `Export*ServiceResponse`, in which nothing is set unless items were rejected.
pub(super) fn ok(acknowledgement: &Acknowledgement) -> Response<AnswerBody> {
    let message = match acknowledgement.rejected() {
        None => Bytes::from_static(ACCEPTED),
        Some(rejected) => framed(&rejected.to_protobuf()),
    };
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut response = Response::new(AnswerBody::with_trailers(message, trailers));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A message behind its prefix. Ours are far shorter than four bytes can say.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], message].concat().into()
}

/// A status other than OK: headers only, as gRPC wants it where no message is sent.
pub(super) fn fault(fault: &Fault) -> Response<AnswerBody> {
    let mut response = fault.status().into_http::<AnswerBody>();
    if matches!(fault, Fault::UnknownCompression(_)) {
        let known = HeaderValue::from_static(Compression::OVER_GRPC);
        response.headers_mut().insert("grpc-accept-encoding", known);
    }
    response
}
