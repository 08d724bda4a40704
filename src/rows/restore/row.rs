//! One row as a reader finds it.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::RestoreError;

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// None.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A whole number; of a time the microseconds since 1970.
    Integer(i64),
    /// A floating-point number.
    Double(f64),
    /// A text; in JSON lines also a time.
    Text(String),
    /// A map from text to text or null, in its order.
    Map(Vec<(String, Option<String>)>),
    /// A list of numbers.
    List(Vec<Cell>),
}

/// A row: its cells by the names of their columns. A column that is not there is null.
#[derive(Clone, Debug, Default)]
pub struct Row(HashMap<String, Cell>);

impl FromIterator<(String, Cell)> for Row {
    fn from_iter<T: IntoIterator<Item = (String, Cell)>>(cells: T) -> Self {
        Self(cells.into_iter().collect())
    }
}

impl Row {
    /// A row that is a line of JSON.
    ///
    /// # Errors
    /// If the line is none.
    pub fn from_json(line: &[u8]) -> Result<Self, RestoreError> {
        serde_json::from_slice(line).map_err(|error| RestoreError(error.to_string()))
    }

    /// Whether a column is there.
    pub(super) fn has(&self, column: &str) -> bool {
        self.0.contains_key(column)
    }

    /// The text in a column.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        match self.0.get(column) {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number in a column.
    pub(super) fn integer(&self, column: &str) -> Option<i64> {
        match self.0.get(column) {
            Some(Cell::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The double in a column.
    pub(super) fn double(&self, column: &str) -> Option<f64> {
        match self.0.get(column) {
            Some(Cell::Double(number)) => Some(*number),
            _ => None,
        }
    }

    /// The truth value in a column; `false` where there is none.
    pub(super) fn is(&self, column: &str) -> bool {
        matches!(self.0.get(column), Some(Cell::Boolean(true)))
    }

    /// The time in a column, in microseconds.
    pub(super) fn micros(&self, column: &str) -> Option<i64> {
        match self.0.get(column) {
            Some(Cell::Integer(micros)) => Some(*micros),
            Some(Cell::Text(text)) => text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond),
            _ => None,
        }
    }

    /// The entries of the map in a column.
    pub(super) fn map(&self, column: &str) -> &[(String, Option<String>)] {
        match self.0.get(column) {
            Some(Cell::Map(entries)) => entries,
            _ => &[],
        }
    }

    /// The list in a column.
    pub(super) fn list(&self, column: &str) -> Option<&[Cell]> {
        match self.0.get(column) {
            Some(Cell::List(list)) => Some(list),
            _ => None,
        }
    }
}

impl fmt::Display for Cell {
    /// A number, as JSON has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            // It reads as what was written, to the last digit.
            Self::Double(number) => write!(f, "{number:?}"),
            _ => f.write_str("null"),
        }
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HashMap::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a row")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Cell, E> {
        Ok(Cell::Boolean(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Integer(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Cell, E> {
        i64::try_from(number).map(Cell::Integer).map_err(|_| E::custom("a number beyond 63 bits"))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
        Ok(Cell::Double(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Cell::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Cell::List(elements))
    }
}
