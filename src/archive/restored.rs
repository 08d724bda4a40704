//! The requests that rows are made into again.

use std::io::{BufRead, Read as _};
use std::iter;

use bytes::Bytes;

use super::Request;
use super::piece::Error;
use super::requests::{damaged, json};
use crate::otlp::Signal;
use crate::rows::{CsvColumns, ParquetRows, RestoreError, Restorer, Row, read_csv_record};

/// Rows, one after the other.
type Rows<'a> = Box<dyn Iterator<Item = Result<Row, Error>> + 'a>;

/// The requests that rows are made into again.
pub(super) struct Restored<'a> {
    rows: Rows<'a>,
    /// What the name tells, or else the first row.
    signal: Option<Signal>,
    restorer: Option<Restorer>,
    /// What ended the rows before their time, once the requests before it were given.
    error: Option<Error>,
}

impl<'a> Restored<'a> {
    fn new(rows: Rows<'a>, signal: Option<Signal>) -> Self {
        Self { rows, signal, restorer: None, error: None }
    }

    /// Of rows that are lines of JSON, the first of which has been read.
    pub(super) fn of_lines(
        first: Vec<u8>,
        mut content: Box<dyn BufRead + 'a>,
        signal: Option<Signal>,
    ) -> Self {
        let mut number = 1;
        let rest = iter::from_fn(move || {
            number += 1;
            let mut line = Vec::new();
            match content.read_until(b'\n', &mut line) {
                Ok(0) => None,
                Ok(_) => Some(row_of_line(&line, number)),
                Err(error) => Some(Err(damaged(&error))),
            }
        });
        Self::new(Box::new(iter::once_with(move || row_of_line(&first, 1)).chain(rest)), signal)
    }

    /// Of a CSV file.
    pub(super) fn of_csv(mut content: Box<dyn BufRead + 'a>, named: Option<Signal>) -> Result<Self, Error> {
        let mut record = Vec::new();
        if !read_csv_record(&mut *content, &mut record).map_err(|error| damaged(&error))? {
            return Ok(Self::new(Box::new(iter::empty()), named));
        }
        let columns = CsvColumns::of(&record, named).map_err(|error| of_row(&error))?;
        let signal = Some(columns.signal());
        let rows = iter::from_fn(move || match read_csv_record(&mut *content, &mut record) {
            Ok(false) => None,
            Ok(true) => Some(columns.row(&record).map_err(|error| of_row(&error))),
            Err(error) => Some(Err(damaged(&error))),
        });
        Ok(Self::new(Box::new(rows), signal))
    }

    /// Of a Parquet file, which is read into memory.
    pub(super) fn of_parquet(
        mut content: Box<dyn BufRead + 'a>,
        signal: Option<Signal>,
    ) -> Result<Self, Error> {
        let mut file = Vec::new();
        content.read_to_end(&mut file).map_err(|error| damaged(&error))?;
        let rows = ParquetRows::open(Bytes::from(file)).map_err(|error| of_row(&error))?;
        Ok(Self::new(Box::new(rows.map(|row| row.map_err(|error| of_row(&error)))), signal))
    }

    /// The OTLP/JSON of the next request.
    fn next_json(&mut self) -> Option<Result<Vec<u8>, Error>> {
        while self.error.is_none() {
            let added = match self.rows.next() {
                None => break,
                Some(Ok(row)) => self.add(&row),
                Some(Err(error)) => Err(error),
            };
            match added {
                Ok(Some(json)) => return Some(Ok(json)),
                Ok(None) => {}
                Err(error) => self.error = Some(error),
            }
        }
        if let Some(json) = self.restorer.as_mut().and_then(Restorer::rest) {
            return Some(Ok(json));
        }
        self.rows = Box::new(iter::empty());
        self.error.take().map(Err)
    }

    fn add(&mut self, row: &Row) -> Result<Option<Vec<u8>>, Error> {
        let restorer = match &mut self.restorer {
            Some(restorer) => restorer,
            none => {
                let signal = self.signal.or_else(|| Restorer::signal_of(row)).ok_or(Error::UnknownSignal)?;
                self.signal = Some(signal);
                none.insert(Restorer::new(signal))
            }
        };
        restorer.add(row).map_err(|error| of_row(&error))
    }
}

impl Iterator for Restored<'_> {
    type Item = Result<Request, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let json_of = self.next_json()?;
        Some(json_of.and_then(|text| json(self.signal.ok_or(Error::UnknownSignal)?, &text)))
    }
}

fn row_of_line(line: &[u8], number: u64) -> Result<Row, Error> {
    Row::from_json(line).map_err(|error| Error::Damaged(format!("line {number}: {error}")))
}

fn of_row(error: &RestoreError) -> Error {
    Error::Damaged(error.to_string())
}
