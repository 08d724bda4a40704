//! How records become the content of an object.
//!
//! | format | an object is | a record in it is |
//! | --- | --- | --- |
//! | `otlp_json` | one document `{"resourceLogs":[...]}`, no line break | the elements of its array |
//! | `otlp_jsonl` | lines, each a document and a line break | one line |
//! | `otlp_proto` | one message `LogsData` | a piece of it: all fields are repeated, so messages laid end to end are one |

use super::options::Format;
use crate::otlp::{self, Signal};

impl Format {
    /// Appends what `body` becomes to `out`. After an error `out` holds what it held before.
    ///
    /// # Errors
    /// `body` is no valid request of this signal.
    pub(super) fn encode(self, signal: Signal, body: &[u8], out: &mut Vec<u8>) -> Result<(), otlp::Invalid> {
        match self {
            Self::OtlpJson => otlp::write_json_resources(signal, body, &mut true, out),
            Self::OtlpJsonl => otlp::write_json(signal, body, out).map(|()| out.push(b'\n')),
            // One body that ends in the middle of a field would swallow the beginning of the next.
            Self::OtlpProto => otlp::validate(signal, body).map(|_| out.extend_from_slice(body)),
        }
    }

    /// What an object begins with.
    pub(super) const fn opening(self, signal: Signal) -> &'static [u8] {
        match self {
            Self::OtlpJson => otlp::json_opening(signal).as_bytes(),
            Self::OtlpJsonl | Self::OtlpProto => b"",
        }
    }

    /// What stands between two records.
    pub(super) const fn separator(self) -> &'static [u8] {
        match self {
            Self::OtlpJson => b",",
            Self::OtlpJsonl | Self::OtlpProto => b"",
        }
    }

    /// What an object ends with.
    pub(super) const fn closing(self) -> &'static [u8] {
        match self {
            Self::OtlpJson => otlp::JSON_CLOSING.as_bytes(),
            Self::OtlpJsonl | Self::OtlpProto => b"",
        }
    }

    /// What it appends to a file's name, before the compression's ending.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::OtlpJson => ".json",
            Self::OtlpJsonl => ".jsonl",
            Self::OtlpProto => ".binpb",
        }
    }

    /// The media type of the content.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::OtlpJson => "application/json",
            Self::OtlpJsonl => "application/x-ndjson",
            Self::OtlpProto => "application/x-protobuf",
        }
    }
}
