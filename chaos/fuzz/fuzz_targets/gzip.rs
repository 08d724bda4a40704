//! The gzip encoder: content that repeats itself as an input says, or bytes as they come, written in pieces. The first byte
//! chooses.
#![no_main]

use std::io::Read as _;

use flate2::read::GzDecoder;
use forebay_fuzz::Input;
use libfuzzer_sys::fuzz_target;

#[path = "../../../src/pack/gzip/mod.rs"]
mod gzip;

use gzip::GzipEncoder;

/// Beyond several blocks of the encoder, the next of which begins with what the one before left.
const CONTENT_MAX: usize = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let is_raw = input.byte() & 1 == 1;
    let pieces: [u16; 8] = std::array::from_fn(|_| u16::from_le_bytes(input.array()));
    let content = if is_raw { input.rest().to_vec() } else { repeating(&mut input) };
    let packed = packed(&content, pieces);
    let mut rest = packed.as_slice();
    let mut unpacked = Vec::new();
    GzDecoder::new(&mut rest).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == content, "{} bytes came back as {}", content.len(), unpacked.len());
    assert!(rest.is_empty(), "{} bytes are behind the member", rest.len());
});

/// Bytes of the input, and copies of what came before at the distances and of the lengths that it says.
fn repeating(input: &mut Input<'_>) -> Vec<u8> {
    let mut content = Vec::new();
    while !input.is_over() && content.len() < CONTENT_MAX {
        let plain = usize::from(input.byte() & 0x3f);
        content.extend_from_slice(input.take(plain));
        let kind = input.byte();
        let distance = match kind & 3 {
            0 => 1 + usize::from(input.byte()),
            1 => 1 + usize::from(u16::from_le_bytes(input.array())),
            2 => (1 << 15) + 4 - usize::from(input.byte() & 7),
            _ => (1 << 16) + 4 - usize::from(input.byte() & 7),
        };
        let length = match kind >> 2 & 3 {
            0 => 3 + usize::from(input.byte() & 7),
            1 => 254 + usize::from(input.byte() & 7),
            2 => usize::from(u16::from_le_bytes(input.array())),
            _ => 0,
        };
        if let Some(start) = content.len().checked_sub(distance) {
            for at in start..start + length {
                content.push(content[at]);
            }
        }
    }
    content
}

/// What the content is packed as, in pieces of these lengths and one of all that is left.
fn packed(content: &[u8], pieces: [u16; 8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    let mut rest = content;
    for piece in pieces {
        let (next, behind) = rest.split_at(usize::from(piece).min(rest.len()));
        encoder.write_all(next).unwrap();
        rest = behind;
    }
    encoder.write_all(rest).unwrap();
    encoder.finish().unwrap()
}
