//! Why a text is not an OTLP/JSON document, and where.

use crate::otlp::schema::DEPTH_MAX;

/// A text that is not the OTLP/JSON document it should be. It reads like
/// `resourceLogs[0].scopeLogs[0].logRecords[3].flags: -1 does not fit in 32 unsigned bits at line 1 column 217`.
#[derive(Debug, thiserror::Error)]
pub enum InvalidJson {
    /// There is no document.
    #[error("the body is empty; an export without any items is written {{}}")]
    Empty,
    /// Not JSON, or a value that does not fit its field.
    #[error("{}{reason}", place(.path))]
    Wrong {
        /// The key at which it was found, empty at the top.
        path: String,
        /// What is wrong, and in which line and column.
        reason: serde_json::Error,
    },
    /// Messages nest deeper than the limit.
    #[error("{}messages nest deeper than {DEPTH_MAX} levels at line {line} column {column}", place(.path))]
    TooDeep {
        /// The key at which it was found.
        path: String,
        /// The line, from one.
        line: usize,
        /// The column, from one.
        column: usize,
    },
    /// More bytes than are allowed.
    #[error("as protobuf the export is larger than {limit_bytes} bytes, which is the limit")]
    TooLarge {
        /// How many bytes are allowed.
        limit_bytes: usize,
    },
}

/// `path` as it stands before a message.
fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}
