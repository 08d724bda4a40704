//! What `/history` says: the last 24 hours.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The last 24 hours, in steps of equal length. The last step ends with the minute that runs, so that it is not complete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The length of a step: whole minutes.
    pub step_seconds: u64,
    /// When the last step ends.
    pub end_at: Option<Timestamp>,
    /// A number for each step, the oldest first; none where forebay did not run, or nothing was measured.
    pub series: Series,
}

/// What is kept of each step. All have the same length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Series {
    /// Items that were acknowledged within the step.
    pub received_items: Vec<Option<u64>>,
    /// Their protobuf, uncompressed.
    pub received_bytes: Vec<Option<u64>>,
    /// Items in the objects that were confirmed within the step, of all outputs.
    pub delivered_items: Vec<Option<u64>>,
    /// The length of these objects.
    pub delivered_bytes: Vec<Option<u64>>,
    /// Their number.
    pub delivered_objects: Vec<Option<u64>>,
    /// The most items that waited to be delivered.
    pub queue_items: Vec<Option<u64>>,
    /// The most bytes of records and objects that waited.
    pub queue_bytes: Vec<Option<u64>>,
    /// The greatest age that the oldest record had; 0 if nothing waited.
    pub oldest_age_seconds: Vec<Option<u64>>,
    /// The most bytes that log and spool used.
    pub disk_used_bytes: Vec<Option<u64>>,
    /// The most that they might use.
    pub disk_budget_bytes: Vec<Option<u64>>,
    /// The fewest bytes that were free in the file system.
    pub disk_free_bytes: Vec<Option<u64>>,
    /// Requests whose clients were told to come back within the step.
    pub refused_requests: Vec<Option<u64>>,
    /// Attempts to deliver an object that failed within the step.
    pub failed_attempts: Vec<Option<u64>>,
    /// Items that were dropped within the step, because the operator chose `drop_oldest`.
    pub dropped_items: Vec<Option<u64>>,
    /// The highest of the medians, by the minute, of how long syncs of the log took.
    pub commit_p50_seconds: Vec<Option<f64>>,
    /// The highest of the times, by the minute, that 99 of 100 syncs of the log did not exceed.
    pub commit_p99_seconds: Vec<Option<f64>>,
}
