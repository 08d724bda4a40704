//! What `/status` says. The names are a contract: there may be more of them, but none is ever changed.

mod history;
mod now;
mod objects;
mod received;
mod settings;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Condition;

pub use history::{History, Series};
pub use now::{Commit, Rates};
pub use objects::{DeliveredObject, Objects, RetriedObject};
pub use received::{Received, Requests, Tenant};
pub use settings::{Setting, Settings};

/// How forebay is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// All in one word: `fine`, `degraded` or `refusing`.
    #[serde(default)]
    pub condition: Condition,
    /// Why it is not fine, in sentences, the worst first.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What is worth knowing and no fault, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The program's version.
    pub version: String,
    /// When the process started; none for a stopped data folder.
    pub started_at: Option<Timestamp>,
    /// For how long it has run.
    pub uptime_seconds: u64,
    /// The data folder.
    pub data_dir: String,
    /// The id of the data folder, which is part of the name of every object from it.
    #[serde(default)]
    pub writer: String,
    /// Where the objects go, as a URL without credentials; several with commas between them.
    pub destination: String,
    /// The addresses that clients can reach.
    pub listeners: Vec<Listener>,
    /// Whether telemetry is being taken in.
    pub intake: Intake,
    /// What came in and what was delivered during the last minute.
    #[serde(default)]
    pub rates: Rates,
    /// What waits to be delivered.
    pub queue: Queue,
    /// The disk under it.
    pub disk: Disk,
    /// How delivering goes, all outputs together: it fails as long as one of them fails.
    pub delivery: Delivery,
    /// Each output by itself.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// Objects to look at.
    #[serde(default)]
    pub objects: Objects,
    /// What came in.
    #[serde(default)]
    pub received: Received,
    /// How long the log's syncs took during the last minute.
    #[serde(default)]
    pub commit: Commit,
    /// What was lost.
    pub losses: Losses,
    /// Whether forebay works without its ledger, because that is damaged or its disk fails. Nothing is lost by that.
    #[serde(default)]
    pub ledger_degraded: bool,
}

/// An address that clients can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// `grpc`, `http`, `admin` or the name that the configuration gives it.
    pub name: String,
    /// Address and port, or `unix:` and the path of a socket.
    pub address: String,
    /// Whether it speaks TLS only.
    #[serde(default)]
    pub tls: bool,
    /// Whether it asks for credentials.
    #[serde(default)]
    pub auth: bool,
}

/// Whether telemetry is being taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intake {
    /// If not, clients are told to come back.
    pub taking: bool,
    /// Why not, in a sentence.
    pub reason: Option<String>,
}

/// A number for each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BySignal {
    /// Log records.
    pub logs: u64,
    /// Data points.
    pub metrics: u64,
    /// Spans.
    pub traces: u64,
    /// Profiles.
    pub profiles: u64,
}

impl BySignal {
    /// All signals together.
    pub const fn total(self) -> u64 {
        self.logs + self.metrics + self.traces + self.profiles
    }

    /// Adds the numbers of `more`.
    pub const fn add(&mut self, more: Self) {
        self.logs += more.logs;
        self.metrics += more.metrics;
        self.traces += more.traces;
        self.profiles += more.profiles;
    }

    /// The numbers in the order of their fields.
    pub const fn numbers(self) -> [u64; 4] {
        [self.logs, self.metrics, self.traces, self.profiles]
    }
}

/// Of numbers in the order of the fields.
impl From<[u64; 4]> for BySignal {
    fn from([logs, metrics, traces, profiles]: [u64; 4]) -> Self {
        Self { logs, metrics, traces, profiles }
    }
}

/// What is acknowledged and not yet confirmed in the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Items, by signal.
    pub items: BySignal,
    /// Bytes of records and objects.
    pub bytes: u64,
    /// Segments of the log that hold records.
    pub segments: u64,
    /// Objects in the spool.
    pub objects: u64,
    /// Age of the oldest record; none if nothing waits.
    pub oldest_age_seconds: Option<u64>,
    /// When nothing will wait any more at the rates of the last minute; 0 if nothing does now, none if that will not be, or
    /// is not known yet.
    pub seconds_until_drained: Option<u64>,
}

/// The disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Bytes that log and spool use.
    pub used_bytes: u64,
    /// Bytes that they may use.
    pub budget_bytes: u64,
    /// Bytes free in the file system.
    pub free_bytes: u64,
    /// When the budget will be used up if all goes on as it does; none if it will not.
    pub seconds_until_full: Option<u64>,
}

/// How delivering goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// When an object was last confirmed.
    pub last_success_at: Option<Timestamp>,
    /// What the destination last said when it did not take an object.
    pub last_error: Option<DeliveryError>,
    /// Since when no attempt has succeeded; none while it works.
    pub failing_since: Option<Timestamp>,
    /// Objects confirmed since the process started.
    pub objects_delivered: u64,
}

/// An output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// Its name; `main` is that of the sections `objects` and `upload`.
    pub name: String,
    /// Where its objects go, as a URL without credentials.
    pub destination: String,
    /// Its objects in the spool.
    pub objects: u64,
    /// Their length.
    pub bytes: u64,
    /// Age of the oldest record in them; none if nothing waits.
    pub oldest_age_seconds: Option<u64>,
    /// The buckets beside that of the destination for which something waits.
    pub buckets: Vec<Bucket>,
    /// How delivering goes.
    pub delivery: Delivery,
}

/// A bucket that `objects.bucket` made of what came, and for which something waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The objects for it in the spool.
    pub objects: u64,
    /// Their length.
    pub bytes: u64,
    /// Age of the oldest record in them.
    pub oldest_age_seconds: Option<u64>,
    /// What it said when it did not take an object, since the last that it took.
    pub last_error: Option<DeliveryError>,
    /// Since when it has taken none; none while it works.
    pub failing_since: Option<Timestamp>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryError {
    /// When.
    pub at: Timestamp,
    /// What was said, with what to do about it where that is known.
    pub message: String,
}

/// What was acknowledged and will not reach the bucket, since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Losses {
    /// Items dropped because the budget was used up and the operator chose `drop_oldest`.
    pub dropped_items: BySignal,
    /// Damaged ranges found in the log and set aside.
    pub damaged_ranges: u64,
    /// Records in those ranges, as counted from their sequence numbers.
    pub damaged_records: u64,
    /// Objects that were damaged in the spool and set aside.
    pub damaged_objects: u64,
}

impl Losses {
    /// Whether anything was lost.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// What came of a flush.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushReport {
    /// Items that waited when it began.
    pub items: u64,
    /// Objects confirmed while it waited.
    pub objects_delivered: u64,
    /// Whether everything that waited when it began is now in the bucket.
    pub complete: bool,
    /// If not: what still waits, and why, in a sentence.
    pub remaining: Option<String>,
}

#[cfg(test)]
mod documented_tests;
