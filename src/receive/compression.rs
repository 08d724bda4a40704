//! Decompression of what clients send, up to a limit and not a byte further.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or several members.
    Gzip,
    /// zstd, of one or several frames.
    Zstd,
    /// zlib, which HTTP calls `deflate`.
    Deflate,
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
    pub(super) const OVER_GRPC: &'static str = "identity,gzip,zstd";

    /// What a client may send over HTTP, as `Accept-Encoding` says it.
    pub(super) const OVER_HTTP: &'static str = "gzip, zstd, deflate, identity";

    /// The compression that the header `grpc-encoding` names.
    pub(super) fn named_by_grpc(name: &str) -> Option<Self> {
        match name {
            "" | "identity" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The compression that the header `Content-Encoding` names, in any case.
    pub(super) fn named_by_http(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::None),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            "deflate" => Some(Self::Deflate),
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
            Self::Deflate => {
                let mut decoder = ZlibDecoder::new(body_bytes);
                let decompressed = read_all(&mut decoder, limit)?;
                match decoder.into_inner() {
                    [] => Ok(decompressed),
                    // What follows the end would be dropped without a word.
                    _ => Err(Failure::Broken(io::Error::other("something follows its end"))),
                }
            }
        }
    }
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
mod tests {
    use std::io::Write;

    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"one line and another line and another line";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn samples() -> [(Compression, Vec<u8>); 3] {
        let mut zlib = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(TEXT).unwrap();
        [
            (Compression::Gzip, gzip(TEXT)),
            (Compression::Zstd, zstd::encode_all(TEXT, 3).unwrap()),
            (Compression::Deflate, zlib.finish().unwrap()),
        ]
    }

    #[test]
    fn a_body_that_just_reaches_the_limit_is_whole_and_one_byte_more_is_too_large() {
        for (compression, bytes) in samples() {
            let bytes = Bytes::from(bytes);
            assert_eq!(compression.decompress(&bytes, TEXT.len()).unwrap(), TEXT, "{compression:?}");
            let failure = compression.decompress(&bytes, TEXT.len() - 1);
            assert!(matches!(failure, Err(Failure::TooLarge)), "{compression:?}");
        }
    }

    #[test]
    fn a_body_that_is_cut_off_or_has_something_behind_its_end_is_broken() {
        for (compression, bytes) in samples() {
            for length in 0..bytes.len() {
                let cut = compression.decompress(&Bytes::copy_from_slice(&bytes[..length]), 1000);
                // No frame at all is an empty sequence of zstd frames.
                let allowed = compression == Compression::Zstd && length == 0;
                assert!(allowed || matches!(cut, Err(Failure::Broken(_))), "{compression:?} {length}");
            }
            let longer = [bytes.as_slice(), b"rest"].concat();
            let failure = compression.decompress(&longer.into(), 1000);
            assert!(matches!(failure, Err(Failure::Broken(_))), "{compression:?}");
        }
    }

    #[test]
    fn every_member_of_a_body_is_read() {
        let (one, two) = TEXT.split_at(10);
        let gzip = [gzip(one), gzip(two)].concat();
        assert_eq!(Compression::Gzip.decompress(&gzip.into(), 1000).unwrap(), TEXT);
        let zstd = [zstd::encode_all(one, 1).unwrap(), zstd::encode_all(two, 1).unwrap()].concat();
        assert_eq!(Compression::Zstd.decompress(&zstd.into(), 1000).unwrap(), TEXT);
    }
}
