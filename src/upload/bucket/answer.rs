//! What a store answered, told from the HTTP exchange itself.
//!
//! `object_store` folds answers into few kinds of errors and hides the status; so the HTTP layer below it writes down
//! what it saw, and the bucket reads it when the call above has failed. A call and its exchanges run in one task.

use std::cell::RefCell;
use std::error::Error;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use crate::upload::trouble::{Kind, Trouble};

tokio::task_local! {
    static LAST: RefCell<Option<Trouble>>;
}

/// Runs `call` and returns, beside its outcome, what went wrong in its last exchange if anything did.
pub(super) async fn recorded<T>(call: impl Future<Output = T>) -> (T, Option<Trouble>) {
    LAST.scope(RefCell::new(None), async {
        let outcome = call.await;
        (outcome, LAST.with(RefCell::take))
    })
    .await
}

/// Notes how an exchange ended: `None` if it went well.
pub(super) fn note(trouble: Option<Trouble>) {
    // Outside of `recorded` nobody asks.
    let _ = LAST.try_with(|last| last.replace(trouble));
}

/// What an answer that is no success says.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Trouble {
    let text = String::from_utf8_lossy(body);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string);
    let code =
        header("x-ms-error-code").or_else(|| element(&text, "Code")).or_else(|| json_string(&text, "error"));
    let message = element(&text, "Message").or_else(|| json_string(&text, "error_description"));
    let mut words = status.as_str().to_string();
    words.extend(status.canonical_reason().map(|reason| format!(" {reason}")));
    words.extend(code.as_ref().map(|code| format!(" ({code})")));
    let raw = || (code.is_none() && !text.trim().is_empty()).then(|| text.chars().take(200).collect());
    words.extend(message.or_else(raw).map(|message: String| format!(": {message}")));
    let region = header("x-amz-bucket-region").filter(|_| status.is_redirection() || status == 400);
    words.extend(
        region.map(|region| format!("; the bucket is in region {region}, set upload.s3.region to it")),
    );
    let kind = match code.as_deref() {
        Some("NotImplemented") => Kind::Unsupported,
        code => Kind::of_status(status.as_u16(), code),
    };
    if kind == Kind::Unsupported {
        words.push_str(
            "; if the store does not know create-only puts (If-None-Match), set upload.create_only to false",
        );
    }
    let retry_after =
        header(RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    Trouble { kind, words, code, status: Some(status.as_u16()), retry_after }
}

/// What an exchange that brought no answer says.
pub(in crate::upload) fn unanswered(error: &reqwest::Error) -> Trouble {
    let mut kind = if error.is_timeout() {
        Kind::Timeout
    } else if error.is_connect() {
        Kind::Connect
    } else {
        Kind::Other
    };
    let mut words = Vec::new();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("dns error") || text.contains("failed to lookup address") {
            kind = Kind::Dns;
        }
        if is_tls(error) {
            kind = Kind::Tls;
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && matches!(kind, Kind::Other)
        {
            kind = match error.kind() {
                std::io::ErrorKind::TimedOut => Kind::Timeout,
                _ => Kind::Connect,
            };
        }
        if error.is::<hyper::Error>() && kind == Kind::Other {
            kind = Kind::Connect;
        }
        // Many layers repeat the words of the one below.
        if !words.iter().any(|known: &String| known.contains(&text)) {
            words.push(text);
        }
        cause = error.source();
    }
    Trouble::new(kind, words.join(": "))
}

/// Whether TLS failed. The error of rustls is wrapped in I/O errors, which hide it from `source`.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = || error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped().is_some_and(|inner| is_tls(inner))
}

/// The text of the first `<name>` element, as the stores' small error documents have it.
pub(super) fn element(xml: &str, name: &str) -> Option<String> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let length = xml[start..].find(&format!("</{name}>"))?;
    let text = xml[start..start + length].trim();
    let unescaped = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    (!unescaped.is_empty()).then_some(unescaped)
}

/// A string of a small JSON document, as token services answer.
fn json_string(text: &str, name: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(value.get(name)?.as_str()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_stores_own() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>No &amp; never</Message></Error>";
        let trouble = read(StatusCode::FORBIDDEN, &HeaderMap::new(), body);
        assert_eq!(trouble.words, "403 Forbidden (AccessDenied): No & never");
        assert_eq!((trouble.kind, trouble.code.as_deref()), (Kind::Denied, Some("AccessDenied")));

        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        let trouble = read(StatusCode::SERVICE_UNAVAILABLE, &headers, b"busy");
        assert_eq!(trouble.words, "503 Service Unavailable: busy");
        assert_eq!((trouble.kind, trouble.retry_after), (Kind::Throttled, Some(Duration::from_secs(7))));
    }

    #[test]
    fn the_operator_is_told_what_to_set() {
        let body = b"<Error><Code>NotImplemented</Code></Error>";
        assert!(
            read(StatusCode::NOT_IMPLEMENTED, &HeaderMap::new(), body)
                .words
                .contains("upload.create_only to false")
        );
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-bucket-region", "eu-west-3".parse().unwrap());
        assert!(read(StatusCode::MOVED_PERMANENTLY, &headers, b"").words.contains("upload.s3.region"));
    }
}
