//! Rows as a Parquet file.
//!
//! What is written is what every reader understands, old ones too: physical types INT32, INT64, DOUBLE, BOOLEAN and
//! `BYTE_ARRAY` with the logical types STRING, TIMESTAMP (microseconds, UTC), MAP and LIST; data pages of version 1,
//! encoded plainly or by dictionary. There are no unsigned numbers, no decimals and no schema of Arrow among the
//! metadata, each of which some reader trips over. Every column is optional, as table formats expect; a map is always
//! there all the same, if only empty.
//!
//! Statistics are kept for each column of a row group, which lets readers skip row groups by time, and for nothing
//! smaller: an index of the pages makes an object of a thousand rows two hundredths larger, and with row groups of at most
//! [`ROW_GROUP_ROWS_MAX`] rows there is little left to skip.
//!
//! The same tables become the same bytes, as long as the version of forebay is the same.

mod bounds;
mod chunk;
mod columns;
mod compressor;
mod dictionary;
mod hybrid;
mod schema;
mod sink;
mod texts;

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use self::columns::ColumnBuffers;
use self::compressor::Compressor;
use self::sink::Sink;
use self::texts::Leaf;
use super::layout::{Column, Kind};
use super::table::Table;

/// The most rows of a row group. Readers that unpack a whole row group at once stay within a few hundred MiB by it.
pub const ROW_GROUP_ROWS_MAX: usize = 50_000;

/// The column of primary keys. They are random, so that neither a dictionary of them is of use nor the least of them.
const KEY: &str = "id";

/// A column of times that is no timestamp.
const NANOSECONDS: &str = "time_unix_nano";

/// How the pages of a file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParquetCompression {
    /// Not at all.
    None,
    /// Snappy.
    Snappy,
    /// Gzip, with a level from 0 to 9.
    Gzip(u8),
    /// LZ4 in its raw form (`LZ4_RAW`).
    Lz4,
    /// Zstandard, with a level from 1 to 22.
    Zstd(u8),
}

/// Why a Parquet file was not written. What reached the sink by then is no Parquet file.
#[derive(Debug, thiserror::Error)]
pub enum ParquetWriteError {
    /// The sink refused, such as a disk that is full.
    #[error("cannot write a Parquet file: {0}")]
    Sink(#[source] io::Error),
    /// The rows could not be encoded, or there is no such level of compression.
    #[error("cannot encode rows as Parquet: {0}")]
    Encode(#[from] ParquetError),
    /// A table that was not made of the columns of the file.
    #[error("the table does not have the columns of the Parquet file")]
    OtherColumns,
}

/// Writes tables of the same columns into one Parquet file.
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<Sink<W>>,
    kinds: Vec<Kind>,
    leaves: Vec<Leaf>,
    buffers: ColumnBuffers,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file. The writer gathers small pieces itself, so `sink` needs no buffer.
    ///
    /// # Errors
    ///
    /// When there is no such level of compression.
    pub fn new(
        columns: &[Column],
        compression: ParquetCompression,
        sink: W,
    ) -> Result<Self, ParquetWriteError> {
        let schema = schema::schema(columns)?;
        let properties = properties(columns, compression)?;
        let file = SerializedFileWriter::new(Sink::new(sink), Arc::new(schema), Arc::new(properties))?;
        let kinds = columns.iter().map(|column| column.kind).collect();
        let leaves = Leaf::all(file.schema_descr(), file.properties());
        let compressor = Compressor::new(compression).map_err(ParquetError::from)?;
        Ok(Self { file, kinds, leaves, buffers: ColumnBuffers::new(compressor) })
    }

    /// Writes the rows of `table`, of which there should be [`ROW_GROUP_ROWS_MAX`] at most, as one row group; no rows as
    /// none.
    ///
    /// # Errors
    ///
    /// When the sink refuses, or `table` was made of other columns. Nothing more can then be written to this file.
    pub fn write_rows(&mut self, table: &Table) -> Result<(), ParquetWriteError> {
        if table.columns().len() != self.kinds.len() {
            return Err(ParquetWriteError::OtherColumns);
        }
        if table.rows() == 0 {
            return Ok(());
        }
        self.write_row_group(table).map_err(|error| match error {
            ParquetWriteError::Encode(source) => self.cause(source),
            error => error,
        })
    }

    fn write_row_group(&mut self, table: &Table) -> Result<(), ParquetWriteError> {
        let mut row_group = self.file.next_row_group()?;
        let mut leaves = self.leaves.iter();
        for (kind, values) in self.kinds.iter().zip(table.columns()) {
            self.buffers.write_column(*kind, values, &mut leaves, &mut row_group)?;
        }
        row_group.close()?;
        Ok(())
    }

    /// Ends the file and hands back its sink, to which everything has been written and which has been flushed.
    ///
    /// # Errors
    ///
    /// When the sink refuses.
    pub fn finish(mut self) -> Result<W, ParquetWriteError> {
        match self.file.finish() {
            Ok(_) => {
                let sink = self.file.inner_mut().take();
                sink.ok_or_else(|| ParquetWriteError::Sink(io::ErrorKind::BrokenPipe.into()))
            }
            Err(source) => Err(self.cause(source)),
        }
    }

    /// What is behind an error: the sink, if it refused.
    fn cause(&mut self, source: ParquetError) -> ParquetWriteError {
        match self.file.inner_mut().take_failure() {
            Some(failure) => ParquetWriteError::Sink(failure),
            None => ParquetWriteError::Encode(source),
        }
    }
}

fn properties(columns: &[Column], compression: ParquetCompression) -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("forebay version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(codec(compression)?)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(None);
    for leaf in columns.iter().flat_map(schema::leaves_without_order) {
        properties = properties.set_column_statistics_enabled(leaf, EnabledStatistics::None);
    }
    // Hardly a time comes twice among logs and spans, where a dictionary makes an object a twentieth larger; where many
    // points share one, compression finds that as well.
    for column in columns.iter().filter(|column| column.kind == Kind::Timestamp || column.name == NANOSECONDS)
    {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column.name.as_str()), false);
    }
    properties = properties
        .set_column_dictionary_enabled(ColumnPath::from(KEY), false)
        .set_column_statistics_enabled(ColumnPath::from(KEY), EnabledStatistics::None);
    Ok(properties.build())
}

fn codec(compression: ParquetCompression) -> Result<Compression, ParquetError> {
    Ok(match compression {
        ParquetCompression::None => Compression::UNCOMPRESSED,
        ParquetCompression::Snappy => Compression::SNAPPY,
        ParquetCompression::Gzip(level) => Compression::GZIP(GzipLevel::try_new(level.into())?),
        ParquetCompression::Lz4 => Compression::LZ4_RAW,
        ParquetCompression::Zstd(level) => Compression::ZSTD(ZstdLevel::try_new(level.into())?),
    })
}

#[cfg(test)]
mod tests;
