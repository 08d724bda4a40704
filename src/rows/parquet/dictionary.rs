//! The texts of a column, each of them once.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use twox_hash::XxHash3_64;

use crate::otlp::write_json::scalar::low_bits;
use crate::rows::table::Texts;

/// What a dictionary takes at most, in bytes: readers hold all of it.
const BYTES_MAX: usize = 1 << 20;

/// After so many texts, and then again and again, it is seen whether texts come again at all.
const TRIAL: usize = 1024;

/// What it takes to say how long a text is, in bytes.
pub(super) const LENGTH_BYTES: usize = 4;

/// Finds the different texts of columns.
pub(super) struct Dictionary {
    /// For each text of the column, its place among those that differ.
    pub(super) places: Vec<u32>,
    slots: Slots,
    /// Drawn by each process, so that no sender can make all hashes alike.
    seed: u64,
}

/// The different texts of a column, in the order in which they came.
pub(super) struct Entries<'t> {
    pub(super) texts: Vec<&'t str>,
    /// What they take as a page, in bytes.
    pub(super) bytes: usize,
}

impl Dictionary {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), slots: Slots::default(), seed: RandomState::new().hash_one(()) }
    }

    /// The different texts of a column, if a dictionary of them is smaller than they are; `places` then says which is
    /// which.
    ///
    /// What came behind a text the last time is compared first, and only another one is looked up: in most columns texts
    /// alternate.
    pub(super) fn find<'t>(&mut self, texts: &'t Texts) -> Option<Entries<'t>> {
        let Self { places, slots, seed } = self;
        places.clear();
        slots.clear();
        let mut entries = Entries { texts: Vec::new(), bytes: 0 };
        // For each entry, which came behind it last.
        let mut followers: Vec<u32> = Vec::new();
        let (mut last, mut start) = (0, 0);
        for end in &texts.ends {
            let text = &texts.bytes[start..*end];
            start = *end;
            let expected = followers.get(last).copied().unwrap_or(0);
            let is_expected = entries.texts.get(expected as usize) == Some(&text);
            let place = if is_expected {
                expected
            } else {
                let hash = low_bits(XxHash3_64::oneshot_with_seed(*seed, text.as_bytes()));
                let slot = slots.find(hash, |place| entries.texts[place as usize] == text);
                let place = slots.place(slot).unwrap_or_else(|| {
                    let new = low_bits(entries.texts.len() as u64);
                    slots.fill(slot, hash, new);
                    entries.texts.push(text);
                    entries.bytes += LENGTH_BYTES + text.len();
                    followers.push(new + 1);
                    new
                });
                if let Some(follower) = followers.get_mut(last) {
                    *follower = place;
                }
                place
            };
            last = place as usize;
            places.push(place);
            let is_of_use = places.len() % TRIAL != 0 || entries.texts.len() < places.len() / 4 * 3;
            if !is_of_use || entries.bytes > BYTES_MAX {
                return None;
            }
        }
        let width = usize::from(super::hybrid::width_of(entries.texts.len().saturating_sub(1)));
        let plain = texts.bytes.len() + LENGTH_BYTES * texts.ends.len();
        (entries.bytes + (places.len() * width).div_ceil(8) < plain).then_some(entries)
    }
}

/// Where entries are found by their hashes: from where the hash says up to the first slot that is vacant.
#[derive(Default)]
struct Slots(Vec<Slot>);

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    /// The place of the entry, or [`Slot::VACANT`].
    place: u32,
}

impl Slot {
    const VACANT: Self = Self { hash: 0, place: u32::MAX };
}

impl Slots {
    /// A power of two, as every number of slots.
    const FEWEST: usize = 64;

    fn clear(&mut self) {
        self.0.clear();
        self.0.resize(Self::FEWEST, Slot::VACANT);
    }

    /// The slot of the entry that has this hash and is it, or else a vacant one for it.
    fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> usize {
        let last = self.0.len() - 1;
        let mut at = hash as usize & last;
        while self.place(at).is_some_and(|place| self.0[at].hash != hash || !is_it(place)) {
            at = (at + 1) & last;
        }
        at
    }

    /// The place of the entry in a slot, if there is one.
    fn place(&self, at: usize) -> Option<u32> {
        Some(self.0[at].place).filter(|place| *place != Slot::VACANT.place)
    }

    /// Sets the next entry in a vacant slot. At least half of the slots stay vacant.
    fn fill(&mut self, at: usize, hash: u32, place: u32) {
        self.0[at] = Slot { hash, place };
        if 2 * (place as usize + 1) > self.0.len() {
            let more = vec![Slot::VACANT; 2 * self.0.len()];
            let slots = std::mem::replace(&mut self.0, more);
            for slot in slots.into_iter().filter(|slot| slot.place != Slot::VACANT.place) {
                let at = self.find(slot.hash, |_| false);
                self.0[at] = slot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: impl IntoIterator<Item = String>) -> Texts {
        let mut all = Texts::default();
        for text in texts {
            all.present.push(true);
            all.bytes.push_str(&text);
            all.ends.push(all.bytes.len());
        }
        all
    }

    #[test]
    fn every_place_is_that_of_its_text_in_whatever_order_they_come() {
        let mut dictionary = Dictionary::new();
        // Twice over: what is kept from one column makes no difference to the next.
        for _ in 0..2 {
            let numbers = (0..5_000_usize).map(|number| format!("{}", number * number % 97 + number / 1_000));
            let texts = texts(numbers.chain((0..300).map(|number| ["", "a", "b"][number % 3].to_owned())));
            let entries = dictionary.find(&texts).unwrap();
            let named: Vec<_> =
                dictionary.places.iter().map(|place| Some(entries.texts[*place as usize])).collect();
            assert_eq!(named, texts.iter().collect::<Vec<_>>());
            let mut once = entries.texts.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), entries.texts.len());
            let bytes: usize = once.iter().map(|text| LENGTH_BYTES + text.len()).sum();
            assert_eq!(entries.bytes, bytes);
        }
    }

    #[test]
    fn entries_of_the_same_hash_are_told_apart() {
        let mut slots = Slots::default();
        slots.clear();
        let hash = |place: u32| 7 + place % 2;
        for place in 0..200 {
            let at = slots.find(hash(place), |other| other == place);
            assert_eq!(slots.place(at), None);
            slots.fill(at, hash(place), place);
        }
        for place in 0..200 {
            assert_eq!(slots.place(slots.find(hash(place), |other| other == place)), Some(place));
            assert_eq!(slots.place(slots.find(hash(place + 1), |other| other == place)), None);
        }
    }

    #[test]
    fn there_is_no_dictionary_that_would_be_of_no_use() {
        let mut dictionary = Dictionary::new();
        let mut has_one = |texts: Texts| dictionary.find(&texts).is_some();
        assert!(!has_one(texts([])));
        assert!(!has_one(texts(["once".to_owned()])));
        assert!(has_one(texts(["twice".to_owned(), "twice".to_owned()])));
        let different = |count: usize| (0..count).map(|number| format!("{number:04}"));
        assert!(!has_one(texts(different(TRIAL / 2))));
        // Too late: until then no text came again.
        let late = different(TRIAL).chain((0..100 * TRIAL).map(|_| "0000".to_owned()));
        assert!(!has_one(texts(late)));
        let long = |bytes: usize| (0..4).map(move |number| format!("{}", number % 2).repeat(bytes));
        assert!(has_one(texts(long(BYTES_MAX / 2 - LENGTH_BYTES))));
        assert!(!has_one(texts(long(BYTES_MAX / 2))));
    }
}
