//! Records as rows.
//!
//! Rows repeat what their resource says, so that a record may become far more than it is: then its rows are written a
//! piece at a time, after all of them were found to be right.

use std::io;

use super::encoder::{EncodeError, guarded};
use super::format::Format;
use super::sink::Sink;
use crate::log::Record;
use crate::rows::{
    Column, Layout, Origin, ROW_GROUP_ROWS_MAX, Table, flatten_within, write_csv, write_csv_header,
    write_json_lines,
};

/// The memory that rows take before they are written as text, and what that text takes before it is passed on, about. Text
/// is compressed as a stream, so that more is of no use.
const TEXT_BYTES: usize = 256 << 10;

/// Encodes the records of one object as rows.
pub(super) struct RowEncoder {
    layout: Layout,
    /// Rows that are not written yet.
    table: Table,
    writer: RowWriter,
}

/// Writes rows in one of their formats.
struct RowWriter {
    format: Format,
    columns: Vec<Column>,
    text: Vec<u8>,
    /// Whether the names of the columns are still to be written.
    wants_names: bool,
}

impl RowEncoder {
    pub(super) fn new(format: Format, layout: Layout) -> Self {
        let columns = layout.columns().to_vec();
        let table = Table::new(&columns);
        let writer = RowWriter { format, columns, text: Vec::new(), wants_names: format == Format::Csv };
        Self { layout, table, writer }
    }

    /// The columns of the rows.
    pub(super) fn columns(&self) -> &[Column] {
        &self.writer.columns
    }

    /// Takes in a record of the log `writer`. Rows stay in memory as long as they take at most about `memory` bytes.
    pub(super) fn add(
        &mut self,
        writer: &str,
        record: &Record,
        memory: usize,
        sink: &mut Sink,
    ) -> Result<(), EncodeError> {
        let Self { layout, table, writer: rows } = self;
        let origin = Origin { writer, seq: record.seq, received_at: record.received_at };
        let before = table.rows();
        let bounds = (ROW_GROUP_ROWS_MAX, table.bytes() + memory);
        let flattened = guarded(|| flatten_within(layout, origin, &record.body, table, bounds));
        if flattened.is_err() {
            table.truncate(before);
        }
        let written = match flattened? {
            None => rows.write_if_full(table, memory, sink),
            Some(pieces) => pieces.flatten(table, &mut |table| rows.write_if_full(table, memory, sink)),
        };
        written.map_err(EncodeError::Sink)
    }

    /// Writes what is left.
    pub(super) fn finish(&mut self, sink: &mut Sink) -> io::Result<()> {
        self.writer.write(&mut self.table, sink)
    }
}

impl RowWriter {
    fn write_if_full(&mut self, table: &mut Table, memory: usize, sink: &mut Sink) -> io::Result<()> {
        let memory = if self.format == Format::Parquet { memory } else { memory.min(TEXT_BYTES) };
        if table.rows() >= ROW_GROUP_ROWS_MAX || table.bytes() >= memory {
            return self.write(table, sink);
        }
        Ok(())
    }

    /// Writes all rows, and takes them out of the table.
    fn write(&mut self, table: &mut Table, sink: &mut Sink) -> io::Result<()> {
        let Self { format, columns, text, wants_names } = self;
        let mut pass_on =
            |text: &mut Vec<u8>| if text.len() < TEXT_BYTES { Ok(()) } else { take(text, sink) };
        match format {
            Format::Parquet => return sink.write_rows(table).map(|()| table.truncate(0)),
            Format::Csv => {
                if std::mem::take(wants_names) {
                    write_csv_header(columns, text);
                }
                write_csv(columns, table, text, &mut pass_on)?;
            }
            _ => write_json_lines(columns, table, text, &mut pass_on)?,
        }
        table.truncate(0);
        take(text, sink)
    }
}

/// Writes text, and keeps its memory for more.
fn take(text: &mut Vec<u8>, sink: &mut Sink) -> io::Result<()> {
    sink.write(text)?;
    text.clear();
    // A single row may have been as large as a request.
    text.shrink_to(2 * TEXT_BYTES);
    Ok(())
}
