//! Rows as tests look at them, and tables for the tests of the formats.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::layout::{Column, Kind};
use super::{Layout, Origin, Promotion, Table, Values, flatten};
use crate::otlp::Signal;

pub(super) const ORIGIN: Origin<'_> =
    Origin { writer: "log", seq: 7, received_at: 1_787_393_472_123_456_789 };

/// The rows of a request, as the texts of their cells.
pub(super) struct Rows {
    pub(super) layout: Layout,
    pub(super) table: Table,
}

impl Rows {
    pub(super) fn of(signal: Signal, promoted: &[Promotion], body: &[u8]) -> Self {
        let layout = Layout::new(signal, promoted);
        let mut table = Table::new(layout.columns());
        flatten(&layout, ORIGIN, body, &mut table).unwrap();
        Self { layout, table }
    }

    /// A cell of a row; `None` if it is null. Numbers as Rust prints them, maps and lists as JSON.
    pub(super) fn cell(&self, row: usize, name: &str) -> Option<String> {
        let place = self.layout.columns().iter().position(|column| column.name == name).unwrap();
        match &self.table.columns()[place] {
            Values::Text(texts) => texts.iter().nth(row)?.map(str::to_owned),
            Values::Integer(numbers) => numbers.iter().nth(row)?.map(|number| number.to_string()),
            Values::Double(numbers) => numbers.iter().nth(row)?.map(|number| format!("{number:?}")),
            Values::Boolean(truths) => truths.iter().nth(row)?.map(|truth| truth.to_string()),
            Values::Int64List(lists) => lists.iter().nth(row)?.map(|list| format!("{list:?}")),
            Values::DoubleList(lists) => lists.iter().nth(row)?.map(|list| format!("{list:?}")),
            Values::TextMap(maps) => {
                let start = if row == 0 { 0 } else { maps.ends[row - 1] };
                let entries = maps.keys.iter().zip(maps.values.iter()).take(maps.ends[row]).skip(start);
                let entries = entries.map(|(key, value)| format!("{key:?}:{value:?}"));
                let text = entries.collect::<Vec<_>>().join(",").replace("Some(", "").replace(')', "");
                Some(format!("{{{text}}}"))
            }
        }
    }

    /// Several cells of the first row.
    pub(super) fn cells<const N: usize>(&self, names: [&str; N]) -> [Option<String>; N] {
        names.map(|name| self.cell(0, name))
    }
}

/// What cells are expected to be.
pub(super) fn texts<const N: usize>(expected: [Option<&str>; N]) -> [Option<String>; N] {
    expected.map(|text| text.map(str::to_owned))
}

pub(super) fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.to_owned()))
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Text(String),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Timestamp(i64),
    Map(Vec<(String, Option<String>)>),
    Integers(Vec<i64>),
    Doubles(Vec<f64>),
}

/// A column of every kind.
pub(super) fn columns() -> Vec<Column> {
    [
        ("text", Kind::Text),
        ("int64", Kind::Int64),
        ("int32", Kind::Int32),
        ("double", Kind::Double),
        ("boolean", Kind::Boolean),
        ("timestamp", Kind::Timestamp),
        ("map", Kind::TextMap),
        ("int64_list", Kind::Int64List),
        ("double_list", Kind::DoubleList),
    ]
    .map(|(name, kind)| Column { name: name.to_owned(), kind })
    .to_vec()
}

/// The table of `rows`.
pub(super) fn table(columns: &[Column], rows: &[Vec<Cell>]) -> Table {
    let mut table = Table::new(columns);
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            match cell {
                Cell::Null => {}
                Cell::Text(text) => table.set_text(column, text),
                Cell::Integer(number) | Cell::Timestamp(number) => table.set_integer(column, *number),
                Cell::Double(number) => table.set_double(column, *number),
                Cell::Boolean(truth) => table.set_boolean(column, *truth),
                Cell::Map(entries) => {
                    for (key, value) in entries {
                        table.add_entry(column, key, value.as_deref());
                    }
                }
                Cell::Integers(list) => table.set_integers(column, list.iter().copied()),
                Cell::Doubles(list) => table.set_doubles(column, list.iter().copied()),
            }
        }
        table.finish_row();
    }
    table
}

/// Rows for [`columns`], with every value that a format could trip over.
pub(super) fn rows() -> impl Strategy<Value = Vec<Vec<Cell>>> {
    vec(columns().iter().map(|column| cell(column.kind)).collect::<Vec<_>>(), 0..40)
}

fn cell(kind: Kind) -> BoxedStrategy<Cell> {
    let value = match kind {
        Kind::Text => any_text().prop_map(Cell::Text).boxed(),
        Kind::Int64 => integer().prop_map(Cell::Integer).boxed(),
        Kind::Int32 => any::<i32>().prop_map(|number| Cell::Integer(number.into())).boxed(),
        Kind::Double => double().prop_map(Cell::Double).boxed(),
        Kind::Boolean => any::<bool>().prop_map(Cell::Boolean).boxed(),
        // As many as OTLP can send, in nanoseconds of 64 bits, and some before 1970.
        Kind::Timestamp => (-1_000_000..18_446_744_073_709_551_i64).prop_map(Cell::Timestamp).boxed(),
        // A map is never null.
        Kind::TextMap => {
            let entries = btree_map(any_text(), of(any_text()), 0..5);
            return entries.prop_map(|entries| Cell::Map(entries.into_iter().collect())).boxed();
        }
        Kind::Int64List => vec(integer(), 0..5).prop_map(Cell::Integers).boxed(),
        Kind::DoubleList => vec(double(), 0..5).prop_map(Cell::Doubles).boxed(),
    };
    prop_oneof![Just(Cell::Null), value].boxed()
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), Just(0), Just(i64::MIN), Just(i64::MAX)]
}

fn double() -> impl Strategy<Value = f64> {
    use proptest::num::f64;
    let finite = f64::NORMAL | f64::SUBNORMAL | f64::ZERO | f64::POSITIVE | f64::NEGATIVE;
    prop_oneof![finite, (-1000..1000).prop_map(f64::from), Just(-0.0)]
}

/// Texts: empty ones, whatever Unicode has, what needs escapes or quotes, and long ones.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        any::<String>(),
        "[a-c,;\"'\\\\\r\n\t \u{0}\u{1f}\u{7f}=+@-]{0,12}",
        "[a-c]{1,2}",
        ("[a-z\u{e4}\u{1f980}]", 60_usize..400).prop_map(|(letter, times)| letter.repeat(times)),
    ]
}
