//! What is kept of one minute, and how it is encoded.
//!
//! ```text
//!   0        4         8        16                    144
//!   | crc32c | version | minute | values of 8 bytes    |   integers are little-endian
//! ```
//!
//! The checksum covers all behind it. The minute is counted from 1970; a value of 2^64 - 1 stands for none.

use crate::log::checksum;

/// The version of the layout; records of another one are none.
const VERSION: u32 = 1;

/// Where the values begin.
const VALUES_AT: usize = 16;

/// The length of a record.
pub(super) const RECORD_LEN: usize = VALUES_AT + 8 * MEASURES;

/// How much is measured.
pub(super) const MEASURES: usize = 16;

/// Stands for no value.
const NOTHING: u64 = u64::MAX;

/// What is measured, in the order of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Measure {
    ReceivedItems,
    ReceivedBytes,
    DeliveredItems,
    DeliveredBytes,
    DeliveredObjects,
    QueueItems,
    QueueBytes,
    OldestAgeSeconds,
    DiskUsedBytes,
    DiskBudgetBytes,
    DiskFreeBytes,
    RefusedRequests,
    FailedAttempts,
    DroppedItems,
    /// In nanoseconds.
    CommitP50,
    /// In nanoseconds.
    CommitP99,
}

/// What several values make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sum,
    Highest,
    Lowest,
}

impl Measure {
    pub(super) const ALL: [Self; MEASURES] = [
        Self::ReceivedItems,
        Self::ReceivedBytes,
        Self::DeliveredItems,
        Self::DeliveredBytes,
        Self::DeliveredObjects,
        Self::QueueItems,
        Self::QueueBytes,
        Self::OldestAgeSeconds,
        Self::DiskUsedBytes,
        Self::DiskBudgetBytes,
        Self::DiskFreeBytes,
        Self::RefusedRequests,
        Self::FailedAttempts,
        Self::DroppedItems,
        Self::CommitP50,
        Self::CommitP99,
    ];

    const fn kind(self) -> Kind {
        match self {
            Self::ReceivedItems
            | Self::ReceivedBytes
            | Self::DeliveredItems
            | Self::DeliveredBytes
            | Self::DeliveredObjects
            | Self::RefusedRequests
            | Self::FailedAttempts
            | Self::DroppedItems => Kind::Sum,
            Self::DiskFreeBytes => Kind::Lowest,
            _ => Kind::Highest,
        }
    }

    const fn index(self) -> usize {
        self as usize
    }

    /// What two values make.
    fn merge(self, one: u64, other: u64) -> u64 {
        match self.kind() {
            Kind::Sum => one.saturating_add(other).min(NOTHING - 1),
            Kind::Highest => one.max(other),
            Kind::Lowest => one.min(other),
        }
    }
}

/// Values of some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) struct Values([u64; MEASURES]);

impl Default for Values {
    fn default() -> Self {
        Self([NOTHING; MEASURES])
    }
}

impl Values {
    /// Adds a value to what there is.
    pub(in crate::app) fn add(&mut self, measure: Measure, value: u64) {
        let value = value.min(NOTHING - 1);
        let place = &mut self.0[measure.index()];
        *place = if *place == NOTHING { value } else { measure.merge(*place, value) };
    }

    /// Adds all values of another time.
    pub(super) fn merge(&mut self, other: &Self) {
        for measure in Measure::ALL {
            if let Some(value) = other.get(measure) {
                self.add(measure, value);
            }
        }
    }

    pub(super) fn get(&self, measure: Measure) -> Option<u64> {
        Some(self.0[measure.index()]).filter(|value| *value != NOTHING)
    }
}

/// What is kept of one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Minute {
    /// Minutes since 1970.
    pub(super) minute: u64,
    pub(super) values: Values,
}

impl Minute {
    pub(super) fn encode(&self) -> [u8; RECORD_LEN] {
        let mut record = [0; RECORD_LEN];
        record[4..8].copy_from_slice(&VERSION.to_le_bytes());
        record[8..VALUES_AT].copy_from_slice(&self.minute.to_le_bytes());
        for (place, value) in record[VALUES_AT..].chunks_exact_mut(8).zip(self.values.0) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        let sum = checksum(&record[4..]);
        record[..4].copy_from_slice(&sum.to_le_bytes());
        record
    }

    /// Reads what [`Minute::encode`] wrote; `None` for anything else.
    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let (sum, rest) = record.split_first_chunk()?;
        if record.len() != RECORD_LEN || u32::from_le_bytes(*sum) != checksum(rest) {
            return None;
        }
        let (version, rest) = rest.split_first_chunk()?;
        let (minute, rest) = rest.split_first_chunk()?;
        if u32::from_le_bytes(*version) != VERSION {
            return None;
        }
        let mut values = Values::default();
        for (value, bytes) in values.0.iter_mut().zip(rest.chunks_exact(8)) {
            *value = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(Self { minute: u64::from_le_bytes(*minute), values })
    }
}

const _: () = assert!(Measure::CommitP99 as usize + 1 == MEASURES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_not_if_a_bit_of_it_is_another() {
        let mut values = Values::default();
        for (measure, value) in Measure::ALL.into_iter().zip(0..) {
            if measure != Measure::CommitP50 {
                values.add(measure, value * 1000);
            }
        }
        let minute = Minute { minute: 29_000_000, values };
        let record = minute.encode();
        assert_eq!(Minute::decode(&record), Some(minute));
        assert_eq!(Minute::decode(&record).unwrap().values.get(Measure::CommitP50), None);
        for bit in 0..RECORD_LEN * 8 {
            let mut damaged = record;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Minute::decode(&damaged), None, "bit {bit}");
        }
        assert_eq!(Minute::decode(&record[..RECORD_LEN - 1]), None);
        assert_eq!(Minute::decode(&[0; RECORD_LEN]), None, "a place that nothing was written to");
    }

    #[test]
    fn counters_add_up_and_of_gauges_the_worst_stays() {
        let mut values = Values::default();
        for (measure, expected) in [
            (Measure::ReceivedItems, 12),
            (Measure::DroppedItems, 12),
            (Measure::QueueItems, 7),
            (Measure::CommitP99, 7),
            (Measure::DiskFreeBytes, 5),
        ] {
            values.add(measure, 7);
            values.add(measure, 5);
            assert_eq!(values.get(measure), Some(expected), "{measure:?}");
        }
        values.add(Measure::ReceivedItems, u64::MAX);
        assert_eq!(values.get(Measure::ReceivedItems), Some(u64::MAX - 1), "it never passes for none");
    }
}
