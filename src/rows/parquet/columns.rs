//! The columns of a row group, one after another. Texts have columns of our own, see [`texts`](super::texts); what levels
//! are is said there. Those of a list are as those of a map.

use std::io::Write;
use std::ops::Range;
use std::slice::Iter;

use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedRowGroupWriter;

use super::ParquetWriteError;
use super::compressor::Compressor;
use super::texts::{Leaf, Rows, TextColumns};
use crate::rows::layout::Kind;
use crate::rows::table::{Lists, Maps, Numbers, Texts, Values};

/// How many rows are handed over at once, which bounds what the buffers take.
const BATCH_ROWS: usize = 1024;

/// The definition level of a list that is empty.
const EMPTY: i16 = 1;

/// The definition level of an element in a list.
const ELEMENT: i16 = 3;

/// What is filled again for each column, or batch of rows.
pub(super) struct ColumnBuffers {
    texts: TextColumns,
    compressor: Compressor,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl ColumnBuffers {
    pub(super) fn new(compressor: Compressor) -> Self {
        Self { texts: TextColumns::new(), compressor, definition: Vec::new(), repetition: Vec::new() }
    }

    /// Writes the next column of `row_group`, which is of `kind`; `leaves` are those that are left.
    pub(super) fn write_column<W: Write + Send>(
        &mut self,
        kind: Kind,
        values: &Values,
        leaves: &mut Iter<'_, Leaf>,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetWriteError> {
        match (kind, values) {
            (Kind::Text, Values::Text(texts)) => self.write_texts(texts, Rows::Single, leaves, row_group)?,
            (Kind::Int64 | Kind::Timestamp, Values::Integer(numbers)) => {
                self.write_numbers::<_, Int64Type>(&numbers.present, &numbers.values, leaves, row_group)?;
            }
            (Kind::Int32, Values::Integer(Numbers { present, values })) => {
                let integers = values.iter().map(|number| narrow(*number)).collect::<Vec<_>>();
                self.write_numbers::<_, Int32Type>(present, &integers, leaves, row_group)?;
            }
            (Kind::Double, Values::Double(numbers)) => {
                debug_assert!(numbers.values.iter().all(|number| number.is_finite()));
                self.write_numbers::<_, DoubleType>(&numbers.present, &numbers.values, leaves, row_group)?;
            }
            (Kind::Boolean, Values::Boolean(truths)) => {
                self.write_numbers::<_, BoolType>(&truths.present, &truths.values, leaves, row_group)?;
            }
            (Kind::TextMap, Values::TextMap(Maps { keys, values, ends })) => {
                self.write_texts(keys, Rows::Map(ends), leaves, row_group)?;
                self.write_texts(values, Rows::Map(ends), leaves, row_group)?;
            }
            (Kind::Int64List, Values::Int64List(lists)) => {
                leaves.next();
                leaf::<_, Int64Type>(row_group, |leaf| self.write_lists(lists, leaf))?;
            }
            (Kind::DoubleList, Values::DoubleList(lists)) => {
                leaves.next();
                leaf::<_, DoubleType>(row_group, |leaf| self.write_lists(lists, leaf))?;
            }
            _ => return Err(ParquetWriteError::OtherColumns),
        }
        Ok(())
    }

    /// Writes the next column of texts.
    fn write_texts<W: Write + Send>(
        &mut self,
        texts: &Texts,
        rows: Rows<'_>,
        leaves: &mut Iter<'_, Leaf>,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetWriteError> {
        let leaf = leaves.next().ok_or(ParquetWriteError::OtherColumns)?;
        let (bytes, closed) = self.texts.write(leaf, texts, rows, &mut self.compressor)?;
        row_group.append_column(&bytes, closed)?;
        Ok(())
    }

    /// Writes the next column of numbers or truth values. Most of them have none in most objects, for which the crate takes
    /// as long as for a few thousand values.
    fn write_numbers<W: Write + Send, T: DataType>(
        &mut self,
        present: &[bool],
        values: &[T::T],
        leaves: &mut Iter<'_, Leaf>,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetWriteError> {
        let of_schema = leaves.next().ok_or(ParquetWriteError::OtherColumns)?;
        if !values.is_empty() {
            self.define(present);
            return leaf::<_, T>(row_group, |leaf| {
                leaf.write_batch(values, Some(&self.definition), None)?;
                Ok(())
            });
        }
        let statistics = Statistics::new::<T::T>(None, None, None, Some(present.len() as u64), false);
        let (bytes, closed) =
            self.texts.write_nulls(of_schema, present.len(), statistics, &mut self.compressor)?;
        row_group.append_column(&bytes, closed)?;
        Ok(())
    }

    fn write_lists<T: DataType>(
        &mut self,
        lists: &Lists<T::T>,
        leaf: &mut ColumnWriterImpl<'_, T>,
    ) -> Result<(), ParquetError> {
        let mut ends = lists.ends.iter();
        let mut start = 0;
        for present in lists.present.chunks(BATCH_ROWS) {
            self.clear_levels();
            let batch_start = start;
            for present in present {
                if let Some(end) = present.then(|| ends.next()).flatten() {
                    self.push_row(start..*end);
                    start = *end;
                } else {
                    self.definition.push(0);
                    self.repetition.push(0);
                }
            }
            let values = &lists.values[batch_start..start];
            leaf.write_batch(values, Some(&self.definition), Some(&self.repetition))?;
        }
        Ok(())
    }

    /// The levels of a plain column.
    fn define(&mut self, present: &[bool]) {
        self.definition.clear();
        self.definition.extend(present.iter().map(|present| i16::from(*present)));
    }

    fn clear_levels(&mut self) {
        self.definition.clear();
        self.repetition.clear();
    }

    /// The levels of a list with these elements.
    fn push_row(&mut self, elements: Range<usize>) {
        if elements.is_empty() {
            self.definition.push(EMPTY);
            self.repetition.push(0);
        }
        let first = elements.start;
        for element in elements {
            self.definition.push(ELEMENT);
            self.repetition.push(i16::from(element > first));
        }
    }
}

/// A number of a column of 32 bits, which it fits.
fn narrow(number: i64) -> i32 {
    debug_assert!(i32::try_from(number).is_ok(), "{number} is in a column of 32 bits");
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

/// Writes the next leaf of the schema, which is of the type `T`.
fn leaf<W: Write + Send, T: DataType>(
    row_group: &mut SerializedRowGroupWriter<'_, W>,
    write: impl FnOnce(&mut ColumnWriterImpl<'_, T>) -> Result<(), ParquetError>,
) -> Result<(), ParquetWriteError> {
    let mut column = row_group.next_column()?.ok_or(ParquetWriteError::OtherColumns)?;
    write(column.typed::<T>())?;
    column.close()?;
    Ok(())
}
