//! The checksum by which a store knows that the line has not changed a body: `Content-MD5`, which S3, its like and Google
//! Cloud Storage verify, and which `object_store` does not send.
//!
//! - S3 has the body's SHA-256 in the signature, but not without one, nor with `AWS_UNSIGNED_PAYLOAD`, and compatible
//!   stores need not look at it (SeaweedFS 4.48 stores whatever comes).
//! - No signature has to cover it: AWS's want `host`, `content-type` and `x-amz-*` only, Google's tokens no headers.
//! - An `x-amz-checksum-*` that the operator asked for takes its place. S3's directory buckets do not know it.
//! - Azure's shared keys sign it, or its absence: there, TLS has to do.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderName, HeaderValue, Method};
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use object_store::client::{HttpError, HttpErrorKind, HttpRequest};

use super::http::Dialect;

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// Gives the body of a put a checksum.
pub(super) async fn give(request: &mut HttpRequest, dialect: Dialect) -> Result<(), HttpError> {
    if request.method() != Method::PUT || request.body().content_length() == 0 {
        return Ok(());
    }
    if dialect == Dialect::Azure || has_checksum(request) || is_in_directory_bucket(request) {
        return Ok(());
    }
    let value = HeaderValue::try_from(md5_of(request).await?);
    let value = value.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
    request.headers_mut().insert(CONTENT_MD5, value);
    Ok(())
}

fn has_checksum(request: &HttpRequest) -> bool {
    request.headers().keys().any(|name| name.as_str().starts_with("x-amz-checksum-"))
}

/// The names of directory buckets all end in this, and no other bucket's may.
fn is_in_directory_bucket(request: &HttpRequest) -> bool {
    let uri = request.uri();
    let hosted = uri.host().is_some_and(|host| host.contains("--x-s3."));
    hosted || uri.path().split('/').nth(1).is_some_and(|bucket| bucket.ends_with("--x-s3"))
}

/// Goes through a body without keeping the thread from others for long.
async fn md5_of(request: &HttpRequest) -> Result<String, HttpError> {
    let mut digest = Md5::new();
    let mut body = request.body().clone();
    while let Some(frame) = body.frame().await {
        if let Ok(chunk) = frame?.into_data() {
            digest.update(&chunk);
            tokio::task::yield_now().await;
        }
    }
    Ok(BASE64_STANDARD.encode(digest.finalize()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    async fn given(dialect: Dialect, method: Method, uri: &str, header: Option<&str>) -> Option<String> {
        let mut builder = http::Request::builder().method(method).uri(uri);
        if let Some(name) = header {
            builder = builder.header(name, "x");
        }
        let mut request: HttpRequest = builder.body(Bytes::from_static(b"123456789").into()).unwrap();
        give(&mut request, dialect).await.unwrap();
        request.headers().get(CONTENT_MD5).map(|value| value.to_str().unwrap().to_string())
    }

    #[tokio::test]
    async fn a_body_has_one_checksum_where_no_signature_forbids_it() {
        let md5 = "JfnnlDI7RTiF9RgfG2JNCw==";
        for (dialect, method, uri, header, expected) in [
            (Dialect::S3, Method::PUT, "https://h/bucket/key", None, Some(md5)),
            (Dialect::S3, Method::PUT, "https://h/bucket/key?partNumber=1&uploadId=2", None, Some(md5)),
            (Dialect::S3, Method::PUT, "https://h/bucket/key", Some("x-amz-checksum-sha256"), None),
            (Dialect::S3, Method::PUT, "https://h/bucket--use1-az4--x-s3/key", None, None),
            (Dialect::S3, Method::PUT, "https://bucket--use1-az4--x-s3.s3express-use1-az4/key", None, None),
            (Dialect::S3, Method::POST, "https://h/bucket/key?uploadId=2", None, None),
            (Dialect::Gcs, Method::PUT, "https://h/bucket/key", None, Some(md5)),
            (Dialect::Azure, Method::PUT, "https://h/bucket/key", None, None),
        ] {
            let given = given(dialect, method.clone(), uri, header).await;
            assert_eq!(given.as_deref(), expected, "{dialect:?} {method} {uri} {header:?}");
        }
    }
}
