//! The rows of a CSV file, as [`write_csv`](crate::rows::write_csv) writes them: of two empty fields the one in quotes is a
//! text.

use std::io::{self, BufRead};

use super::{Cell, RestoreError, Restorer, Row};
use crate::otlp::Signal;
use crate::rows::layout::{Kind, Layout};

/// The columns of a CSV file.
#[derive(Clone, Debug)]
pub struct CsvColumns {
    signal: Signal,
    /// Their names, and what they hold; none of those that are of no use here.
    columns: Vec<(String, Option<Kind>)>,
}

/// Reads a record, which is more than a line where a text in it is; `false` at the end.
///
/// # Errors
/// What stands in the way of reading.
pub fn read_csv_record(content: &mut dyn BufRead, record: &mut Vec<u8>) -> io::Result<bool> {
    record.clear();
    let mut is_within_quotes = false;
    loop {
        let before = record.len();
        if content.read_until(b'\n', record)? == 0 {
            return Ok(before > 0);
        }
        // Within a text there is an odd number of quotes before.
        is_within_quotes ^= record[before..].split(|byte| *byte == b'"').count() % 2 == 0;
        if !is_within_quotes {
            return Ok(true);
        }
    }
}

impl CsvColumns {
    /// Those that the first record names. Of which signal they are is what `signal` says, or else what they tell.
    ///
    /// # Errors
    /// If the record is none.
    pub fn of(record: &[u8], signal: Option<Signal>) -> Result<Self, RestoreError> {
        let names: Vec<String> = fields(record)?.into_iter().map(Option::unwrap_or_default).collect();
        let row: Row = names.iter().map(|name| (name.clone(), Cell::Null)).collect();
        if !row.has("id") {
            return Err(RestoreError("it begins with no names of forebay's columns".to_owned()));
        }
        let signal = signal.or_else(|| Restorer::signal_of(&row)).unwrap_or(Signal::Logs);
        let layout = Layout::new(signal, &[]);
        let kind = |name: &str| {
            layout.columns().iter().find(|column| column.name == *name).map(|column| column.kind)
        };
        let columns = names.into_iter().map(|name| {
            let kind = kind(&name);
            (name, kind)
        });
        Ok(Self { signal, columns: columns.collect() })
    }

    /// The signal of the rows.
    pub const fn signal(&self) -> Signal {
        self.signal
    }

    /// The row of a record.
    ///
    /// # Errors
    /// If it has not these columns, or something else in them.
    pub fn row(&self, record: &[u8]) -> Result<Row, RestoreError> {
        let fields = fields(record)?;
        if fields.len() != self.columns.len() {
            let (found, wanted) = (fields.len(), self.columns.len());
            return Err(RestoreError(format!("a record has {found} fields, and there are {wanted} columns")));
        }
        let used = self.columns.iter().zip(fields);
        let cells = used.filter_map(|((name, kind), field)| Some((name, (*kind)?, field?)));
        cells.map(|(name, kind, field)| Ok((name.clone(), cell(name, kind, field)?))).collect()
    }
}

fn cell(name: &str, kind: Kind, field: String) -> Result<Cell, RestoreError> {
    let parsed = match kind {
        Kind::Text | Kind::Timestamp => Some(Cell::Text(field)),
        Kind::Int64 | Kind::Int32 => field.parse().ok().map(Cell::Integer),
        Kind::Double => field.parse().ok().map(Cell::Double),
        Kind::Boolean => field.parse().ok().map(Cell::Boolean),
        Kind::TextMap | Kind::Int64List | Kind::DoubleList => serde_json::from_str(&field).ok(),
    };
    parsed.ok_or_else(|| RestoreError(format!("its {name} is damaged")))
}

/// The fields of a record; none where there is nothing, not even quotes.
fn fields(record: &[u8]) -> Result<Vec<Option<String>>, RestoreError> {
    let damaged = || RestoreError("a record of it is damaged".to_owned());
    let record = std::str::from_utf8(record).map_err(|_| damaged())?;
    let mut rest = record.strip_suffix('\n').unwrap_or(record);
    let mut fields = Vec::new();
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = end_of_quoted(quoted).ok_or_else(damaged)?;
            rest = &quoted[end + 1..];
            fields.push(Some(quoted[..end].replace("\"\"", "\"")));
        } else {
            let (field, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            rest = after;
            fields.push((!field.is_empty()).then(|| field.to_owned()));
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(fields),
            None => return Err(damaged()),
        }
    }
}

/// Where the quote stands that ends a field: the first that is not one of two.
fn end_of_quoted(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut place = 0;
    loop {
        place += bytes.get(place..)?.iter().position(|byte| *byte == b'"')?;
        if bytes.get(place + 1) != Some(&b'"') {
            return Some(place);
        }
        place += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_texts_are_told_apart_and_texts_may_have_lines_and_quotes() {
        let content =
            "id,body,severity_number,mine\n\"a\",\"\",,1\nb,\"say \"\"hi\"\",\n\"\"\",9,\"x\"\n,,,\n";
        let (mut reader, mut record) = (content.as_bytes(), Vec::new());
        assert!(read_csv_record(&mut reader, &mut record).unwrap());
        let columns = CsvColumns::of(&record, None).unwrap();
        assert_eq!(columns.signal(), Signal::Logs);
        let mut rows = Vec::new();
        while read_csv_record(&mut reader, &mut record).unwrap() {
            rows.push(columns.row(&record).unwrap());
        }
        let read = |row: &Row| {
            (
                row.text("id").map(str::to_owned),
                row.text("body").map(str::to_owned),
                row.integer("severity_number"),
            )
        };
        let text = |text: &str| Some(text.to_owned());
        let expected =
            [(text("a"), text(""), None), (text("b"), text("say \"hi\",\n\""), Some(9)), (None, None, None)];
        assert_eq!(rows.iter().map(read).collect::<Vec<_>>(), expected);
        assert!(!rows[0].has("mine"), "a column of somebody's own");
        for wrong in ["\"a", "\"a\"b,c,d,e", "a,b,c", "a,b,c,d,e", "a,b,nine,d"] {
            assert!(columns.row(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(CsvColumns::of(b"name,age\n", None).is_err());
    }
}
