//! Where the content of an object goes: compression and the file.

use std::io;

use super::codec::{Codec, Compressor};
use super::format::Format;
use super::spool_file::SpoolFile;
use crate::rows::{Column, ParquetWriteError, ParquetWriter, Table};

/// The way of an object's content into its file.
pub(super) enum Sink {
    /// Compressed as a whole.
    Stream(Box<Compressor<SpoolFile>>),
    /// Compressed within its pages.
    Parquet(Box<ParquetWriter<SpoolFile>>),
}

impl Sink {
    /// Begins to write into `file`. `columns` are those of rows.
    pub(super) fn new(format: Format, codec: Codec, columns: &[Column], file: SpoolFile) -> io::Result<Self> {
        Ok(match format {
            Format::Parquet => {
                let writer = ParquetWriter::new(columns, codec.of_pages(), file).map_err(as_io)?;
                Self::Parquet(Box::new(writer))
            }
            _ => Self::Stream(Box::new(codec.compressor(file)?)),
        })
    }

    /// Writes text; nothing into Parquet.
    pub(super) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.write_all(content),
            Self::Parquet(_) => Ok(()),
        }
    }

    /// Writes rows as one row group; nothing into a stream.
    pub(super) fn write_rows(&mut self, table: &Table) -> io::Result<()> {
        match self {
            Self::Parquet(writer) => writer.write_rows(table).map_err(as_io),
            Self::Stream(_) => Ok(()),
        }
    }

    /// Ends the content, and gives the file back.
    pub(super) fn finish(self) -> io::Result<SpoolFile> {
        match self {
            Self::Stream(stream) => stream.finish(),
            Self::Parquet(writer) => writer.finish().map_err(as_io),
        }
    }
}

fn as_io(error: ParquetWriteError) -> io::Error {
    match error {
        ParquetWriteError::Sink(error) => error,
        error => io::Error::other(error),
    }
}
