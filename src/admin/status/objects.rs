//! What `/status` says about single objects.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::DeliveryError;

/// Objects to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Objects {
    /// Those that were delivered last, the newest first, 20 at most; those before the start are among them.
    pub delivered: Vec<DeliveredObject>,
    /// Those that were tried in vain and are tried again, the oldest first, 20 at most.
    pub retrying: Vec<RetriedObject>,
}

/// An object that the bucket has confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveredObject {
    /// Its name in the bucket.
    pub key: String,
    /// The output that it belongs to.
    pub output: String,
    /// The bucket, if it is another one than that of the destination.
    pub bucket: Option<String>,
    /// `logs`, `metrics`, `traces` or `profiles`.
    pub signal: String,
    /// Items in it.
    pub items: u64,
    /// Its length.
    pub bytes: u64,
    /// When it was confirmed.
    pub at: Option<Timestamp>,
    /// How often it was tried, the time that succeeded included.
    pub attempts: u64,
}

/// An object that the bucket did not take yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetriedObject {
    /// Its name in the bucket.
    pub key: String,
    /// The output that it belongs to.
    pub output: String,
    /// The bucket, if it is another one than that of the destination.
    pub bucket: Option<String>,
    /// `logs`, `metrics`, `traces` or `profiles`.
    pub signal: String,
    /// Items in it.
    pub items: u64,
    /// Its length.
    pub bytes: u64,
    /// How often it was tried in vain.
    pub attempts: u64,
    /// What the store said last.
    pub last_error: Option<DeliveryError>,
    /// When it is tried again; none while it is being tried.
    pub next_attempt_at: Option<Timestamp>,
}
