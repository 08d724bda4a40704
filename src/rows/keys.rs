//! The keys of attributes, known again from one list to the next.
//!
//! The lists of a request are alike: what came behind a key last time nearly always comes behind it again. So the key that
//! is expected is compared first, and only another one is looked up.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::extra;
use super::fields::utf8;
use super::lookup::{Lookup, Target};
use crate::otlp::write_json_text;

/// As many keys are known at once, which bounds the memory that they take. Of those beyond it only what one list has is
/// kept, so that a sender of ever new keys makes nothing slow.
const KNOWN_MAX: usize = 1024;

/// The keys of a request's lists.
pub(super) struct Keys<'t, 'a> {
    lookup: &'t Lookup,
    known: Vec<Key<'t, 'a>>,
    places: HashMap<Cow<'a, str>, usize>,
    /// The key that was met last, if it is not known.
    stranger: Key<'t, 'a>,
    /// The keys of the list that are not known.
    strangers: HashSet<Cow<'a, str>>,
    /// The number of the list.
    list: u64,
    /// The known key that began the list before.
    first: usize,
    /// The known key that was met last in the list.
    last: Option<usize>,
}

/// A key, and what is known of it.
#[derive(Default)]
pub(super) struct Key<'t, 'a> {
    /// The key, with U+FFFD for what is not UTF-8.
    pub(super) text: Cow<'a, str>,
    /// The columns that its attribute fills.
    pub(super) targets: &'t [Target],
    /// The list that it was in last.
    list: u64,
    /// The known key that came behind it last.
    next: usize,
    /// `{"key":"...","value":`, once it was wanted.
    opening: Vec<u8>,
}

impl<'t, 'a> Keys<'t, 'a> {
    /// None yet. What columns they fill says `lookup`.
    pub(super) fn new(lookup: &'t Lookup) -> Self {
        Self {
            lookup,
            known: Vec::new(),
            places: HashMap::new(),
            stranger: Key::default(),
            strangers: HashSet::new(),
            list: 0,
            first: 0,
            last: None,
        }
    }

    /// Begins a list.
    pub(super) fn begin(&mut self) {
        self.list += 1;
        self.last = None;
        // A set that was once large would take long to clear for each list after.
        if !self.strangers.is_empty() {
            self.strangers = HashSet::new();
        }
    }

    /// The next key of the list, and whether the list did not have it before.
    #[inline]
    pub(super) fn meet(&mut self, key: &'a [u8]) -> (&mut Key<'t, 'a>, bool) {
        let expected = self.last.and_then(|last| self.known.get(last)).map_or(self.first, |last| last.next);
        let is_expected = self.known.get(expected).is_some_and(|known| known.text.as_bytes() == key);
        let place = if is_expected { Some(expected) } else { self.find(key) };
        let Some(known) = place.and_then(|place| self.known.get_mut(place)) else {
            let is_new = self.strangers.insert(self.stranger.text.clone());
            return (&mut self.stranger, is_new);
        };
        self.last = place;
        let is_new = known.list != self.list;
        known.list = self.list;
        (known, is_new)
    }

    /// The place of a key that was not expected, which is expected from then on; `None` if it is a stranger.
    #[cold]
    fn find(&mut self, key: &'a [u8]) -> Option<usize> {
        let key = utf8(key);
        let place = match self.places.get(&*key) {
            Some(place) => *place,
            None if self.known.len() < KNOWN_MAX => {
                self.places.insert(key.clone(), self.known.len());
                self.known.push(Key::new(key, self.lookup));
                self.known.len() - 1
            }
            None => {
                self.stranger = Key::new(key, self.lookup);
                return None;
            }
        };
        match self.last.and_then(|last| self.known.get_mut(last)) {
            Some(last) => last.next = place,
            None => self.first = place,
        }
        Some(place)
    }
}

impl<'t, 'a> Key<'t, 'a> {
    fn new(key: Cow<'a, str>, lookup: &'t Lookup) -> Self {
        let targets = lookup.get(&key);
        Self { text: key, targets, ..Self::default() }
    }

    /// What opens its attribute in OTLP/JSON: `{"key":"...","value":`.
    pub(super) fn opening(&mut self) -> &[u8] {
        if self.opening.is_empty() {
            self.opening.extend_from_slice(extra::EMPTY);
            extra::key("key", &mut self.opening);
            write_json_text(&self.text, &mut self.opening);
            extra::key("value", &mut self.opening);
        }
        &self.opening
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::layout::Kind;

    fn met(keys: &mut Keys<'_, '_>, list: &[&'static str]) -> Vec<(String, usize, bool)> {
        keys.begin();
        let mut met = Vec::new();
        for key in list {
            let (key, is_new) = keys.meet(key.as_bytes());
            met.push((key.text.clone().into_owned(), key.targets.len(), is_new));
        }
        met
    }

    #[test]
    fn keys_are_known_again_in_any_order_and_a_list_has_each_once() {
        let mut lookup = Lookup::default();
        lookup.add("b", 3, Kind::Text);
        let mut keys = Keys::new(&lookup);
        for list in [["a", "b", "c"], ["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"], ["c", "a", "b"]] {
            let expected = list.map(|key| (key.to_owned(), usize::from(key == "b"), true));
            assert_eq!(met(&mut keys, &list), expected);
        }
        let repeats: Vec<_> = met(&mut keys, &["a", "a", "b", "a"]).into_iter().map(|met| met.2).collect();
        assert_eq!(repeats, [true, false, true, false]);
    }

    #[test]
    fn more_keys_than_are_known_are_told_apart_as_well() {
        let mut lookup = Lookup::default();
        lookup.add("1500", 3, Kind::Text);
        let names: Vec<String> = (0..2 * KNOWN_MAX).map(|number| number.to_string()).collect();
        let mut keys = Keys::new(&lookup);
        for _ in 0..2 {
            keys.begin();
            for round in [true, false] {
                for name in &names {
                    let (key, is_new) = keys.meet(name.as_bytes());
                    assert_eq!((&*key.text, is_new), (&**name, round));
                    assert_eq!(key.targets.len(), usize::from(name == "1500"));
                    let opening = format!(r#"{{"key":"{name}","value":"#);
                    assert_eq!(key.opening(), opening.as_bytes());
                }
            }
        }
        assert_eq!(keys.known.len(), KNOWN_MAX);
    }
}
