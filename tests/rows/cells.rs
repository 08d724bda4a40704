//! The cells of a table by the names of their columns.

use forebay::rows::{Column, Layout, Table, Values};

/// One row, read through the public face of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    cells: Vec<(String, Cell)>,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Map(Vec<(String, Option<String>)>),
    Integers(Vec<i64>),
    Doubles(Vec<f64>),
}

/// All rows of a table.
pub(crate) fn rows(layout: &Layout, table: &Table) -> Vec<Row> {
    let mut rows = vec![Row { cells: Vec::new() }; table.rows()];
    assert_eq!(layout.columns().len(), table.columns().len());
    for (Column { name, .. }, values) in layout.columns().iter().zip(table.columns()) {
        let cells = cells(values);
        assert_eq!(cells.len(), rows.len(), "{name} has a cell in every row");
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.cells.push((name.clone(), cell));
        }
    }
    rows
}

/// The values of a column.
fn cells(values: &Values) -> Vec<Cell> {
    fn some<T>(value: Option<T>, cell: impl Fn(T) -> Cell) -> Cell {
        value.map_or(Cell::Null, cell)
    }
    match values {
        Values::Text(texts) => texts.iter().map(|text| some(text, |text| Cell::Text(text.into()))).collect(),
        Values::Integer(numbers) => numbers.iter().map(|number| some(number, Cell::Integer)).collect(),
        Values::Double(numbers) => numbers.iter().map(|number| some(number, Cell::Double)).collect(),
        Values::Boolean(truths) => truths.iter().map(|truth| some(truth, Cell::Boolean)).collect(),
        Values::Int64List(lists) => {
            lists.iter().map(|list| some(list, |list| Cell::Integers(list.to_vec()))).collect()
        }
        Values::DoubleList(lists) => {
            lists.iter().map(|list| some(list, |list| Cell::Doubles(list.to_vec()))).collect()
        }
        Values::TextMap(maps) => {
            let mut entries = maps.keys.iter().zip(maps.values.iter());
            let mut start = 0;
            let mut cells = Vec::new();
            for end in &maps.ends {
                let map = entries.by_ref().take(end - start);
                cells.push(Cell::Map(
                    map.map(|(key, value)| (key.unwrap().into(), value.map(str::to_owned))).collect(),
                ));
                start = *end;
            }
            cells
        }
    }
}

impl Row {
    /// The value in the column of this name.
    pub(crate) fn cell(&self, name: &str) -> &Cell {
        let found = self.cells.iter().find(|(column, _)| column == name);
        &found.unwrap_or_else(|| panic!("there is no column {name}")).1
    }

    /// The text in a column, if it is there.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.cell(name) {
            Cell::Null => None,
            Cell::Text(text) => Some(text),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The whole number or time in a column, if it is there.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        match self.cell(name) {
            Cell::Null => None,
            Cell::Integer(number) => Some(*number),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The double in a column, if it is there.
    pub(crate) fn double(&self, name: &str) -> Option<f64> {
        match self.cell(name) {
            Cell::Null => None,
            Cell::Double(number) => Some(*number),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The map in a column.
    pub(crate) fn map(&self, name: &str) -> &[(String, Option<String>)] {
        match self.cell(name) {
            Cell::Map(entries) => entries,
            other => panic!("{name} is {other:?}"),
        }
    }
}
