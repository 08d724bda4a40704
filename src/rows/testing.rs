//! Tables for the tests of the formats.

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::layout::{Column, Kind};
use super::table::Table;

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
        Kind::Text => text().prop_map(Cell::Text).boxed(),
        Kind::Int64 => integer().prop_map(Cell::Integer).boxed(),
        Kind::Int32 => any::<i32>().prop_map(|number| Cell::Integer(number.into())).boxed(),
        Kind::Double => double().prop_map(Cell::Double).boxed(),
        Kind::Boolean => any::<bool>().prop_map(Cell::Boolean).boxed(),
        // As many as OTLP can send, in nanoseconds of 64 bits, and some before 1970.
        Kind::Timestamp => (-1_000_000..18_446_744_073_709_551_i64).prop_map(Cell::Timestamp).boxed(),
        // A map is never null.
        Kind::TextMap => {
            let entries = btree_map(text(), of(text()), 0..5);
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
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        any::<String>(),
        "[a-c,;\"'\\\\\r\n\t \u{0}\u{1f}\u{7f}=+@-]{0,12}",
        "[a-c]{1,2}",
        ("[a-z\u{e4}\u{1f980}]", 60_usize..400).prop_map(|(letter, times)| letter.repeat(times)),
    ]
}
