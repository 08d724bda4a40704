//! What `/status` says about what came in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::BySignal;

/// What came in since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Received {
    /// What became of the requests.
    pub requests: Requests,
    /// Items that were acknowledged, by signal.
    pub items: BySignal,
    /// Their protobuf, uncompressed.
    pub bytes: u64,
    /// Those who sent most bytes, 50 at most; empty if nobody names a tenant.
    pub tenants: Vec<Tenant>,
    /// Tenants that are not listed.
    pub tenants_left_out: u64,
}

/// What became of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requests {
    /// They are on disk; those without items and those that were there already count, too.
    pub acknowledged: u64,
    /// Their clients were told to come back: there was no room, or they were too fast.
    pub refused: u64,
    /// They will never be taken as they are: they cannot be read, are too large, or show no credentials.
    pub rejected: u64,
}

/// What somebody sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tenant {
    /// Its name; empty for all who name none.
    pub name: String,
    /// Requests of it that were stored.
    pub requests: u64,
    /// Items in them, by signal.
    pub items: BySignal,
    /// Their protobuf, uncompressed.
    pub bytes: u64,
    /// When the last one came.
    pub last_at: Option<Timestamp>,
}
