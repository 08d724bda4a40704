//! What `/status` says about the last minute.

use serde::{Deserialize, Serialize};

/// What came in and what was delivered, by the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    /// Over how long this is reckoned: a minute, or less after a start.
    pub over_seconds: u64,
    /// Items that were acknowledged, of all signals.
    pub received_items_per_second: f64,
    /// Their protobuf, uncompressed.
    pub received_bytes_per_second: f64,
    /// Items in the objects that were confirmed, of all outputs.
    pub delivered_items_per_second: f64,
    /// The length of these objects, which are compressed.
    pub delivered_bytes_per_second: f64,
}

/// How long the log's groups took from their write to the end of their sync. Every acknowledgement waits for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Commit {
    /// Over how long this is reckoned: a minute, or less after a start.
    pub over_seconds: u64,
    /// Groups that were written.
    pub groups: u64,
    /// Half of them took no longer, to within a sixteenth; none if there was no group.
    pub p50_seconds: Option<f64>,
    /// 99 of 100 took no longer, to within a sixteenth.
    pub p99_seconds: Option<f64>,
    /// None took longer.
    pub max_seconds: Option<f64>,
}
