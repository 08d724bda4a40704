//! Compression. The only home of zstd.
//!
//! Level 1 of gzip is [`GzipEncoder`]: faster than level 2 of zlib-rs and nearly as small as its level 5. (Its own level 1 is not
//! faster, and makes half as many bytes again.)

use std::io::{self, Write};

use flate2::GzBuilder;
use flate2::write::GzEncoder;

use super::format::Format;
use super::gzip::GzipEncoder;
use crate::rows::ParquetCompression;

/// A compression and its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// Content as it is.
    None,
    /// One gzip member (some readers stop at the first) without a name or a time, so that equal content is equal bytes.
    Gzip(u8),
    /// One zstd frame, with a checksum.
    Zstd(u8),
    /// Within the pages of Parquet only.
    Snappy,
    /// Within the pages of Parquet only.
    Lz4,
}

/// Compresses what is written into it into `W`.
pub(super) enum Compressor<W: Write> {
    /// See [`Codec::None`].
    None(W),
    /// See [`Codec::Gzip`].
    Gzip(GzEncoder<W>),
    /// Its level 1.
    FastGzip(GzipEncoder<W>),
    /// See [`Codec::Zstd`].
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl Codec {
    /// The level of zstd if none is given. That of the command `zstd`, 3, takes two thirds more of processor time for OTLP that
    /// is 3 % smaller, and makes Parquet files larger.
    pub(super) const ZSTD_LEVEL: u8 = 1;

    /// The level of gzip if none is given: of a whole object our own, 1; of pages 5. (That of the command `gzip`, 6, takes two
    /// fifths more of processor time than 5 for 2 % fewer bytes; `cargo bench --bench packing -- --level 6`.)
    pub(super) const fn gzip_level(format: Format) -> u8 {
        if matches!(format, Format::Parquet) { 5 } else { 1 }
    }

    /// The same, for the pages of a Parquet file.
    pub(super) const fn of_pages(self) -> ParquetCompression {
        match self {
            Self::None => ParquetCompression::None,
            Self::Gzip(level) => ParquetCompression::Gzip(level),
            Self::Zstd(level) => ParquetCompression::Zstd(level),
            Self::Snappy => ParquetCompression::Snappy,
            Self::Lz4 => ParquetCompression::Lz4,
        }
    }

    /// Begins a member or frame in `inner`.
    pub(super) fn compressor<W: Write>(self, inner: W) -> io::Result<Compressor<W>> {
        Ok(match self {
            // Options do not let the last two come here.
            Self::None | Self::Snappy | Self::Lz4 => Compressor::None(inner),
            Self::Gzip(1) => Compressor::FastGzip(GzipEncoder::new(inner)),
            Self::Gzip(level) => {
                let level = flate2::Compression::new(level.into());
                Compressor::Gzip(GzBuilder::new().mtime(0).write(inner, level))
            }
            Self::Zstd(level) => {
                let mut encoder = zstd::stream::write::Encoder::new(inner, level.into())?;
                encoder.include_checksum(true)?;
                Compressor::Zstd(encoder)
            }
        })
    }
}

impl<W: Write> Compressor<W> {
    /// Writes all of `content`.
    pub(super) fn write_all(&mut self, content: &[u8]) -> io::Result<()> {
        match self {
            Self::None(inner) => inner.write_all(content),
            Self::Gzip(encoder) => encoder.write_all(content),
            Self::FastGzip(encoder) => encoder.write_all(content),
            Self::Zstd(encoder) => encoder.write_all(content),
        }
    }

    /// Ends the member or frame.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::None(inner) => Ok(inner),
            Self::Gzip(encoder) => encoder.finish(),
            Self::FastGzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}
