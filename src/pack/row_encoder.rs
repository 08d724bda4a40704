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
    Column, Layout, Origin, Pieces, ROW_GROUP_ROWS_MAX, Table, flatten_within, write_csv, write_csv_header,
    write_json_lines,
};

/// The memory that rows take before they are written as text. Text is compressed as a stream, so that more is of no use.
const TEXT_TABLE_BYTES: usize = 256 << 10;

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
        let memory = if rows.format == Format::Parquet { memory } else { TEXT_TABLE_BYTES };
        let origin = Origin { writer, seq: record.seq, received_at: record.received_at };
        let before = table.rows();
        let bounds = (ROW_GROUP_ROWS_MAX, table.bytes() + memory);
        let fits = guarded(|| flatten_within(layout, origin, &record.body, table, bounds));
        if fits.is_err() {
            table.truncate(before);
        }
        if fits? {
            return rows.write_if_full(table, memory, sink).map_err(EncodeError::Sink);
        }
        let pieces = guarded(|| Pieces::check(layout, origin, &record.body))?;
        pieces.flatten(table, &mut |table| rows.write_if_full(table, memory, sink)).map_err(EncodeError::Sink)
    }

    /// Writes what is left.
    pub(super) fn finish(&mut self, sink: &mut Sink) -> io::Result<()> {
        self.writer.write(&mut self.table, sink)
    }
}

impl RowWriter {
    fn write_if_full(&mut self, table: &mut Table, memory: usize, sink: &mut Sink) -> io::Result<()> {
        if table.rows() >= ROW_GROUP_ROWS_MAX || table.bytes() >= memory {
            return self.write(table, sink);
        }
        Ok(())
    }

    /// Writes all rows, and takes them out of the table.
    fn write(&mut self, table: &mut Table, sink: &mut Sink) -> io::Result<()> {
        match self.format {
            Format::Parquet => sink.write_rows(table)?,
            Format::Csv => {
                if std::mem::take(&mut self.wants_names) {
                    write_csv_header(&self.columns, &mut self.text);
                }
                write_csv(&self.columns, table, &mut self.text);
            }
            _ => write_json_lines(&self.columns, table, &mut self.text),
        }
        sink.write(&self.text)?;
        self.text.clear();
        table.truncate(0);
        Ok(())
    }
}
