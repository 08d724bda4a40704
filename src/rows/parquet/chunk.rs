//! A column of a row group as it lies in the file: a dictionary or none, and pages.
//!
//! The crate writes columns as well, but makes an object that is counted of each text and looks for each of them in its
//! dictionary, which takes longer than everything else about a row. What a page is, how its header is written and what
//! the footer says stays with the crate.

use std::io;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::basic::{Encoding, EncodingMask, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::compressor::Compressor;

/// The pages of a column, which are gathered in memory.
pub(super) struct Chunk<'c> {
    column: ColumnDescPtr,
    compressor: &'c mut Compressor,
    pages: TrackedWrite<Vec<u8>>,
    /// The bytes of the dictionary's page, if there is one.
    dictionary_bytes: Option<usize>,
    /// The pages of data, and how many levels they have.
    data_pages: i32,
    levels: usize,
    uncompressed_bytes: usize,
}

impl<'c> Chunk<'c> {
    pub(super) fn new(column: ColumnDescPtr, compressor: &'c mut Compressor) -> Self {
        let pages = TrackedWrite::new(Vec::new());
        Self {
            column,
            compressor,
            pages,
            dictionary_bytes: None,
            data_pages: 0,
            levels: 0,
            uncompressed_bytes: 0,
        }
    }

    /// Writes the dictionary, of so many values, before every other page.
    pub(super) fn write_dictionary(&mut self, dictionary: &[u8], values: usize) -> Result<(), ParquetError> {
        let num_values = count(values)?;
        self.write(dictionary, |buf| Page::DictionaryPage {
            buf,
            num_values,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })?;
        self.dictionary_bytes = Some(self.pages.bytes_written());
        Ok(())
    }

    /// Writes a page of so many levels.
    pub(super) fn write_data(&mut self, page: &[u8], levels: usize) -> Result<(), ParquetError> {
        let num_values = count(levels)?;
        let encoding = self.encoding();
        self.write(page, |buf| Page::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        self.data_pages += 1;
        self.levels += levels;
        Ok(())
    }

    fn write(&mut self, page: &[u8], wrap: impl FnOnce(Bytes) -> Page) -> Result<(), ParquetError> {
        let compressed = self.compressor.compress(page)?;
        let wrapped = CompressedPage::new(wrap(Bytes::copy_from_slice(compressed)), page.len());
        let written = SerializedPageWriter::new(&mut self.pages).write_page(wrapped)?;
        self.uncompressed_bytes += written.uncompressed_size;
        Ok(())
    }

    /// The encoding of the pages of data.
    fn encoding(&self) -> Encoding {
        if self.dictionary_bytes.is_some() { Encoding::RLE_DICTIONARY } else { Encoding::PLAIN }
    }

    /// Ends the column, which has so many rows. Returns its bytes and what the footer says of them.
    pub(super) fn finish(
        self,
        rows: usize,
        compression: Compression,
        statistics: Option<Statistics>,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let data = PageEncodingStats {
            page_type: PageType::DATA_PAGE,
            encoding: self.encoding(),
            count: self.data_pages,
        };
        let dictionary =
            PageEncodingStats { page_type: PageType::DICTIONARY_PAGE, encoding: Encoding::PLAIN, count: 1 };
        let pages: Vec<_> = self.dictionary_bytes.map(|_| dictionary).into_iter().chain([data]).collect();
        let encodings = pages.iter().map(|pages| pages.encoding).chain([Encoding::RLE]).collect::<Vec<_>>();
        let bytes = self.pages.into_inner()?;
        let mut metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(compression)
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_page_encoding_stats(pages)
            .set_total_compressed_size(length(bytes.len())?)
            .set_total_uncompressed_size(length(self.uncompressed_bytes)?)
            .set_num_values(length(self.levels)?)
            .set_data_page_offset(length(self.dictionary_bytes.unwrap_or(0))?)
            .set_dictionary_page_offset(self.dictionary_bytes.map(|_| 0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let closed = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok((Bytes::from(bytes), closed))
    }
}

/// A number of values as a page's header has it.
fn count(values: usize) -> Result<u32, ParquetError> {
    u32::try_from(values).map_err(|_| too_many(values))
}

/// A number of bytes or values as the footer has it.
fn length(number: usize) -> Result<i64, ParquetError> {
    i64::try_from(number).map_err(|_| too_many(number))
}

fn too_many(number: usize) -> ParquetError {
    io::Error::other(format!("{number} is more than a Parquet file can hold")).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::types::SchemaDescriptor;

    use super::*;
    use crate::rows::ParquetCompression;
    use crate::rows::layout::{Column, Kind};
    use crate::rows::parquet::schema;

    #[test]
    fn the_pages_of_data_begin_where_the_dictionary_ends() {
        let columns = [Column { name: "text".to_owned(), kind: Kind::Text }];
        let schema = SchemaDescriptor::new(Arc::new(schema::schema(&columns).unwrap()));
        let mut compressor = Compressor::new(ParquetCompression::Zstd(1)).unwrap();
        let mut written = |pages: usize, has_dictionary: bool| {
            let mut chunk = Chunk::new(schema.column(0), &mut compressor);
            if has_dictionary {
                chunk.write_dictionary(&[7; 500], 3).unwrap();
            }
            for _ in 0..pages {
                chunk.write_data(&[1, 2, 3], 20).unwrap();
            }
            chunk.finish(20 * pages, Compression::SNAPPY, None).unwrap()
        };
        let (dictionary, _) = written(0, true);
        let (bytes, closed) = written(2, true);
        let metadata = closed.metadata;
        let offset = |length: usize| i64::try_from(length).unwrap();
        assert_eq!(metadata.dictionary_page_offset(), Some(0));
        assert_eq!(metadata.data_page_offset(), offset(dictionary.len()));
        assert_eq!(metadata.compressed_size(), offset(bytes.len()));
        assert_eq!((metadata.num_values(), closed.rows_written), (40, 40));
        let (_, closed) = written(1, false);
        let metadata = closed.metadata;
        assert_eq!((metadata.dictionary_page_offset(), metadata.data_page_offset()), (None, 0));
    }
}
