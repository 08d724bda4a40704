//! Which columns an attribute fills.

use super::layout::{Column, Kind};

/// As many lists as make most of them hold one key or none.
const LISTS: usize = 64;

/// Columns by the key of the attribute that fills them.
///
/// Every attribute of every item is looked up, so keys are told apart by a hash that is made of a few bytes. The keys are
/// ours and those of the configuration: whoever sends telemetry cannot make a list long.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    lists: Vec<Vec<Target>>,
}

/// A column that the attribute of a key fills.
#[derive(Clone, Debug)]
pub(super) struct Target {
    key: String,
    /// The column's place in the table.
    pub(super) column: usize,
    /// What it holds: text, a number or a truth value.
    pub(super) kind: Kind,
}

/// A number that differs for most keys that occur together: made of the length and the last eight bytes.
pub(super) fn hash(key: &str) -> u32 {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let tail = key.bytes().rev().take(8);
    tail.fold(length, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)))
        .wrapping_mul(0x9e37_79b1)
        >> 16
}

impl Lookup {
    /// Makes attributes fill the `columns` of the names beside their keys.
    pub(super) fn add_all(&mut self, named: &[(&str, &str)], columns: &[Column]) {
        for (key, name) in named {
            for (place, column) in columns.iter().enumerate().filter(|(_, column)| column.name == *name) {
                self.add(key, place, column.kind);
            }
        }
    }

    /// Makes the attribute `key` fill a column, beside others that it fills.
    pub(super) fn add(&mut self, key: &str, column: usize, kind: Kind) {
        if let Some(list) = self.lists.get_mut(list(hash(key))) {
            list.push(Target { key: key.to_owned(), column, kind });
        }
    }

    /// The columns that the attribute `key` of this hash fills.
    #[inline]
    pub(super) fn get<'a>(&'a self, key: &'a str, hash: u32) -> impl Iterator<Item = &'a Target> {
        let list = self.lists.get(list(hash)).map_or(&[][..], Vec::as_slice);
        list.iter().filter(move |target| target.key == key)
    }
}

impl Default for Lookup {
    fn default() -> Self {
        Self { lists: vec![Vec::new(); LISTS] }
    }
}

/// The list in which keys of this hash stand.
const fn list(hash: u32) -> usize {
    hash as usize % LISTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_fill_several_columns_and_others_fill_none() {
        let mut lookup = Lookup::default();
        lookup.add("model", 3, Kind::Text);
        lookup.add("model", 9, Kind::Double);
        lookup.add("", 4, Kind::Boolean);
        let columns = |key| lookup.get(key, hash(key)).map(|target| target.column).collect::<Vec<_>>();
        assert_eq!(columns("model"), [3, 9]);
        assert_eq!(columns(""), [4]);
        assert!(columns("mode").is_empty());
    }
}
