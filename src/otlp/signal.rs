//! The four kinds of telemetry.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of telemetry. The numbers are those of the log's format and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Signal {
    /// Log records; Claude Code's events are among them.
    Logs = 1,
    /// Metric data points.
    Metrics = 2,
    /// Spans.
    Traces = 3,
    /// Profiles, of a protocol that is still `v1development`.
    Profiles = 4,
}

impl Signal {
    /// Every signal, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Logs, Self::Metrics, Self::Traces, Self::Profiles];

    /// How many there are, for tables indexed by signal.
    pub const COUNT: usize = Self::ALL.len();

    /// The signal with this number in the log's format.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Logs),
            2 => Some(Self::Metrics),
            3 => Some(Self::Traces),
            4 => Some(Self::Profiles),
            _ => None,
        }
    }

    /// Its number in the log's format.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Its place in [`Signal::ALL`], for tables indexed by signal.
    pub const fn index(self) -> usize {
        self as usize - 1
    }

    /// `logs`, `metrics`, `traces` or `profiles`: in object keys and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Traces => "traces",
            Self::Profiles => "profiles",
        }
    }

    /// The path of its requests over HTTP.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
            Self::Traces => "/v1/traces",
            Self::Profiles => "/v1development/profiles",
        }
    }

    /// What its items are called in the OpenTelemetry Collector's metric names. None for profiles: there the Collector
    /// counts the samples in them, and not what is an item here.
    pub const fn collector_items_name(self) -> Option<&'static str> {
        match self {
            Self::Logs => Some("log_records"),
            Self::Metrics => Some("metric_points"),
            Self::Traces => Some("spans"),
            Self::Profiles => None,
        }
    }

    /// Whether encoded requests laid end to end are one request, because all that it has is one repeated field. Not so
    /// for profiles: a request of theirs has one dictionary, and what lies in it is known by its place there.
    pub const fn can_be_laid_end_to_end(self) -> bool {
        !matches!(self, Self::Profiles)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
