//! The three kinds of telemetry.

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
}

impl Signal {
    /// Every signal, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Logs, Self::Metrics, Self::Traces];

    /// The signal with this number in the log's format.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Logs),
            2 => Some(Self::Metrics),
            3 => Some(Self::Traces),
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

    /// `logs`, `metrics` or `traces`: in HTTP paths, object keys and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Traces => "traces",
        }
    }

    /// What one item of it is called in the OpenTelemetry Collector's metric names.
    pub const fn items_name(self) -> &'static str {
        match self {
            Self::Logs => "log_records",
            Self::Metrics => "metric_points",
            Self::Traces => "spans",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
