//! A set of hashes that forgets the oldest.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::{REMEMBERED_MAX, RequestHash, Seen};

/// The hashes of the last requests, no more than [`REMEMBERED_MAX`].
#[derive(Debug, Default)]
pub(super) struct Known {
    hashes: HashSet<Short, BuildHasherDefault<AsItIs>>,
    /// In the order in which they came.
    order: VecDeque<Seen>,
}

impl Known {
    /// Adds a request; says whether it is a new one.
    pub(super) fn add(&mut self, seen: Seen) -> bool {
        if !self.hashes.insert(Short(seen.hash)) {
            return false;
        }
        self.order.push_back(seen);
        if self.order.len() > REMEMBERED_MAX {
            self.forget_first();
        }
        true
    }

    pub(super) fn contains(&self, hash: RequestHash) -> bool {
        self.hashes.contains(&Short(hash))
    }

    /// The last `number` that were added, or fewer if some of them are forgotten.
    pub(super) fn last(&self, number: usize) -> Vec<Seen> {
        self.order.range(self.order.len().saturating_sub(number)..).copied().collect()
    }

    /// Forgets what was received before `moment`, in nanoseconds since 1970.
    pub(super) fn forget_before(&mut self, moment: u64) {
        while self.order.front().is_some_and(|first| first.received_at < moment) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(first) = self.order.pop_front() {
            self.hashes.remove(&Short(first.hash));
        }
    }
}

/// A hash, of which the table needs no other hash.
#[derive(Debug, PartialEq, Eq)]
struct Short(RequestHash);

impl Hash for Short {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.prefix().hash(state);
    }
}

/// Takes a number for its own hash.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        // Only numbers are written; anything else would still be told apart by the comparison.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(number: u64, received_at: u64) -> Seen {
        let mut bytes = [1; 16];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Seen { hash: RequestHash::read(bytes).unwrap(), received_at }
    }

    #[test]
    fn the_oldest_are_forgotten_by_age_and_by_number() {
        let mut known = Known::default();
        for number in 0..=REMEMBERED_MAX as u64 {
            assert!(known.add(seen(number, number)));
        }
        assert!(!known.contains(seen(0, 0).hash), "one too many");
        assert!(known.contains(seen(1, 0).hash));
        known.forget_before(10);
        assert!(!known.contains(seen(9, 0).hash));
        assert!(known.contains(seen(10, 0).hash));
        assert_eq!(known.hashes.len(), known.order.len());
    }

    #[test]
    fn a_request_counts_once_and_from_when_it_came_first() {
        let mut known = Known::default();
        assert!(known.add(seen(1, 5)));
        assert!(!known.add(seen(1, 9)));
        assert_eq!(known.last(7), [seen(1, 5)]);
    }
}
