//! The HTTP layer below `object_store`, which makes right what that cannot.
//!
//! - **A conflict is no "exists already".** S3 answers a create-only put with 409 when another request is under way:
//!   nothing was stored. `object_store` takes every 409 for "exists already"; here it becomes a 503. Azure does say 409
//!   when the object is there, with a code by which it is told apart and becomes a 412.
//! - **Completing a multipart upload creates and never replaces** (`If-None-Match: *`); `object_store` has no way to
//!   ask for that. The header need not be signed: AWS's signatures want `host` and `x-amz-*` only.
//! - **A 200 with an error in its body is an error.**
//! - **A body that the line has damaged is refused by the store**: it is told a checksum ([`super::checksum`]).
//! - An exchange is given up when it does not move, not when it takes long, and all exchanges share the bandwidth.
//! - What went wrong is written down for the operator ([`super::answer`]).

use std::sync::{Arc, Once};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, StatusCode, Uri};
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpService,
};
use tokio::time::Instant;

use super::answer;
use super::checksum;
use super::pace::{Pace, PacedBody, Progress};
use crate::upload::options::Options;
use crate::upload::trouble::{Kind, Trouble};

/// Whose rules an exchange follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    S3,
    Gcs,
    Azure,
}

/// Makes HTTP clients for `object_store`.
#[derive(Clone, Debug)]
pub(super) struct Connector(Arc<Line>);

/// What all exchanges with one store share.
#[derive(Clone, Debug)]
struct Line {
    client: reqwest::Client,
    /// For addresses of this machine and of metadata services, which no proxy knows.
    direct: reqwest::Client,
    dialect: Dialect,
    create_only: bool,
    patience: Duration,
    pace: Arc<Pace>,
    /// As much of an answer as is read.
    answer_bytes: usize,
}

/// As much of an answer to a put as is read; they are small.
const ANSWER_BYTES: usize = 1 << 20;

/// As much of an answer as is read of who reads objects piece by piece, and lists of a thousand of them.
const PIECE_BYTES: usize = 16 << 20;

impl Connector {
    /// The connector that the settings ask for. `ca_bundle` is a PEM file's content; `pace` is that of the connector in
    /// whose place this one comes.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub(super) fn new(
        options: &Options,
        dialect: Dialect,
        ca_bundle: Option<&[u8]>,
        pace: Option<Arc<Pace>>,
    ) -> Result<Self, String> {
        Ok(Self(Arc::new(Line {
            client: proxied(options, ca_bundle)?,
            direct: direct(options, ca_bundle)?,
            dialect,
            create_only: options.create_only,
            patience: options.attempt_timeout.duration(),
            pace: pace.unwrap_or_else(|| Arc::new(Pace::new(options.bandwidth))),
            answer_bytes: ANSWER_BYTES,
        })))
    }

    /// The same for one who reads objects.
    pub(super) fn for_reading(&self) -> Self {
        Self(Arc::new(Line { answer_bytes: PIECE_BYTES, ..self.0.as_ref().clone() }))
    }

    /// The bandwidth that all its exchanges share.
    pub(super) fn pace(&self) -> &Arc<Pace> {
        &self.0.pace
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allow_http = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        Ok(HttpClient::new(Exchange { line: Arc::clone(&self.0), allow_http }))
    }
}

/// The content of the PEM file that the settings name, or else the environment.
///
/// # Errors
/// If it cannot be read.
pub(super) fn ca_bundle(options: &Options, environment: Option<&str>) -> Result<Option<Vec<u8>>, String> {
    let path = options.ca_bundle.clone().or_else(|| environment.map(Into::into));
    let pem = path.map(|path| {
        let read = std::fs::read(&path);
        read.map_err(|error| format!("cannot read upload.ca_bundle {}: {error}", path.display()))
    });
    pem.transpose()
}

/// A client for `url`, with the proxy and the certificates of the stores.
///
/// # Errors
/// A sentence that says which setting is wrong.
pub(in crate::upload) fn client(options: &Options, url: &str) -> Result<reqwest::Client, String> {
    let pem = ca_bundle(options, None)?;
    let is_near = url.parse().is_ok_and(|uri| is_near(&uri));
    if is_near { direct(options, pem.as_deref()) } else { proxied(options, pem.as_deref()) }
}

/// A client that uses the proxy of the settings, or of the environment.
fn proxied(options: &Options, ca_bundle: Option<&[u8]>) -> Result<reqwest::Client, String> {
    let mut proxied = builder(options, ca_bundle)?;
    if let Some(proxy) = &options.proxy {
        let proxy = reqwest::Proxy::all(proxy.reveal())
            .map_err(|_| "upload.proxy is no URL; write it like http://proxy.example.com:3128".to_string())?;
        proxied = proxied.proxy(proxy);
    }
    build(proxied)
}

/// A client that uses no proxy.
fn direct(options: &Options, ca_bundle: Option<&[u8]>) -> Result<reqwest::Client, String> {
    build(builder(options, ca_bundle)?.no_proxy())
}

fn builder(options: &Options, ca_bundle: Option<&[u8]>) -> Result<reqwest::ClientBuilder, String> {
    install_tls();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("forebay/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout.duration())
        // Stores close connections that are idle for some 20 s; a put must not meet one that is just closing.
        .pool_idle_timeout(Duration::from_secs(15))
        // HTTP/2 shares one connection, on which a lost packet holds up all puts.
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    let Some(pem) = ca_bundle else { return Ok(builder) };
    let certificates = reqwest::Certificate::from_pem_bundle(pem)
        .map_err(|error| format!("upload.ca_bundle is no PEM file of certificates: {error}"))?;
    if certificates.is_empty() {
        return Err("upload.ca_bundle has no certificate in it; name a PEM file".to_string());
    }
    Ok(builder.tls_certs_merge(certificates))
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, String> {
    builder.build().map_err(|error| format!("cannot make an HTTP client: {}", answer::unanswered(&error)))
}

/// Installs the TLS provider of the process, unless that was done.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else's provider is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Sends requests and judges answers.
#[derive(Debug)]
struct Exchange {
    line: Arc<Line>,
    allow_http: bool,
}

#[async_trait]
impl HttpService for Exchange {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.uri().scheme_str() != Some("https") && !self.allow_http {
            let words = "the address is not https:// and unencrypted connections are not allowed";
            return Err(fail(HttpErrorKind::Unknown, Trouble::new(Kind::Request, words)));
        }
        self.line.make_create_only(&mut request);
        checksum::give(&mut request, self.line.dialect).await?;
        let is_completion = request.method() == Method::POST && asks_for(request.uri(), "uploadId");
        let progress = Progress::begin();
        let exchange = self.line.exchange(request, &progress);
        let (parts, body) = match progress.watch(self.line.patience, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(trouble)) => {
                let kind = match trouble.kind {
                    Kind::Timeout => HttpErrorKind::Timeout,
                    Kind::Connect | Kind::Dns | Kind::Tls => HttpErrorKind::Connect,
                    _ => HttpErrorKind::Unknown,
                };
                return Err(fail(kind, trouble));
            }
            Err(stalled) => {
                return Err(fail(HttpErrorKind::Timeout, Trouble::new(Kind::Timeout, stalled.to_string())));
            }
        };
        Ok(self.line.judge(parts, body, is_completion))
    }
}

impl Line {
    /// Sends `request` and reads the whole answer.
    async fn exchange(
        &self,
        request: HttpRequest,
        progress: &Arc<Progress>,
    ) -> Result<(http::response::Parts, Bytes), Trouble> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let url = reqwest::Url::parse(&url)
            .map_err(|error| Trouble::new(Kind::Request, format!("{url}: {error}")))?;
        let client = if is_near(&parts.uri) { &self.direct } else { &self.client };
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(match body.content_length() {
            0 => reqwest::Body::from(Bytes::new()),
            _ => reqwest::Body::wrap(PacedBody::new(body, Arc::clone(progress), Arc::clone(&self.pace))),
        });
        let unanswered = |error: reqwest::Error| answer::unanswered(&error.without_url());
        let mut response = client.execute(request).await.map_err(unanswered)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            progress.moved(Instant::now());
            if body.len() + chunk.len() > self.answer_bytes {
                return Err(Trouble::new(Kind::Other, "the answer is longer than any that was asked for"));
            }
            body.extend_from_slice(&chunk);
        }
        let (parts, _) = http::Response::<reqwest::Body>::from(response).into_parts();
        Ok((parts, body.freeze()))
    }

    /// Adds what `object_store` cannot: that completing a multipart upload must not replace anything.
    fn make_create_only(&self, request: &mut HttpRequest) {
        let completes = request.method() == Method::POST && asks_for(request.uri(), "uploadId");
        if self.create_only && self.dialect == Dialect::S3 && completes {
            request.headers_mut().insert(http::header::IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
    }

    /// The answer as `object_store` has to see it.
    fn judge(&self, mut parts: http::response::Parts, body: Bytes, is_completion: bool) -> HttpResponse {
        if is_completion && parts.status.is_success() && has_error(&body) {
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        if parts.status.is_success() {
            answer::note(None);
        } else {
            let trouble = answer::read(parts.status, &parts.headers, &body);
            parts.status = self.translate(parts.status, trouble.code.as_deref());
            answer::note(Some(trouble));
        }
        HttpResponse::from_parts(parts, body.into())
    }

    /// The status that means to `object_store` what `status` means to the store.
    fn translate(&self, status: StatusCode, code: Option<&str>) -> StatusCode {
        match (status, self.dialect, code) {
            // The latter is said to credentials that may create and not replace.
            (StatusCode::CONFLICT, Dialect::Azure, Some("BlobAlreadyExists"))
            | (StatusCode::FORBIDDEN, Dialect::Azure, Some("UnauthorizedBlobOverwrite")) => {
                StatusCode::PRECONDITION_FAILED
            }
            (StatusCode::CONFLICT, _, _) => StatusCode::SERVICE_UNAVAILABLE,
            _ => status,
        }
    }
}

/// Notes the trouble and makes the error of it.
fn fail(kind: HttpErrorKind, trouble: Trouble) -> HttpError {
    answer::note(Some(trouble.clone()));
    HttpError::new(kind, trouble)
}

/// Whether the query of `uri` has the parameter `name`.
fn asks_for(uri: &Uri, name: &str) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some(name)))
}

/// Whether a body that came with a 200 is an error document.
fn has_error(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("<Error>") || text.contains("<Error ")
}

/// Whether `uri` is on this machine or a metadata service.
fn is_near(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    if matches!(
        host,
        "localhost" | "metadata.google.internal" | "metadata" | "fd00:ec2::254" | "fd00:ec2::23"
    ) {
        return true;
    }
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(std::net::IpAddr::V6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(dialect: Dialect, create_only: bool) -> Arc<Line> {
        let options = Options { create_only, ..Options::default() };
        Connector::new(&options, dialect, None, None).unwrap().0
    }

    #[tokio::test]
    async fn a_conflict_is_not_taken_for_exists_already() {
        let conflict = StatusCode::CONFLICT;
        for (dialect, status, code, seen) in [
            (Dialect::S3, conflict, Some("ConditionalRequestConflict"), StatusCode::SERVICE_UNAVAILABLE),
            (Dialect::S3, conflict, None, StatusCode::SERVICE_UNAVAILABLE),
            (Dialect::Gcs, conflict, None, StatusCode::SERVICE_UNAVAILABLE),
            (Dialect::Azure, conflict, Some("ContainerBeingDeleted"), StatusCode::SERVICE_UNAVAILABLE),
            (Dialect::Azure, conflict, Some("BlobAlreadyExists"), StatusCode::PRECONDITION_FAILED),
            (
                Dialect::Azure,
                StatusCode::FORBIDDEN,
                Some("UnauthorizedBlobOverwrite"),
                StatusCode::PRECONDITION_FAILED,
            ),
            (
                Dialect::S3,
                StatusCode::PRECONDITION_FAILED,
                Some("PreconditionFailed"),
                StatusCode::PRECONDITION_FAILED,
            ),
        ] {
            assert_eq!(line(dialect, true).translate(status, code), seen, "{dialect:?} {status} {code:?}");
        }
    }

    #[tokio::test]
    async fn completing_a_multipart_upload_creates_and_never_replaces() {
        let header = |dialect, create_only, method: Method, query: &str| {
            let uri = format!("https://h/b/k?{query}");
            let mut request: HttpRequest =
                http::Request::builder().method(method).uri(uri).body(Bytes::new().into()).unwrap();
            line(dialect, create_only).make_create_only(&mut request);
            request.headers().contains_key("if-none-match")
        };
        assert!(header(Dialect::S3, true, Method::POST, "uploadId=x"));
        assert!(!header(Dialect::S3, false, Method::POST, "uploadId=x"));
        assert!(!header(Dialect::S3, true, Method::POST, "uploads="));
        assert!(!header(Dialect::S3, true, Method::PUT, "partNumber=1&uploadId=x"));
    }

    #[tokio::test]
    async fn an_error_in_the_body_of_a_200_is_an_error() {
        let body = Bytes::from_static(b"<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>");
        let answer = |is_completion| {
            let (parts, ()) = http::Response::new(()).into_parts();
            line(Dialect::S3, true).judge(parts, body.clone(), is_completion).status()
        };
        assert_eq!(answer(true), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer(false), StatusCode::OK);
    }

    #[test]
    fn metadata_services_are_asked_without_a_proxy() {
        for near in
            ["http://169.254.169.254/x", "http://127.0.0.1:1/", "http://[::1]/", "http://[fd00:ec2::254]/"]
        {
            assert!(is_near(&near.parse().unwrap()), "{near}");
        }
        assert!(!is_near(&"https://s3.eu-west-1.amazonaws.com/b".parse().unwrap()));
    }
}
