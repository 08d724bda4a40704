//! The compression of pages. One compressor serves a whole file: to make one takes longer than to compress a small page.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use zstd::zstd_safe::compress_bound;

use super::ParquetCompression;

/// Compresses pages, one after another.
pub(super) struct Compressor {
    method: Method,
    /// What became of the page.
    compressed: Vec<u8>,
}

enum Method {
    None,
    Snappy(Box<snap::raw::Encoder>),
    Gzip(flate2::Compression),
    Lz4,
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    /// A compressor of this kind.
    pub(super) fn new(compression: ParquetCompression) -> io::Result<Self> {
        let method = match compression {
            ParquetCompression::None => Method::None,
            ParquetCompression::Snappy => Method::Snappy(Box::new(snap::raw::Encoder::new())),
            ParquetCompression::Gzip(level) => Method::Gzip(flate2::Compression::new(level.into())),
            ParquetCompression::Lz4 => Method::Lz4,
            ParquetCompression::Zstd(level) => Method::Zstd(zstd::bulk::Compressor::new(level.into())?),
        };
        Ok(Self { method, compressed: Vec::new() })
    }

    /// The compressed form of a page.
    pub(super) fn compress<'a>(&'a mut self, page: &'a [u8]) -> io::Result<&'a [u8]> {
        let out = &mut self.compressed;
        out.clear();
        match &mut self.method {
            Method::None => return Ok(page),
            Method::Snappy(encoder) => {
                out.resize(snap::raw::max_compress_len(page.len()), 0);
                let length = encoder.compress(page, out)?;
                out.truncate(length);
            }
            Method::Gzip(level) => {
                let mut encoder = GzEncoder::new(out, *level);
                encoder.write_all(page)?;
                encoder.try_finish()?;
            }
            Method::Lz4 => {
                out.resize(lz4_flex::block::get_maximum_output_size(page.len()), 0);
                let length = lz4_flex::block::compress_into(page, out).map_err(io::Error::other)?;
                out.truncate(length);
            }
            Method::Zstd(compressor) => {
                out.reserve(compress_bound(page.len()));
                compressor.compress_to_buffer(page, out)?;
            }
        }
        Ok(&self.compressed)
    }
}
