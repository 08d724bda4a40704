//! What the ledger knows about one object, and how it is encoded.

use serde::{Deserialize, Serialize};

use crate::log::SegmentId;
use crate::otlp::Signal;
use crate::pack::{BatchId, Object, OutputName, address};

/// How far an object has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It lies in the spool.
    Spooled,
    /// An attempt to put it has begun; whether one is under way now, only the running process knows.
    Uploading,
    /// The bucket has confirmed it.
    Delivered,
}

impl State {
    /// `spooled`, `uploading` or `delivered`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spooled => "spooled",
            Self::Uploading => "uploading",
            Self::Delivered => "delivered",
        }
    }
}

/// A multipart upload that has begun and is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialUpload {
    /// The store's name for it.
    pub id: String,
    /// The size of its parts in bytes, the last one excepted; fixed when it began.
    pub part_bytes: u64,
    /// The parts that the store has confirmed.
    pub parts: Vec<Part>,
    /// Whether the object is in the bucket without it: nothing is left to do but to have the store let go of its parts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_needless: bool,
}

/// A part of a multipart upload that the store has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its place, counted from 0.
    pub index: u32,
    /// What the store calls its content (on S3 the `ETag`); it is needed to complete the upload.
    pub content_id: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// One line of the ledger: an object. Times are nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The output whose bucket it goes into.
    pub output: OutputName,
    /// The bucket that it goes into; none for the main one of the output.
    pub bucket: Option<String>,
    /// The object's name in the bucket.
    pub key: String,
    /// How far it has come.
    pub state: State,
    /// The segment it was packed from.
    pub segment: SegmentId,
    /// What it carries.
    pub signal: Signal,
    /// Log records, data points, spans or profiles in it.
    pub items: u64,
    /// Its length.
    pub bytes: u64,
    /// Attempts to put it so far.
    pub attempts: u64,
    /// What the last failed attempt ended with.
    pub last_error: Option<String>,
    /// When it was first tried.
    pub first_attempt_at: Option<u64>,
    /// When it was last tried.
    pub last_attempt_at: Option<u64>,
    /// When the bucket confirmed it.
    pub delivered_at: Option<u64>,
    /// What the store calls its content.
    pub etag: Option<String>,
    /// A multipart upload of it that has begun.
    pub upload: Option<PartialUpload>,
    /// Room for a hash of the client's request, by which a repetition can be recognised.
    pub request_hash: Option<String>,
}

impl Entry {
    /// An object that lies in the spool.
    pub fn spooled(object: &Object, batch: &BatchId) -> Self {
        Self {
            output: batch.output.clone(),
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            state: State::Spooled,
            segment: batch.segment,
            signal: object.signal,
            items: object.items,
            bytes: object.bytes,
            attempts: 0,
            last_error: None,
            first_attempt_at: None,
            last_attempt_at: None,
            delivered_at: None,
            etag: None,
            upload: None,
            request_hash: None,
        }
    }

    /// Its name in the database. Two outputs may have objects of one key, in different buckets.
    pub(super) fn name(&self) -> String {
        name(&self.output, &self.address())
    }

    /// Bucket and key of the object, as [`Object::address`].
    pub fn address(&self) -> String {
        address(self.bucket.as_deref(), &self.key)
    }

    /// Its bytes in the database: JSON with the version of its layout.
    pub(super) fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            v: VERSION,
            state: self.state,
            segment: self.segment.0,
            signal: self.signal.number(),
            items: self.items,
            bytes: self.bytes,
            attempts: self.attempts,
            last_error: self.last_error.clone(),
            first_attempt_at: self.first_attempt_at,
            last_attempt_at: self.last_attempt_at,
            delivered_at: self.delivered_at,
            etag: self.etag.clone(),
            upload: self.upload.clone(),
            request_hash: self.request_hash.clone(),
        };
        // Writing a plain struct to memory cannot fail; were it to, an empty value reads as no entry.
        serde_json::to_vec(&stored).unwrap_or_default()
    }

    /// Reads what [`Entry::encode`] wrote. `None` for bytes of another version or of none: the ledger is a
    /// convenience, so an entry that cannot be read is one that is not there.
    pub(super) fn decode(name: &[u8], value: &[u8]) -> Option<Self> {
        let (output, address) = str::from_utf8(name).ok()?.split_once('/')?;
        let (bucket, key) =
            address.split_once(':').map_or((None, address), |(bucket, key)| (Some(bucket), key));
        let stored: Stored = serde_json::from_slice(value).ok()?;
        if stored.v != VERSION {
            return None;
        }
        Some(Self {
            output: OutputName::parse(output).ok()?,
            bucket: bucket.map(str::to_owned),
            key: key.to_owned(),
            state: stored.state,
            segment: SegmentId(stored.segment),
            signal: Signal::from_number(stored.signal)?,
            items: stored.items,
            bytes: stored.bytes,
            attempts: stored.attempts,
            last_error: stored.last_error,
            first_attempt_at: stored.first_attempt_at,
            last_attempt_at: stored.last_attempt_at,
            delivered_at: stored.delivered_at,
            etag: stored.etag,
            upload: stored.upload,
            request_hash: stored.request_hash,
        })
    }
}

/// The name of an object in the database; the name of an output has no `/`.
pub(super) fn name(output: &OutputName, address: &str) -> String {
    format!("{output}/{address}")
}

/// The version of the layout of [`Stored`]; entries of another one are passed over.
const VERSION: u32 = 1;

/// An entry as it is encoded. Output and key are its name.
#[derive(Serialize, Deserialize)]
struct Stored {
    v: u32,
    state: State,
    segment: u64,
    signal: u8,
    items: u64,
    bytes: u64,
    attempts: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_attempt_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_attempt_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivered_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload: Option<PartialUpload>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_hash: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        let entry = Entry {
            output: OutputName::main(),
            bucket: None,
            key: "logs/date=2026-08-01/hour=10/logs_x.jsonl.gz".into(),
            state: State::Uploading,
            segment: SegmentId(42),
            signal: Signal::Logs,
            items: 7,
            bytes: 1234,
            attempts: 3,
            last_error: Some("503 Slow Down".into()),
            first_attempt_at: Some(1),
            last_attempt_at: Some(2),
            delivered_at: None,
            etag: None,
            upload: Some(PartialUpload {
                id: "id".into(),
                part_bytes: 5 << 20,
                parts: vec![Part { index: 0, content_id: "\"e\"".into(), bytes: 5 << 20 }],
                is_needless: true,
            }),
            request_hash: Some("aa".into()),
        };
        let in_other = Entry { bucket: Some("lake-acme".into()), ..entry.clone() };
        assert_ne!(in_other.name(), entry.name());
        for entry in [entry, in_other] {
            assert_eq!(Entry::decode(entry.name().as_bytes(), &entry.encode()), Some(entry));
        }
    }

    #[test]
    fn bytes_of_another_version_or_of_none_are_no_entry() {
        for bytes in [&b""[..], b"{", br#"{"v":2}"#, b"\xff\xff"] {
            assert_eq!(Entry::decode(b"main/key", bytes), None);
        }
    }
}
