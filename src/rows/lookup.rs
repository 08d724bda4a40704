//! Which columns an attribute fills.

use super::layout::{Column, Kind};

/// Columns by the key of the attribute that fills them.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup {
    /// In the order of their keys; those of the same key in the order in which they were added.
    targets: Vec<Target>,
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
        let end = self.targets.partition_point(|target| *target.key <= *key);
        self.targets.insert(end, Target { key: key.to_owned(), column, kind });
    }

    /// The columns that the attribute `key` fills.
    pub(super) fn get(&self, key: &str) -> &[Target] {
        let start = self.targets.partition_point(|target| *target.key < *key);
        let from = self.targets.get(start..).unwrap_or_default();
        let length = from.iter().take_while(|target| target.key == key).count();
        from.get(..length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_fill_several_columns_and_others_fill_none() {
        let mut lookup = Lookup::default();
        lookup.add("model", 3, Kind::Text);
        lookup.add("zone", 5, Kind::Text);
        lookup.add("model", 9, Kind::Double);
        lookup.add("", 4, Kind::Boolean);
        let columns = |key| lookup.get(key).iter().map(|target| target.column).collect::<Vec<_>>();
        assert_eq!(columns("model"), [3, 9]);
        assert_eq!(columns(""), [4]);
        assert_eq!(columns("zone"), [5]);
        assert!(columns("mode").is_empty());
        assert!(columns("zz").is_empty());
    }
}
