//! Every connection takes gRPC and HTTP; the media type of a request tells which it is.

use std::convert::Infallible;
use std::sync::Arc;

use http::header::ORIGIN;
use http::{Request, Response, Version};
use hyper::body::Incoming;

use super::answer_body::AnswerBody;
use super::endpoint::Endpoint;
use super::progress::Pace;
use super::request_body::RequestBody;
use super::stage::Stage;
use super::{Intake, grpc, http as otlp_http};

/// Answers a request that came to `endpoint`.
pub(super) async fn answer<I: Intake>(
    stage: Arc<Stage<I>>,
    endpoint: Arc<Endpoint>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    if let Some(response) = endpoint.preflight(&request) {
        return Ok(response);
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let pace = Pace::of(&stage.options);
    let request = request.map(|body| RequestBody::new(body, pace));
    // gRPC ends its answers with trailers, which its clients expect over HTTP/2 only.
    let is_grpc = request.version() == Version::HTTP_2 && grpc::is_grpc(request.headers());
    let mut response = if is_grpc {
        grpc::serve(&stage, &endpoint, request).await
    } else {
        otlp_http::serve(&stage, &endpoint, request).await
    };
    endpoint.complete(origin.as_ref(), &mut response);
    Ok(response)
}
