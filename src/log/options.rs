//! The settings of the log: the section `log` of the configuration.

use serde::{Deserialize, Serialize};

use crate::units::{ByteSize, Span};

/// The settings of the log and of the disk it shares with the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Size of a segment's file, 1 MiB to 1 GiB. It is written in full before its first use. A larger request gets a
    /// segment of its own.
    pub segment_bytes: ByteSize,
    /// Age of a segment's oldest record at which it is sealed, 1 s to 1 day: how late data may be in the bucket. Below
    /// 5 min there are more objects than some readers digest.
    pub seal_after: Span,
    /// Bytes that log and spool may use together; at least four segments.
    pub disk_budget: ByteSize,
    /// What happens when the budget is used up.
    pub when_full: WhenFull,
    /// Free space of the file system below which nothing is taken in; 0 switches it off.
    pub free_space_floor: ByteSize,
    /// Whether what is written to the log goes past the system's cache (`O_DIRECT`), which takes less work and syncs sooner.
    /// File systems that cannot do so are written to through the cache in any case.
    pub direct_io: bool,
    /// For how long a request is remembered, so that it is not stored again if it comes again; 0 switches that off. It is
    /// set in the section `receive`.
    #[serde(skip)]
    pub resend_window: Span,
}

/// What happens when the disk budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Clients are told to come back; nothing that was acknowledged is lost.
    Refuse,
    /// The oldest undelivered objects or segments are dropped; every item in them is counted.
    DropOldest,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: ByteSize::mib(64),
            seal_after: Span::seconds(300),
            disk_budget: ByteSize::gib(10),
            when_full: WhenFull::Refuse,
            free_space_floor: ByteSize::mib(256),
            direct_io: true,
            resend_window: Span::seconds(0),
        }
    }
}

/// Segments that the budget must at least have room for: one that fills, one prepared, one being packed, and what is
/// packed from it.
const SEGMENTS_AT_LEAST: u64 = 4;

impl Options {
    /// Checks the ranges.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        let segment = self.segment_bytes;
        if !(ByteSize::mib(1)..=ByteSize::gib(1)).contains(&segment) {
            return Err(format!("log.segment_bytes is {segment}; it must be 1MiB to 1GiB"));
        }
        if !(Span::seconds(1)..=Span::seconds(86_400)).contains(&self.seal_after) {
            return Err(format!("log.seal_after is {}; it must be 1s to 1d", self.seal_after));
        }
        let least = ByteSize(SEGMENTS_AT_LEAST * segment.bytes());
        if self.disk_budget < least {
            return Err(format!(
                "log.disk_budget is {}; it must be at least {least}, four times log.segment_bytes",
                self.disk_budget
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_setting_its_value_and_its_range() {
        assert_eq!(Options::default().validate(), Ok(()));
        let small = Options { segment_bytes: ByteSize::kib(1), ..Options::default() };
        assert_eq!(small.validate().unwrap_err(), "log.segment_bytes is 1KiB; it must be 1MiB to 1GiB");
        let tight = Options { disk_budget: ByteSize::mib(100), ..Options::default() };
        assert!(tight.validate().unwrap_err().contains("at least 256MiB"));
        let late = Options { seal_after: Span::seconds(100_000), ..Options::default() };
        assert!(late.validate().unwrap_err().starts_with("log.seal_after is 100000s"));
    }
}
