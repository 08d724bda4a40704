//! Whatever is packed is unpacked again by a decoder that is not ours (zlib-rs).

use std::fmt::Write as _;
use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

/// The bytes of the buffer of [`Matches`], at whose multiples blocks end.
const BUFFER: usize = 256 << 10;

/// What `content` is packed as, written in pieces of these lengths in turn.
fn packed(content: &[u8], pieces: &[usize]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    let mut rest = content;
    for piece in pieces.iter().cycle() {
        let (next, behind) = rest.split_at(rest.len().min(*piece));
        encoder.write_all(next).unwrap();
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    encoder.finish().unwrap()
}

/// Packs and unpacks `content`, which is one member and nothing else. Returns the length that it was packed to.
fn there_and_back(content: &[u8]) -> usize {
    let packed = packed(content, &[usize::MAX]);
    let mut rest = packed.as_slice();
    let mut unpacked = Vec::new();
    GzDecoder::new(&mut rest).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == content, "{} bytes came back as {}", content.len(), unpacked.len());
    assert!(rest.is_empty(), "{} bytes are behind the member", rest.len());
    packed.len()
}

/// Numbers that repeat nothing, by `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// Bytes, some of them copied from earlier ones at any distance and of any length.
    fn with_copies(&mut self, length: usize) -> Vec<u8> {
        let mut content = self.bytes(1 + length % 300);
        while content.len() < length {
            let distance = 1 + self.below(content.len().min(70_000));
            let copied = [3, 5, 9, 30, 258, 259, 1000][self.below(7)];
            for _ in 0..copied {
                content.push(content[content.len() - distance]);
            }
            let plain = self.below(60);
            content.extend(self.bytes(plain));
        }
        content.truncate(length);
        content
    }

    /// Lines as telemetry has them.
    fn lines(&mut self, count: usize) -> Vec<u8> {
        let mut lines = String::new();
        for line in 0..count {
            let (time, order) = (line * 977, self.below(100_000));
            write!(lines, r#"{{"timeUnixNano":"17873928000{time:08}","severityText":"INFO","#).unwrap();
            write!(lines, r#""body":{{"stringValue":"order {order} was paid"}},"#).unwrap();
            let (user, span) = (self.below(5000), self.next());
            write!(lines, r#""attributes":[{{"key":"user.id","value":{{"stringValue":"u-{user}"}}}}],"#)
                .unwrap();
            writeln!(lines, r#""spanId":"{span:016x}"}}"#).unwrap();
        }
        lines.into_bytes()
    }
}

#[test]
fn content_of_any_length_comes_back() {
    let mut random = Random(1);
    for length in (0..100).chain([255, 257, 258, 259, 1000, 32_767, 32_768, 32_769, 65_535, 65_537]) {
        there_and_back(&random.bytes(length));
        there_and_back(&vec![b'x'; length]);
        // As what lies behind the content in a new buffer.
        there_and_back(&vec![0; length]);
        there_and_back(&random.with_copies(length));
    }
}

#[test]
fn content_that_ends_anywhere_near_the_end_of_a_block_comes_back() {
    let mut random = Random(2);
    let content = random.with_copies(3 * BUFFER + 40);
    for end in [BUFFER, BUFFER + BUFFER * 3 / 4, BUFFER + BUFFER * 6 / 4, 3 * BUFFER] {
        for length in [end - 33, end - 28, end - 9, end - 1, end, end + 1, end + 8, end + 27, end + 40] {
            there_and_back(&content[..length]);
        }
    }
    there_and_back(&vec![b'x'; 2 * BUFFER]);
}

#[test]
fn copies_of_every_distance_and_length_come_back() {
    let mut random = Random(3);
    for _ in 0..40 {
        let length = random.below(400_000);
        there_and_back(&random.with_copies(length));
    }
    for distance in [1, 2, 3, 7, 8, 9, 19, 20, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 98_304] {
        let piece = random.bytes(distance);
        let content = piece.iter().cycle().take(3 * distance + 1000).copied().collect::<Vec<u8>>();
        there_and_back(&content);
    }
}

#[test]
fn equal_content_is_equal_bytes_in_whatever_pieces_it_came() {
    let content = Random(4).lines(4000);
    let whole = packed(&content, &[usize::MAX]);
    assert_eq!(whole[..10], HEADER);
    for pieces in [&[1_usize][..], &[7, 100_000, 3], &[BUFFER], &[BUFFER + 1], &[65_536, 0]] {
        assert!(packed(&content, pieces) == whole, "{pieces:?}");
    }
}

#[test]
fn telemetry_is_packed_nearly_as_small_as_zlib_packs_it_at_level_6() {
    let content = Random(5).lines(20_000);
    let mut theirs = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    theirs.write_all(&content).unwrap();
    let (ours, theirs) = (there_and_back(&content), theirs.finish().unwrap().len());
    assert!(ours * 100 < theirs * 110, "{ours} bytes, and {theirs} at level 6");
}

#[test]
fn what_cannot_be_packed_grows_by_less_than_a_percent() {
    let content = Random(6).bytes(1_000_000);
    let length = there_and_back(&content);
    assert!(length < 1_010_000, "{length}");
    assert!(there_and_back(&[]) < 40, "an empty member");
}
