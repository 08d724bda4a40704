//! Rows on their way into an object: one vector of values for each column.
//!
//! A row is begun implicitly, filled by setting the columns that have a value, and ended by [`Table::finish_row`], which
//! makes every other column null. What was set first stays.

use super::layout::{Column, Kind};

/// What it takes to say where a value ends.
const END_BYTES: usize = size_of::<usize>();

/// Rows, column by column.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<Values>,
    rows: usize,
    /// What the values take, in bytes.
    value_bytes: usize,
    /// What a row takes without its values, in bytes.
    row_bytes: usize,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// See [`Kind::Text`].
    Text(Texts),
    /// See [`Kind::Int64`], [`Kind::Int32`] and [`Kind::Timestamp`].
    Integer(Numbers<i64>),
    /// See [`Kind::Double`].
    Double(Numbers<f64>),
    /// See [`Kind::Boolean`].
    Boolean(Numbers<bool>),
    /// See [`Kind::TextMap`].
    TextMap(Maps),
    /// See [`Kind::Int64List`].
    Int64List(Lists<i64>),
    /// See [`Kind::DoubleList`].
    DoubleList(Lists<f64>),
}

/// Texts, some of them null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// For each place, whether there is a text.
    pub present: Vec<bool>,
    /// The texts, end to end.
    pub bytes: String,
    /// Where each text that is there ends in `bytes`.
    pub ends: Vec<usize>,
}

/// Numbers, some of them null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers<T> {
    /// For each row, whether there is a number.
    pub present: Vec<bool>,
    /// The numbers that are there.
    pub values: Vec<T>,
}

/// Maps from text to text. A map is never null, but may be empty; within a map no key is repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maps {
    /// The keys of all maps; all of them are there.
    pub keys: Texts,
    /// The value of each key; it may be null.
    pub values: Texts,
    /// For each row, how many keys there are up to its end.
    pub ends: Vec<usize>,
}

/// Lists of numbers, some of them null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lists<T> {
    /// For each row, whether there is a list.
    pub present: Vec<bool>,
    /// For each list that is there, where it ends in `values`.
    pub ends: Vec<usize>,
    /// The numbers of all lists.
    pub values: Vec<T>,
}

impl Table {
    /// A table of `columns` without rows.
    pub fn new(columns: &[Column]) -> Self {
        let columns: Vec<_> = columns.iter().map(|column| Values::none(column.kind)).collect();
        let row_bytes = columns.iter().map(Values::row_bytes).sum();
        Self { columns, rows: 0, value_bytes: 0, row_bytes }
    }

    /// Rows that are finished.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in the order of the layout.
    pub fn columns(&self) -> &[Values] {
        &self.columns
    }

    /// About the memory that the rows take, in bytes.
    pub fn bytes(&self) -> usize {
        self.rows * self.row_bytes + self.value_bytes
    }

    /// Sets a text.
    pub fn set_text(&mut self, column: usize, text: &str) {
        if let Some(Values::Text(texts)) = self.unset(column) {
            texts.push(Some(text));
            self.value_bytes += END_BYTES + text.len();
        }
    }

    /// Sets a whole number or, in microseconds since 1970, a timestamp. The value of an [`Kind::Int32`] must fit it.
    pub fn set_integer(&mut self, column: usize, number: i64) {
        if let Some(Values::Integer(numbers)) = self.unset(column) {
            numbers.push(Some(number));
            self.value_bytes += size_of::<i64>();
        }
    }

    /// Sets a floating-point number, which must be finite.
    pub fn set_double(&mut self, column: usize, number: f64) {
        if let Some(Values::Double(numbers)) = self.unset(column) {
            numbers.push(Some(number));
            self.value_bytes += size_of::<f64>();
        }
    }

    /// Sets a truth value.
    pub fn set_boolean(&mut self, column: usize, truth: bool) {
        if let Some(Values::Boolean(truths)) = self.unset(column) {
            truths.push(Some(truth));
            self.value_bytes += size_of::<bool>();
        }
    }

    /// Adds an entry to the row's map. The caller sees to it that no key is repeated.
    pub fn add_entry(&mut self, column: usize, key: &str, value: Option<&str>) {
        if let Some(Values::TextMap(maps)) = self.columns.get_mut(column) {
            maps.push(key, value);
            self.value_bytes += 2 + END_BYTES + key.len() + value.map_or(0, |value| END_BYTES + value.len());
        }
    }

    /// Adds the entries of `maps` to the row's map. The caller sees to it that no key is repeated.
    pub(super) fn add_entries(&mut self, column: usize, entries: &Maps) {
        if let Some(Values::TextMap(maps)) = self.columns.get_mut(column) {
            maps.keys.append(&entries.keys);
            maps.values.append(&entries.values);
            self.value_bytes += entries.entry_bytes();
        }
    }

    /// Sets a list of whole numbers.
    pub fn set_integers(&mut self, column: usize, numbers: impl IntoIterator<Item = i64>) {
        if let Some(Values::Int64List(lists)) = self.unset(column) {
            let count = lists.push(numbers);
            self.value_bytes += END_BYTES + size_of::<i64>() * count;
        }
    }

    /// Sets a list of floating-point numbers, which must be finite.
    pub fn set_doubles(&mut self, column: usize, numbers: impl IntoIterator<Item = f64>) {
        if let Some(Values::DoubleList(lists)) = self.unset(column) {
            let count = lists.push(numbers);
            self.value_bytes += END_BYTES + size_of::<f64>() * count;
        }
    }

    /// Ends the row.
    pub fn finish_row(&mut self) {
        self.rows += 1;
        for values in &mut self.columns {
            values.fill(self.rows);
        }
    }

    /// Takes back all rows from `rows` on, and what was set of a row that is not finished.
    pub fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        for values in &mut self.columns {
            values.truncate(self.rows);
        }
        self.value_bytes = self.columns.iter().map(Values::bytes).sum();
    }

    /// The column, if it has no value yet in the row that is being filled.
    fn unset(&mut self, column: usize) -> Option<&mut Values> {
        let rows = self.rows;
        self.columns.get_mut(column).filter(|values| values.rows() <= rows)
    }
}

impl Values {
    fn none(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Texts::default()),
            Kind::Int64 | Kind::Int32 | Kind::Timestamp => Self::Integer(Numbers::default()),
            Kind::Double => Self::Double(Numbers::default()),
            Kind::Boolean => Self::Boolean(Numbers::default()),
            Kind::TextMap => Self::TextMap(Maps::default()),
            Kind::Int64List => Self::Int64List(Lists::default()),
            Kind::DoubleList => Self::DoubleList(Lists::default()),
        }
    }

    /// Rows that have a value or are known to be null.
    fn rows(&self) -> usize {
        match self {
            Self::Text(texts) => texts.present.len(),
            Self::Integer(numbers) => numbers.present.len(),
            Self::Double(numbers) => numbers.present.len(),
            Self::Boolean(numbers) => numbers.present.len(),
            Self::TextMap(maps) => maps.ends.len(),
            Self::Int64List(lists) => lists.present.len(),
            Self::DoubleList(lists) => lists.present.len(),
        }
    }

    /// What a row takes that is null.
    fn row_bytes(&self) -> usize {
        if matches!(self, Self::TextMap(_)) { END_BYTES } else { size_of::<bool>() }
    }

    /// What the values take beyond that.
    fn bytes(&self) -> usize {
        match self {
            Self::Text(texts) => texts.value_bytes(),
            Self::Integer(numbers) => numbers.value_bytes(),
            Self::Double(numbers) => numbers.value_bytes(),
            Self::Boolean(numbers) => numbers.value_bytes(),
            Self::TextMap(maps) => maps.entry_bytes(),
            Self::Int64List(lists) => lists.value_bytes(),
            Self::DoubleList(lists) => lists.value_bytes(),
        }
    }

    /// Makes it `rows` long. A row that has no value becomes null; a map ends.
    fn fill(&mut self, rows: usize) {
        match self {
            Self::Text(texts) => texts.present.resize(rows, false),
            Self::Integer(numbers) => numbers.present.resize(rows, false),
            Self::Double(numbers) => numbers.present.resize(rows, false),
            Self::Boolean(numbers) => numbers.present.resize(rows, false),
            Self::TextMap(maps) => maps.ends.resize(rows, maps.keys.ends.len()),
            Self::Int64List(lists) => lists.present.resize(rows, false),
            Self::DoubleList(lists) => lists.present.resize(rows, false),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Text(texts) => texts.truncate(rows),
            Self::Integer(numbers) => numbers.truncate(rows),
            Self::Double(numbers) => numbers.truncate(rows),
            Self::Boolean(numbers) => numbers.truncate(rows),
            Self::TextMap(maps) => maps.truncate(rows),
            Self::Int64List(lists) => lists.truncate(rows),
            Self::DoubleList(lists) => lists.truncate(rows),
        }
    }
}

/// Forgets what is behind the first `rows`, and says how many values of it were there. To count them, and not those that
/// stay, makes a table cheap to shorten by a row.
fn forget(present: &mut Vec<bool>, rows: usize) -> usize {
    present.drain(present.len().min(rows)..).filter(|present| *present).count()
}

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        self.present.push(text.is_some());
        if let Some(text) = text {
            self.bytes.push_str(text);
            self.ends.push(self.bytes.len());
        }
    }

    /// Every place, in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let mut ends = self.ends.iter();
        let mut start = 0;
        self.present.iter().map(move |present| {
            let end = *present.then(|| ends.next()).flatten()?;
            let text = self.bytes.get(start..end);
            start = end;
            text
        })
    }

    /// Appends every place of `texts`.
    fn append(&mut self, texts: &Self) {
        let start = self.bytes.len();
        self.present.extend_from_slice(&texts.present);
        self.bytes.push_str(&texts.bytes);
        self.ends.extend(texts.ends.iter().map(|end| start + end));
    }

    fn value_bytes(&self) -> usize {
        self.bytes.len() + END_BYTES * self.ends.len()
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(self.ends.len() - forget(&mut self.present, rows));
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

impl<T: Copy> Numbers<T> {
    fn push(&mut self, number: Option<T>) {
        self.present.push(number.is_some());
        self.values.extend(number);
    }

    /// Every row, in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<T>> {
        let mut values = self.values.iter().copied();
        self.present.iter().map(move |present| present.then(|| values.next()).flatten())
    }

    fn value_bytes(&self) -> usize {
        size_of::<T>() * self.values.len()
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(self.values.len() - forget(&mut self.present, rows));
    }
}

impl Maps {
    pub(super) fn push(&mut self, key: &str, value: Option<&str>) {
        self.keys.push(Some(key));
        self.values.push(value);
    }

    /// What the entries of all maps take, in bytes.
    pub(super) fn entry_bytes(&self) -> usize {
        let present = self.keys.present.len() + self.values.present.len();
        present + self.keys.value_bytes() + self.values.value_bytes()
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        let entries = self.ends.last().copied().unwrap_or(0);
        self.keys.truncate(entries);
        self.values.truncate(entries);
    }
}

impl<T: Copy> Lists<T> {
    /// Appends a list. Returns how many numbers it has.
    fn push(&mut self, numbers: impl IntoIterator<Item = T>) -> usize {
        let before = self.values.len();
        self.present.push(true);
        self.values.extend(numbers);
        self.ends.push(self.values.len());
        self.values.len() - before
    }

    /// Every row, in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&[T]>> {
        let mut ends = self.ends.iter();
        let mut start = 0;
        self.present.iter().map(move |present| {
            let end = *present.then(|| ends.next()).flatten()?;
            let list = self.values.get(start..end);
            start = end;
            list
        })
    }

    fn value_bytes(&self) -> usize {
        END_BYTES * self.ends.len() + size_of::<T>() * self.values.len()
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(self.ends.len() - forget(&mut self.present, rows));
        self.values.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 7] = [
        Kind::Text,
        Kind::Int64,
        Kind::Double,
        Kind::Boolean,
        Kind::TextMap,
        Kind::Int64List,
        Kind::DoubleList,
    ];

    fn table() -> Table {
        let column = |kind| Column { name: format!("{kind:?}"), kind };
        Table::new(&KINDS.map(column))
    }

    fn fill(table: &mut Table) {
        table.set_text(0, "one");
        table.set_integer(1, 1);
        table.set_double(2, 1.5);
        table.set_boolean(3, true);
        table.add_entry(4, "key", Some("value"));
        table.add_entry(4, "none", None);
        let mut more = Maps::default();
        more.push("more", Some("of it"));
        table.add_entries(4, &more);
        table.set_integers(5, [1, 2]);
        table.set_doubles(6, []);
    }

    #[test]
    fn what_is_not_set_is_null_and_what_was_set_first_stays() {
        let mut table = table();
        table.finish_row();
        fill(&mut table);
        table.set_text(0, "two");
        table.finish_row();
        assert_eq!(table.rows(), 2);
        let [
            Values::Text(texts),
            ..,
            Values::TextMap(maps),
            Values::Int64List(integers),
            Values::DoubleList(doubles),
        ] = table.columns()
        else {
            panic!("{table:?}")
        };
        assert_eq!(texts.iter().collect::<Vec<_>>(), [None, Some("one")]);
        assert_eq!(maps.ends, [0, 3]);
        assert_eq!(maps.values.iter().collect::<Vec<_>>(), [Some("value"), None, Some("of it")]);
        assert_eq!(integers.iter().collect::<Vec<_>>(), [None, Some(&[1, 2][..])]);
        assert_eq!(doubles.iter().collect::<Vec<_>>(), [None, Some(&[][..])]);
    }

    #[test]
    fn rows_that_are_taken_back_leave_nothing() {
        let mut once = table();
        fill(&mut once);
        once.finish_row();
        once.finish_row();
        let mut twice = once.clone();
        fill(&mut twice);
        twice.finish_row();
        fill(&mut twice);
        assert!(twice.bytes() > once.bytes());
        let counted_along = twice.bytes();
        twice.truncate(3);
        twice.finish_row();
        twice.truncate(3);
        fill(&mut twice);
        assert_eq!(twice.bytes(), counted_along);
        twice.truncate(2);
        assert_eq!(twice, once);
        assert_eq!(twice.bytes(), once.bytes());
    }
}
