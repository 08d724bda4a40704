//! Decompression of what clients send, up to a limit and not a byte further.
//!
//! | name | also | format |
//! | --- | --- | --- |
//! | `gzip` | `x-gzip` | gzip, of one or several members |
//! | `zstd` | | zstd, of one or several frames |
//! | `deflate` | `zlib` | zlib (RFC 1950), as HTTP has it, or bare deflate (RFC 1951), as some clients have it |
//! | `snappy` | `x-snappy-framed` | the framed format, or one block; the Collector sends both by the first name |
//! | `lz4` | | the frame format, of one or several frames |
//!
//! gRPC and HTTP take the same ones; names are of any case.
//!
//! Beside what is counted, decoders have buffers of a fixed size (up to 12 MiB for LZ4). There are never more of them
//! than threads that open bodies, however many requests come.

mod lz4;

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// How the framed format of snappy begins: a chunk of type 0xff that names the format. No block begins so, for its first
/// copy would refer to bytes before the beginning.
const SNAPPY_STREAM_IDENTIFIER: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    Deflate,
    Snappy,
    Lz4,
}

/// Why a body could not be decompressed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is larger than the limit.
    TooLarge,
    /// It is broken.
    Broken(io::Error),
}

impl Compression {
    /// What a client may send over gRPC, as `grpc-accept-encoding` says it.
    pub(super) const OVER_GRPC: &'static str = "identity,gzip,zstd,deflate,snappy,lz4";

    /// What a client may send over HTTP, as `Accept-Encoding` says it.
    pub(super) const OVER_HTTP: &'static str =
        "gzip, zstd, deflate, zlib, snappy, x-snappy-framed, lz4, identity";

    /// The compression that the header `Content-Encoding` or `grpc-encoding` names, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::None),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            "deflate" | "zlib" => Some(Self::Deflate),
            "snappy" | "x-snappy-framed" => Some(Self::Snappy),
            "lz4" => Some(Self::Lz4),
            _ => None,
        }
    }

    /// Decompresses the whole of `body` if that yields `limit` bytes at most.
    pub(super) fn decompress(self, body: &Bytes, limit: usize) -> Result<Bytes, Failure> {
        let body_bytes: &[u8] = body;
        match self {
            Self::None if body.len() > limit => Err(Failure::TooLarge),
            Self::None => Ok(body.clone()),
            Self::Gzip => read_all(&mut MultiGzDecoder::new(body_bytes), limit),
            Self::Zstd => zstd::Decoder::with_buffer(body_bytes)
                .map_err(Failure::Broken)
                .and_then(|mut decoder| read_all(&mut decoder, limit)),
            Self::Deflate if is_zlib(body) => {
                let mut decoder = ZlibDecoder::new(body_bytes);
                let decompressed = read_all(&mut decoder, limit)?;
                nothing_follows(decoder.into_inner()).map(|()| decompressed)
            }
            Self::Deflate => {
                let mut decoder = DeflateDecoder::new(body_bytes);
                let decompressed = read_all(&mut decoder, limit)?;
                nothing_follows(decoder.into_inner()).map(|()| decompressed)
            }
            Self::Snappy if body.starts_with(SNAPPY_STREAM_IDENTIFIER) => {
                read_all(&mut snap::read::FrameDecoder::new(body_bytes), limit)
            }
            Self::Snappy => snappy_block(body, limit),
            Self::Lz4 => read_all(&mut lz4::Frames::new(body_bytes), limit),
        }
    }
}

/// Whether a body begins as zlib does: the method is deflate, and the two bytes are a multiple of 31. Bare deflate would
/// begin so with a stored block whose padding is not zero, which nobody writes.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

/// What follows the end would be dropped without a word.
fn nothing_follows(rest: &[u8]) -> Result<(), Failure> {
    if rest.is_empty() { Ok(()) } else { Err(Failure::Broken(io::Error::other("something follows its end"))) }
}

/// Decompresses one block of snappy, which begins with its length.
fn snappy_block(block: &[u8], limit: usize) -> Result<Bytes, Failure> {
    let broken = |error: snap::Error| Failure::Broken(error.into());
    if snap::raw::decompress_len(block).map_err(broken)? > limit {
        return Err(Failure::TooLarge);
    }
    Ok(snap::raw::Decoder::new().decompress_vec(block).map_err(broken)?.into())
}

/// Reads to the end, one byte beyond the limit at most.
fn read_all(reader: &mut impl Read, limit: usize) -> Result<Bytes, Failure> {
    // The system hands out such a buffer page by page as it is filled, so that no more memory than needed is used,
    // and nothing is copied from a small buffer to a larger one.
    let mut decompressed = Vec::with_capacity(limit + 1);
    reader.take(limit as u64 + 1).read_to_end(&mut decompressed).map_err(Failure::Broken)?;
    if decompressed.len() > limit {
        return Err(Failure::TooLarge);
    }
    decompressed.shrink_to_fit();
    Ok(decompressed.into())
}

#[cfg(test)]
mod tests;
