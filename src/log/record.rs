//! What the log holds.

use bytes::Bytes;

use crate::otlp::Signal;

/// One export as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the order of all records of this data folder; counts up by one.
    pub seq: u64,
    /// What it carries.
    pub signal: Signal,
    /// When it was received, in nanoseconds since 1970. Never goes backward within a segment.
    pub received_at: u64,
    /// Log records, data points, spans or profiles in it.
    pub items: u32,
    /// Whose it is; empty if nobody said so.
    pub tenant: String,
    /// The encoded `Export*ServiceRequest`.
    pub body: Bytes,
}

/// What a reader of a segment meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A record whose checksum is right.
    Record(Record),
    /// A range that cannot be read.
    Damage(Damage),
}

/// A range of a segment that cannot be read, between records that can.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Damage {
    /// Where it begins in the segment's file.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// The first sequence number lost.
    pub first_seq: u64,
    /// How many records were lost.
    pub records_lost: u64,
}
