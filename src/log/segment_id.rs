//! The number of a segment.

use std::fmt;

/// More than any segment or record is ever numbered: both count up by one, and at a million a second this takes two
/// thousand years. A number beyond it is damage, and nothing overflows that is computed from one below it.
pub(super) const NUMBER_MAX: u64 = 1 << 56;

/// The number of a segment: counts up by one for each segment that a data folder has ever had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

impl SegmentId {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = text.len() >= 8 && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_ours && *number <= NUMBER_MAX)?;
        Some(Self(number))
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}
