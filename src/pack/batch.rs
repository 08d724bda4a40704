//! What comes out of a segment.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::output::OutputName;
use crate::log::SegmentId;
use crate::otlp::Signal;

/// Names a batch: the segment, and the output for which it was packed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId {
    /// The segment.
    pub segment: SegmentId,
    /// The output.
    pub output: OutputName,
}

/// The objects that one segment became for one output. They are delivered together: the output has the segment when it
/// has all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The segment they were packed from.
    #[serde(with = "segment_number")]
    pub segment: SegmentId,
    /// The output for which they were packed.
    pub output: OutputName,
    /// The objects, in the order of their first records.
    pub objects: Vec<Object>,
}

/// A finished object: a file in the spool that goes into the bucket as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// The bucket that it goes into; none for that of `upload.to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Its name in the bucket, without what the bucket's address puts before it. It contains the hash of the content, so
    /// that an object of this key in the bucket is this object.
    pub key: String,
    /// The name of its file in the spool's folder.
    pub file: String,
    /// What it carries.
    #[serde(with = "signal_name")]
    pub signal: Signal,
    /// Records in it.
    pub records: u64,
    /// Log records, data points, spans or profiles in it.
    pub items: u64,
    /// Its length.
    pub bytes: u64,
    /// The BLAKE3 hash of its bytes, in 64 hexadecimal digits.
    pub blake3: String,
    /// When its first record was received, in nanoseconds since 1970.
    pub first_received_at: u64,
    /// When its last record was received, in nanoseconds since 1970.
    pub last_received_at: u64,
    /// The value of its header `Content-Type`.
    pub content_type: String,
    /// The value of its header `Content-Encoding`, if it has one.
    pub content_encoding: Option<String>,
}

impl Object {
    /// Its bucket and its key as one text, by which no other object of its output is called. That of an object in the bucket
    /// of `upload.to` is its key.
    pub fn address(&self) -> String {
        address(self.bucket.as_deref(), &self.key)
    }
}

/// What [`Object::address`] is for an object of this key in this bucket.
pub fn address(bucket: Option<&str>, key: &str) -> String {
    // Neither names of buckets nor keys have a `:`.
    bucket.map_or_else(|| key.to_owned(), |bucket| format!("{bucket}:{key}"))
}

impl BatchId {
    /// Reads what it is displayed as.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (segment, output) = text.split_once('-')?;
        Some(Self { segment: SegmentId::parse(segment)?, output: OutputName::parse(output).ok()? })
    }
}

/// `00000042-main`.
impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.segment, self.output)
    }
}

impl Batch {
    /// Its name.
    pub fn id(&self) -> BatchId {
        BatchId { segment: self.segment, output: self.output.clone() }
    }

    /// The length of all objects together.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.bytes).sum()
    }

    /// The items of all objects together.
    pub fn items(&self) -> u64 {
        self.objects.iter().map(|object| object.items).sum()
    }

    /// When the first record in it was received, in nanoseconds since 1970; none if it has no objects.
    pub fn first_received_at(&self) -> Option<u64> {
        self.objects.iter().map(|object| object.first_received_at).min()
    }
}

/// A segment's number as it is in file names.
mod segment_number {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::log::SegmentId;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    pub(super) fn serialize<S: Serializer>(segment: &SegmentId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(segment)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SegmentId, D::Error> {
        let text = String::deserialize(deserializer)?;
        SegmentId::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no segment")))
    }
}

/// A signal by its name.
mod signal_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::otlp::Signal;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    pub(super) fn serialize<S: Serializer>(signal: &Signal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(signal.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Signal, D::Error> {
        let text = String::deserialize(deserializer)?;
        let signal = Signal::ALL.into_iter().find(|signal| signal.name() == text);
        signal.ok_or_else(|| D::Error::custom(format!("`{text}` is no signal")))
    }
}
