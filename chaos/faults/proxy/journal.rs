//! What went through the proxy.

use http::request::Parts;

use crate::support::s3::{On, argument, key, kind};

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// Its kind, if it is one that a fault may meet.
    pub(crate) on: Option<On>,
    pub(crate) method: http::Method,
    pub(crate) key: String,
    /// The upload in parts that it belongs to.
    pub(crate) upload: Option<String>,
    /// The number of the part, from 1.
    pub(crate) part: Option<u32>,
    /// Bytes of the body that the program means to send.
    pub(crate) announced: u64,
    /// Bytes of the body that have come.
    pub(crate) bytes: u64,
    /// What the store has answered; twice if it was told twice.
    pub(crate) store_said: Vec<u16>,
    /// What the program was told.
    pub(crate) program_heard: Option<u16>,
}

impl Exchange {
    /// A request of which the head has come.
    pub(super) fn begin(head: &Parts) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let length = head.headers.get(http::header::CONTENT_LENGTH);
        Self {
            on: kind(&head.method, query),
            method: head.method.clone(),
            key: key(head.uri.path()),
            upload: argument(query, "uploadId"),
            part: argument(query, "partNumber").and_then(|number| number.parse().ok()),
            announced: length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0),
            bytes: 0,
            store_said: Vec::new(),
            program_heard: None,
        }
    }

    /// Whether the store has taken it.
    pub(crate) fn has_taken_effect(&self) -> bool {
        self.store_said.iter().any(|status| (200..300).contains(status))
    }
}
