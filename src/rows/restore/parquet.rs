//! The rows of a Parquet file.

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::SerializedFileReader;
use parquet::record::Field;
use parquet::record::reader::RowIter;

use super::{Cell, RestoreError, Row};

/// The rows of a Parquet file, one after the other.
pub struct ParquetRows(RowIter<'static>);

impl ParquetRows {
    /// Opens a file, which is in memory as a whole.
    ///
    /// # Errors
    /// If it is no Parquet.
    pub fn open(file: Bytes) -> Result<Self, RestoreError> {
        let reader = SerializedFileReader::new(file).map_err(|error| damaged(&error))?;
        Ok(Self(RowIter::from_file_into(Box::new(reader))))
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Row, RestoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.0.next()?;
        Some(row.map_err(|error| damaged(&error)).and_then(|row| {
            row.into_columns().into_iter().map(|(name, field)| Ok((name, cell(field)?))).collect()
        }))
    }
}

impl std::fmt::Debug for ParquetRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetRows").finish_non_exhaustive()
    }
}

fn cell(field: Field) -> Result<Cell, RestoreError> {
    Ok(match field {
        Field::Null => Cell::Null,
        Field::Bool(truth) => Cell::Boolean(truth),
        Field::Int(number) => Cell::Integer(number.into()),
        Field::Long(number) | Field::TimestampMicros(number) => Cell::Integer(number),
        Field::Double(number) => Cell::Double(number),
        Field::Str(text) => Cell::Text(text),
        Field::ListInternal(list) => {
            let elements = list.elements().iter().cloned().map(cell);
            Cell::List(elements.collect::<Result<_, _>>()?)
        }
        Field::MapInternal(map) => {
            let entry = |(key, value): &(Field, Field)| match (key, value) {
                (Field::Str(key), Field::Str(value)) => Some((key.clone(), Some(value.clone()))),
                (Field::Str(key), Field::Null) => Some((key.clone(), None)),
                _ => None,
            };
            let entries: Option<Vec<_>> = map.entries().iter().map(entry).collect();
            Cell::Map(entries.ok_or_else(foreign)?)
        }
        _ => return Err(foreign()),
    })
}

fn foreign() -> RestoreError {
    RestoreError("it has a column of a kind that is none of forebay's".to_owned())
}

fn damaged(error: &ParquetError) -> RestoreError {
    RestoreError(error.to_string())
}
