//! Rows as JSON lines: one compact object a line.
//!
//! What readers need (and what would end their reading silently) decides the form: a key stands only where there is a
//! value, so that no reader meets a null before it knows the type; a key has one type in every line; nothing that is not
//! JSON, such as a bare NaN, is ever written.

use super::cells::{CellWriter, json_cells};
use super::layout::Column;
use super::table::Table;
use crate::otlp::write_json_text;

/// Appends each row of `table` to `out` as one line of JSON that ends in `\n`.
///
/// The keys stand in the order of `columns`, which are those that the table was made of. Null and empty maps are left
/// out; within a map a null stays. Integers are JSON numbers, doubles always have a point or an exponent, times are RFC
/// 3339 in UTC with six digits of the second, lists are arrays.
///
/// `after_line` is called behind each line, and may take what is in `out` elsewhere.
///
/// # Errors
///
/// What `after_line` fails with; what is left is not written then.
pub fn write_json_lines<E>(
    columns: &[Column],
    table: &Table,
    out: &mut Vec<u8>,
    mut after_line: impl FnMut(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut keys: Vec<(Vec<u8>, CellWriter<'_>)> = columns
        .iter()
        .zip(table.columns())
        .map(|(column, values)| (json_key(&column.name), json_cells(column.kind, values)))
        .collect();
    for _ in 0..table.rows() {
        out.push(b'{');
        let start = out.len();
        for (key, write_cell) in &mut keys {
            let before = out.len();
            // The comma before the first key is left out.
            out.extend_from_slice(key.get(usize::from(before == start)..).unwrap_or_default());
            if !write_cell(out) {
                out.truncate(before);
            }
        }
        out.extend_from_slice(b"}\n");
        after_line(out)?;
    }
    Ok(())
}

/// `,"name":`
fn json_key(name: &str) -> Vec<u8> {
    let mut key = vec![b','];
    write_json_text(name, &mut key);
    key.push(b':');
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::rows::testing::{self, Cell};

    fn lines(columns: &[Column], table: &Table) -> String {
        let mut out = Vec::new();
        write_json_lines(columns, table, &mut out, |_| Ok::<_, ()>(())).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What a row should be read as. A double is never an integer here, nor an integer a double.
    fn expected(columns: &[Column], row: &[Cell]) -> Value {
        let keys = columns.iter().zip(row).filter_map(|(column, cell)| {
            let value = match cell {
                Cell::Null => return None,
                Cell::Map(entries) if entries.is_empty() => return None,
                Cell::Text(text) => json!(text),
                Cell::Timestamp(micros) => {
                    json!(format!("{:.6}", jiff::Timestamp::from_microsecond(*micros).unwrap()))
                }
                Cell::Integer(integer) => json!(integer),
                Cell::Double(double) => json!(double),
                Cell::Boolean(truth) => json!(truth),
                Cell::Map(entries) => {
                    entries.iter().map(|(key, value)| (key.clone(), json!(value))).collect()
                }
                Cell::Integers(list) => json!(list),
                Cell::Doubles(list) => json!(list),
            };
            Some((column.name.clone(), value))
        });
        Value::Object(keys.collect::<Map<_, _>>())
    }

    #[test]
    fn a_line_has_the_keys_in_order_and_only_those_that_have_a_value() {
        let columns = testing::columns();
        let rows = [
            vec![
                Cell::Text("say \"hi\"\u{2028}\n".into()),
                Cell::Integer(i64::MIN),
                Cell::Integer(-3),
                Cell::Double(1.0),
                Cell::Boolean(false),
                Cell::Timestamp(1_234_567),
                Cell::Map(vec![("b".into(), Some("1".into())), ("a\t".into(), None)]),
                Cell::Integers(vec![1, -2]),
                Cell::Doubles(vec![-0.0, 1e300]),
            ],
            vec![Cell::Null; columns.len()],
            {
                let mut row = vec![Cell::Null; columns.len()];
                row[1] = Cell::Integer(i64::MAX);
                row[7] = Cell::Integers(vec![]);
                row
            },
        ];
        let expected = concat!(
            r#"{"text":"say \"hi\""#,
            "\u{2028}",
            r#"\n","int64":-9223372036854775808,"int32":-3,"double":1.0,"boolean":false,"#,
            r#""timestamp":"1970-01-01T00:00:01.234567Z","map":{"b":"1","a\t":null},"#,
            r#""int64_list":[1,-2],"double_list":[-0.0,1e+300]}"#,
            "\n{}\n",
            r#"{"int64":9223372036854775807,"int64_list":[]}"#,
            "\n",
        );
        assert_eq!(lines(&columns, &testing::table(&columns, &rows)), expected);
    }

    #[test]
    fn no_rows_are_no_lines() {
        let columns = testing::columns();
        assert_eq!(lines(&columns, &Table::new(&columns)), "");
    }

    proptest! {
        #[test]
        fn another_parser_reads_every_line_as_the_row_that_was_written(rows in testing::rows()) {
            let columns = testing::columns();
            let text = lines(&columns, &testing::table(&columns, &rows));
            prop_assert!(text.is_empty() || text.ends_with('\n'));
            let read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let expected: Vec<Value> = rows.iter().map(|row| expected(&columns, row)).collect();
            // As text, in which zero has a sign.
            prop_assert_eq!(format!("{read:?}"), format!("{expected:?}"));
        }
    }
}
