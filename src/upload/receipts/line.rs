//! One line of a list: a delivered object.

use serde::{Deserialize, Serialize};

use super::Confirmed;
use crate::pack::{Object, address};
use crate::upload::time::{read, written};

/// A delivered object, as a line of a list says it:
///
/// ```text
/// {"key":"in/logs/date=2026-08-22/hour=10/logs_20260822T101112123Z-a1b2c3d4-00000042-0123456789abcdef.jsonl.gz",
///  "bytes":4567,"records":3,"items":120,"blake3":"...","etag":"...","first_received_at":"2026-08-22T10:11:12.123456Z",
///  "last_received_at":"2026-08-22T10:13:00.000000Z","delivered_at":"2026-08-22T10:14:00.000000Z","writer":"a1b2c3d4"}
/// ```
///
/// An object that is not in the bucket of `upload.to` has a `"bucket"` before its key. A key whose value is not known is left
/// out. Keys may be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// The bucket; none for that of `upload.to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bucket: Option<String>,
    /// The whole key, as it is in the bucket.
    pub(super) key: String,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) items: u64,
    pub(super) blake3: String,
    /// What the store calls the content; not known if forebay was started again before the object's batch was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    pub(super) first_received_at: String,
    pub(super) last_received_at: String,
    /// When the bucket confirmed it.
    pub(super) delivered_at: String,
    /// The id of the data folder.
    pub(super) writer: String,
}

/// A list, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) objects: u64,
    pub(super) items: u64,
    pub(super) first_received_at: u64,
    pub(super) last_received_at: u64,
}

impl Line {
    pub(super) fn new(key: String, object: &Object, confirmed: &Confirmed, writer: &str) -> Self {
        Self {
            bucket: object.bucket.clone(),
            key,
            bytes: object.bytes,
            records: object.records,
            items: object.items,
            blake3: object.blake3.clone(),
            etag: confirmed.etag.clone(),
            first_received_at: written(object.first_received_at),
            last_received_at: written(object.last_received_at),
            delivered_at: written(confirmed.at),
            writer: writer.to_string(),
        }
    }

    /// Bucket and key, as one text.
    pub(super) fn address(&self) -> String {
        address(self.bucket.as_deref(), &self.key)
    }

    /// The lines of a content; none if one of them cannot be read.
    pub(super) fn read_all(content: &[u8]) -> Option<Vec<Self>> {
        serde_json::Deserializer::from_slice(content).into_iter().collect::<Result<_, _>>().ok()
    }

    /// The content of these lines.
    pub(super) fn write_all<'a>(lines: impl IntoIterator<Item = &'a Self>) -> Vec<u8> {
        let mut content = String::new();
        for line in lines {
            match serde_json::to_string(line) {
                Ok(json) => content.extend([json.as_str(), "\n"]),
                Err(error) => unreachable!("strings and numbers are always JSON: {error}"),
            }
        }
        content.into_bytes()
    }

    /// Sums lines up.
    pub(super) fn sum(lines: &[Self]) -> Sum {
        let times = |time: fn(&Self) -> &str| lines.iter().filter_map(move |line| read(time(line)));
        Sum {
            objects: lines.len() as u64,
            items: lines.iter().map(|line| line.items).sum(),
            first_received_at: times(|line| &line.first_received_at).min().unwrap_or_default(),
            last_received_at: times(|line| &line.last_received_at).max().unwrap_or_default(),
        }
    }
}
