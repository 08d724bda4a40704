//! What an attempt failed with.

use std::time::Duration;

/// The kinds of trouble, for metrics and status. All of them are temporary: forebay tries again for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No connection to the store.
    Connect,
    /// The store's name was not resolved.
    Dns,
    /// The encrypted connection failed: a certificate, mostly.
    Tls,
    /// No progress for too long.
    Timeout,
    /// The store asked to slow down (429, 503).
    Throttled,
    /// The store failed (other 5xx).
    Server,
    /// Credentials are missing, wrong, expired or too weak (401, 403).
    Denied,
    /// There is no such bucket (404).
    MissingBucket,
    /// A conflict with another request (409); nothing was stored.
    Conflict,
    /// The store found fault with the request (other 4xx, a redirect).
    Request,
    /// The store does not know create-only puts (501).
    Unsupported,
    /// There is another content under the object's name.
    Foreign,
    /// The disk of this machine: the spool, or the folder that is the bucket.
    Disk,
    /// Anything else.
    Other,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 14] = [
        Self::Connect,
        Self::Dns,
        Self::Tls,
        Self::Timeout,
        Self::Throttled,
        Self::Server,
        Self::Denied,
        Self::MissingBucket,
        Self::Conflict,
        Self::Request,
        Self::Unsupported,
        Self::Foreign,
        Self::Disk,
        Self::Other,
    ];

    /// The value of the metric label `kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::Denied => "denied",
            Self::MissingBucket => "missing_bucket",
            Self::Conflict => "conflict",
            Self::Request => "request",
            Self::Unsupported => "unsupported",
            Self::Foreign => "foreign_content",
            Self::Disk => "disk",
            Self::Other => "other",
        }
    }

    /// The kind of an answer of the store that is no success.
    pub(super) fn of_status(status: u16, code: Option<&str>) -> Self {
        let expired = matches!(
            code,
            Some(
                "ExpiredToken"
                    | "ExpiredTokenException"
                    | "InvalidToken"
                    | "TokenRefreshRequired"
                    | "invalid_grant"
            )
        );
        match status {
            _ if expired => Self::Denied,
            401 | 403 => Self::Denied,
            404 => Self::MissingBucket,
            408 => Self::Timeout,
            409 => Self::Conflict,
            429 | 503 => Self::Throttled,
            501 => Self::Unsupported,
            500..=599 => Self::Server,
            300..=499 => Self::Request,
            _ => Self::Other,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What an attempt failed with; nothing says that the object is in the bucket, and nothing that it is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Trouble {
    /// Its kind.
    pub kind: Kind,
    /// The store's own words, without secrets.
    pub words: String,
    /// The store's code for it, such as `NoSuchUpload`.
    pub code: Option<String>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How long the store asked to wait.
    pub retry_after: Option<Duration>,
}

impl Trouble {
    /// Trouble that is no answer of a store.
    pub(super) fn new(kind: Kind, words: impl Into<String>) -> Self {
        Self { kind, words: words.into(), code: None, status: None, retry_after: None }
    }

    /// Removes `secrets`, and what signed URLs carry, from the words.
    #[must_use]
    pub(super) fn scrubbed(mut self, secrets: &[String]) -> Self {
        self.words = scrub(&self.words, secrets);
        self
    }
}

/// As many bytes of a store's words as are kept.
const WORDS_BYTES: usize = 500;

/// `text` without secrets and without the queries of URLs, which may hold signatures and tokens.
fn scrub(text: &str, secrets: &[String]) -> String {
    let mut clean = text.to_string();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        clean = clean.replace(secret.as_str(), "***");
    }
    let words: Vec<&str> = clean
        .split_whitespace()
        .map(|word| match (word.contains("://"), word.split_once('?')) {
            (true, Some((before, _))) => before,
            _ => word,
        })
        .collect();
    let mut clean = words.join(" ");
    if clean.len() > WORDS_BYTES {
        let end = clean.floor_char_boundary(WORDS_BYTES);
        clean.truncate(end);
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_carry_neither_secrets_nor_signatures() {
        let text =
            "PUT https://h/b?X-Amz-Signature=abc failed:\n key=hunter2 and password hunter2, é".to_string();
        assert_eq!(
            scrub(&text, &["hunter2".into(), String::new()]),
            "PUT https://h/b failed: key=*** and password ***, é"
        );
        assert!(scrub(&"é".repeat(1000), &[]).len() <= WORDS_BYTES + 3);
    }

    #[test]
    fn an_expired_token_is_denied_whatever_its_status() {
        assert_eq!(Kind::of_status(400, Some("ExpiredToken")), Kind::Denied);
        assert_eq!(Kind::of_status(400, Some("InvalidArgument")), Kind::Request);
        assert_eq!(Kind::of_status(301, None), Kind::Request);
        assert_eq!(Kind::of_status(409, Some("ConditionalRequestConflict")), Kind::Conflict);
    }
}
