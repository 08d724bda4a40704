//! Rows as CSV, after RFC 4180 with `\n` as the end of a line.
//!
//! Null is an empty field, and an empty text is `""`: readers that can tell them apart do. A cell that begins with `=`,
//! `+`, `-` or `@` is data like any other and stays as it is; who opens the file in a program that would run it as a
//! formula has to import it as text.

use super::cells::{CellWriter, cells, json_cells};
use super::layout::{Column, Kind};
use super::table::{Table, Values};
use super::timestamp::write_timestamp;

/// Appends the line with the names of `columns` to `out`.
pub fn write_csv_header(columns: &[Column], out: &mut Vec<u8>) {
    for (index, column) in columns.iter().enumerate() {
        separate(index, out);
        write_field(&column.name, out);
    }
    out.push(b'\n');
}

/// Appends each row of `table`, which was made of `columns`, to `out` as one record.
///
/// Numbers are as in JSON, and doubles always have a point or an exponent; truth values are `true` and `false`; times
/// are RFC 3339 in UTC with six digits of the second; maps and lists are JSON, an empty map `{}`. A record takes more
/// than one line where a text does.
///
/// `after_record` is called behind each record, and may take what is in `out` elsewhere.
///
/// # Errors
///
/// What `after_record` fails with; what is left is not written then.
pub fn write_csv<E>(
    columns: &[Column],
    table: &Table,
    out: &mut Vec<u8>,
    mut after_record: impl FnMut(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut fields: Vec<CellWriter<'_>> =
        columns.iter().zip(table.columns()).map(|(column, values)| csv_cells(column.kind, values)).collect();
    for _ in 0..table.rows() {
        for (index, write_cell) in fields.iter_mut().enumerate() {
            separate(index, out);
            write_cell(out);
        }
        out.push(b'\n');
        after_record(out)?;
    }
    Ok(())
}

fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

/// Writes the values of a column of `kind` as fields.
fn csv_cells(kind: Kind, values: &Values) -> CellWriter<'_> {
    match values {
        Values::Text(texts) => cells(texts.iter(), write_field),
        Values::Integer(times) if kind == Kind::Timestamp => cells(times.iter(), write_timestamp),
        Values::Integer(_) | Values::Double(_) | Values::Boolean(_) => json_cells(kind, values),
        Values::TextMap(_) | Values::Int64List(_) | Values::DoubleList(_) => {
            let mut write_json = json_cells(kind, values);
            let mut json = Vec::new();
            Box::new(move |out| {
                json.clear();
                let is_there = write_json(&mut json);
                if !is_there && kind == Kind::TextMap {
                    json.extend_from_slice(b"{}");
                }
                write_bytes(&json, out);
                is_there
            })
        }
    }
}

/// Writes a text, in quotes where it has to be: where it is empty, which would be null, and where a reader would end the
/// field within it.
fn write_field(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.extend_from_slice(b"\"\"");
    } else {
        write_bytes(text.as_bytes(), out);
    }
}

fn write_bytes(text: &[u8], out: &mut Vec<u8>) {
    if !text.iter().any(|byte| b",\"\n\r".contains(byte)) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for (index, piece) in text.split(|byte| *byte == b'"').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rows::testing::{self, Cell};

    fn record(rows: &[Vec<Cell>]) -> String {
        let columns = testing::columns();
        let mut out = Vec::new();
        write_csv(&columns, &testing::table(&columns, rows), &mut out, |_| Ok::<_, ()>(())).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// A field of a table that begins with this text, as it is written.
    fn field(text: &str) -> String {
        let mut row = vec![Cell::Null; testing::columns().len()];
        row[0] = Cell::Text(text.to_owned());
        record(&[row]).strip_suffix(",,,,,,{},,\n").unwrap().to_owned()
    }

    /// What a field should be read as; JSON is read once more.
    fn expected(cell: &Cell, is_map: bool) -> String {
        match cell {
            Cell::Null if is_map => "{}".to_owned(),
            Cell::Null => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Integer(number) => number.to_string(),
            Cell::Double(number) => serde_json::to_string(number).unwrap(),
            Cell::Boolean(truth) => truth.to_string(),
            Cell::Timestamp(micros) => {
                format!("{:.6}", jiff::Timestamp::from_microsecond(*micros).unwrap())
            }
            Cell::Map(entries) => {
                let object: serde_json::Map<_, _> =
                    entries.iter().map(|(key, value)| (key.clone(), serde_json::json!(value))).collect();
                serde_json::to_string(&object).unwrap()
            }
            Cell::Integers(list) => serde_json::to_string(list).unwrap(),
            Cell::Doubles(list) => serde_json::to_string(list).unwrap(),
        }
    }

    #[test]
    fn the_header_names_the_columns() {
        let mut out = Vec::new();
        write_csv_header(&testing::columns(), &mut out);
        let header = "text,int64,int32,double,boolean,timestamp,map,int64_list,double_list\n";
        assert_eq!(String::from_utf8(out).unwrap(), header);
    }

    #[test]
    fn a_record_has_every_kind_in_its_form() {
        let row = vec![
            Cell::Text("a\r\n\"b\", c".into()),
            Cell::Integer(i64::MIN),
            Cell::Integer(-1),
            Cell::Double(-0.0),
            Cell::Boolean(true),
            Cell::Timestamp(1),
            Cell::Map(vec![("key".into(), Some("1".into())), ("none".into(), None)]),
            Cell::Integers(vec![1, 2]),
            Cell::Doubles(vec![]),
        ];
        let expected = concat!(
            "\"a\r\n\"\"b\"\", c\",-9223372036854775808,-1,-0.0,true,1970-01-01T00:00:00.000001Z,",
            "\"{\"\"key\"\":\"\"1\"\",\"\"none\"\":null}\",\"[1,2]\",[]\n",
        );
        assert_eq!(record(&[row]), expected);
    }

    #[test]
    fn quotes_stand_only_where_a_reader_needs_them() {
        assert_eq!(field(""), "\"\"");
        for plain in ["a b", " ", ";", "'", "\t", "\\", "#", "=1+1", "+1", "-1", "@a", "ä", "null"] {
            assert_eq!(field(plain), plain);
        }
        for quoted in [",", "\n", "\r", "a,b"] {
            assert_eq!(field(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(field("\""), "\"\"\"\"");
    }

    proptest! {
        #[test]
        fn another_reader_reads_every_record_as_the_row_that_was_written(rows in testing::rows()) {
            let text = record(&rows);
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .terminator(csv::Terminator::Any(b'\n'))
                .from_reader(text.as_bytes());
            let read: Vec<Vec<String>> = reader
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            let columns = testing::columns();
            let is_map = |column: usize| columns[column].kind == Kind::TextMap;
            let expected: Vec<Vec<String>> = rows
                .iter()
                .map(|row| row.iter().enumerate().map(|(at, cell)| expected(cell, is_map(at))).collect())
                .collect();
            prop_assert_eq!(read, expected);
        }
    }
}
