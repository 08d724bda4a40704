//! Every format, at its limit, cut off, and continued.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::*;

const TEXT: &[u8] = b"one line and another line and another line";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bare_deflate(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn snappy_framed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.into_inner().unwrap()
}

fn snappy_block(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

fn lz4(bytes: &[u8], info: FrameInfo) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Frames as different writers make them.
fn lz4_infos() -> [FrameInfo; 3] {
    [
        FrameInfo::new(),
        FrameInfo::new().block_size(BlockSize::Max4MB).content_checksum(true).block_checksums(true),
        FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Linked),
    ]
}

/// A text in every format.
fn samples(text: &[u8]) -> Vec<(Compression, Vec<u8>)> {
    let mut samples = vec![
        (Compression::Gzip, gzip(text)),
        (Compression::Zstd, zstd::encode_all(text, 3).unwrap()),
        (Compression::Deflate, zlib(text)),
        (Compression::Deflate, bare_deflate(text, 6)),
        (Compression::Deflate, bare_deflate(text, 0)),
        (Compression::Snappy, snappy_framed(text)),
        (Compression::Snappy, snappy_block(text)),
    ];
    samples.extend(lz4_infos().map(|info| (Compression::Lz4, lz4(text, info))));
    samples
}

#[test]
fn a_body_that_just_reaches_the_limit_is_whole_and_one_byte_more_is_too_large() {
    let long: Vec<u8> = (0..300_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
    for text in [TEXT, &long] {
        for (compression, bytes) in samples(text) {
            let bytes = Bytes::from(bytes);
            assert!(compression.decompress(&bytes, text.len()).unwrap() == text, "{compression:?}");
            let failure = compression.decompress(&bytes, text.len() - 1);
            assert!(matches!(failure, Err(Failure::TooLarge)), "{compression:?}");
        }
    }
}

#[test]
fn a_body_that_is_cut_off_or_has_something_behind_its_end_is_broken() {
    for (compression, bytes) in samples(TEXT) {
        for length in 0..bytes.len() {
            let cut = compression.decompress(&Bytes::copy_from_slice(&bytes[..length]), 1000);
            // No frame at all is an empty sequence of zstd frames, and snappy's framed format has no end: what is cut
            // off between two chunks is whole.
            let allowed = compression == Compression::Zstd && length == 0
                || compression == Compression::Snappy
                    && [0, SNAPPY_STREAM_IDENTIFIER.len()].contains(&length);
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
    let mut bodies = vec![
        (Compression::Gzip, [gzip(one), gzip(two)].concat()),
        (Compression::Zstd, [zstd::encode_all(one, 1).unwrap(), zstd::encode_all(two, 1).unwrap()].concat()),
        (Compression::Snappy, [snappy_framed(one), snappy_framed(two)].concat()),
    ];
    for first in lz4_infos() {
        for second in lz4_infos() {
            bodies.push((Compression::Lz4, [lz4(one, first.clone()), lz4(two, second)].concat()));
        }
    }
    for (compression, body) in bodies {
        assert_eq!(compression.decompress(&body.into(), 1000).unwrap(), TEXT, "{compression:?}");
    }
}

#[test]
fn a_length_that_is_a_lie_makes_no_memory() {
    // Blocks that claim four thousand million bytes, as many as there may be, and more than there are.
    let limit = 1 << 20;
    let claims = |length: u64| {
        let mut block = Vec::new();
        prost::encoding::encode_varint(length, &mut block);
        Bytes::from([&block[..], b"\x04ab"].concat())
    };
    for (claimed, is_too_large) in [(u64::from(u32::MAX), true), (limit as u64, false), (3, false)] {
        match Compression::Snappy.decompress(&claims(claimed), limit) {
            Err(Failure::TooLarge) => assert!(is_too_large, "{claimed}"),
            Err(Failure::Broken(_)) => assert!(!is_too_large, "{claimed}"),
            Ok(_) => panic!("{claimed} bytes of two"),
        }
    }
}

#[test]
fn names_are_those_of_the_collector_in_any_case() {
    for (name, compression) in [
        ("", Some(Compression::None)),
        ("Identity", Some(Compression::None)),
        (" GZIP ", Some(Compression::Gzip)),
        ("x-gzip", Some(Compression::Gzip)),
        ("zstd", Some(Compression::Zstd)),
        ("deflate", Some(Compression::Deflate)),
        ("zlib", Some(Compression::Deflate)),
        ("snappy", Some(Compression::Snappy)),
        ("x-snappy-framed", Some(Compression::Snappy)),
        ("LZ4", Some(Compression::Lz4)),
        ("br", None),
        ("gzip, gzip", None),
    ] {
        assert_eq!(Compression::named(name), compression, "{name}");
    }
    for list in [Compression::OVER_GRPC, Compression::OVER_HTTP] {
        assert!(list.split(',').all(|name| Compression::named(name).is_some()), "{list}");
    }
}
