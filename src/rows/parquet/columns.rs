//! The columns of a row group, one after another.
//!
//! Beside its values a column has levels. The definition level of a value says how deep it is there: of a plain column 0
//! is null and 1 a value; of a map or list 0 is null, 1 empty, and what is above lies within an entry. The repetition
//! level says where a row begins: 0 for its first entry, 1 for the others.

use std::io::Write;
use std::ops::Range;

use bytes::Bytes;
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedRowGroupWriter;

use super::ParquetWriteError;
use crate::rows::layout::Kind;
use crate::rows::table::{Lists, Maps, Numbers, Texts, Values};

/// How many rows are handed over at once, which bounds what the buffers take.
const BATCH_ROWS: usize = 1024;

/// The definition level of a map or list that is empty.
const EMPTY: i16 = 1;

/// The definition level of the key of an entry, and of the value of one that is null.
const KEY: i16 = 2;

/// The definition level of a value in a map, and of an element in a list.
const ELEMENT: i16 = 3;

/// What is filled again for each batch of rows.
#[derive(Default)]
pub(super) struct ColumnBuffers {
    definition: Vec<i16>,
    repetition: Vec<i16>,
    texts: Vec<ByteArray>,
    integers: Vec<i32>,
}

impl ColumnBuffers {
    /// Writes the next column of `row_group`, which is of `kind`.
    pub(super) fn write_column<W: Write + Send>(
        &mut self,
        kind: Kind,
        values: &Values,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetWriteError> {
        match (kind, values) {
            (Kind::Text, Values::Text(texts)) => leaf(row_group, |leaf| self.write_texts(texts, leaf))?,
            (Kind::Int64 | Kind::Timestamp, Values::Integer(numbers)) => {
                leaf::<_, Int64Type>(row_group, |leaf| self.write_numbers(numbers, leaf))?;
            }
            (Kind::Int32, Values::Integer(numbers)) => {
                leaf(row_group, |leaf| self.write_integers(numbers, leaf))?;
            }
            (Kind::Double, Values::Double(numbers)) => {
                debug_assert!(numbers.values.iter().all(|number| number.is_finite()));
                leaf::<_, DoubleType>(row_group, |leaf| self.write_numbers(numbers, leaf))?;
            }
            (Kind::Boolean, Values::Boolean(truths)) => {
                leaf::<_, BoolType>(row_group, |leaf| self.write_numbers(truths, leaf))?;
            }
            (Kind::TextMap, Values::TextMap(Maps { keys, values, ends })) => {
                leaf(row_group, |leaf| self.write_entries(ends, keys, KEY, leaf))?;
                leaf(row_group, |leaf| self.write_entries(ends, values, ELEMENT, leaf))?;
            }
            (Kind::Int64List, Values::Int64List(lists)) => {
                leaf::<_, Int64Type>(row_group, |leaf| self.write_lists(lists, leaf))?;
            }
            (Kind::DoubleList, Values::DoubleList(lists)) => {
                leaf::<_, DoubleType>(row_group, |leaf| self.write_lists(lists, leaf))?;
            }
            _ => return Err(ParquetWriteError::OtherColumns),
        }
        Ok(())
    }

    fn write_texts(
        &mut self,
        texts: &Texts,
        leaf: &mut ColumnWriterImpl<'_, ByteArrayType>,
    ) -> Result<(), ParquetError> {
        let mut first = 0;
        for present in texts.present.chunks(BATCH_ROWS) {
            self.define(present);
            let next = first + there(present);
            self.take_texts(texts, first..next);
            leaf.write_batch(&self.texts, Some(&self.definition), None)?;
            first = next;
        }
        self.texts.clear();
        Ok(())
    }

    fn write_numbers<T: DataType>(
        &mut self,
        numbers: &Numbers<T::T>,
        leaf: &mut ColumnWriterImpl<'_, T>,
    ) -> Result<(), ParquetError> {
        self.define(&numbers.present);
        leaf.write_batch(&numbers.values, Some(&self.definition), None)?;
        Ok(())
    }

    fn write_integers(
        &mut self,
        numbers: &Numbers<i64>,
        leaf: &mut ColumnWriterImpl<'_, Int32Type>,
    ) -> Result<(), ParquetError> {
        self.define(&numbers.present);
        self.integers.clear();
        self.integers.extend(numbers.values.iter().map(|number| {
            debug_assert!(i32::try_from(*number).is_ok(), "{number} is in a column of 32 bits");
            i32::try_from(*number).unwrap_or(if *number < 0 { i32::MIN } else { i32::MAX })
        }));
        leaf.write_batch(&self.integers, Some(&self.definition), None)?;
        Ok(())
    }

    /// Writes the keys or the values of maps, whose rows end at `ends`. The level of a text that is there is `present`,
    /// of one that is null one less.
    fn write_entries(
        &mut self,
        ends: &[usize],
        texts: &Texts,
        present: i16,
        leaf: &mut ColumnWriterImpl<'_, ByteArrayType>,
    ) -> Result<(), ParquetError> {
        let (mut start, mut first) = (0, 0);
        for ends in ends.chunks(BATCH_ROWS) {
            self.clear_levels();
            let batch_start = start;
            for end in ends {
                self.push_row(start..*end, |entry| present - i16::from(!texts.present[entry]));
                start = *end;
            }
            let next = first + there(&texts.present[batch_start..start]);
            self.take_texts(texts, first..next);
            leaf.write_batch(&self.texts, Some(&self.definition), Some(&self.repetition))?;
            first = next;
        }
        self.texts.clear();
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
                    self.push_row(start..*end, |_| ELEMENT);
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

    /// The levels of a map or list with these entries.
    fn push_row(&mut self, entries: Range<usize>, level: impl Fn(usize) -> i16) {
        if entries.is_empty() {
            self.definition.push(EMPTY);
            self.repetition.push(0);
        }
        let first = entries.start;
        for entry in entries {
            self.definition.push(level(entry));
            self.repetition.push(i16::from(entry > first));
        }
    }

    /// Makes some of the texts that are there into values, which share one copy of their bytes.
    fn take_texts(&mut self, texts: &Texts, range: Range<usize>) {
        let before = range.start.checked_sub(1);
        let start = before.map_or(0, |before| texts.ends[before]);
        let ends = &texts.ends[range];
        let end = ends.last().copied().unwrap_or(start);
        let batch = Bytes::copy_from_slice(&texts.bytes.as_bytes()[start..end]);
        self.texts.clear();
        let mut from = 0;
        self.texts.extend(ends.iter().map(|end| {
            let text = batch.slice(from..end - start);
            from = end - start;
            ByteArray::from(text)
        }));
    }
}

fn there(present: &[bool]) -> usize {
    present.iter().filter(|present| **present).count()
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
