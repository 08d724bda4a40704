//! Scalars as OTLP/JSON writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::otlp::invalid::Invalid;
use crate::otlp::schema::Kind;
use crate::otlp::wire::Reader;

/// What stands for bytes that are not UTF-8.
const REPLACEMENT: &str = "\u{FFFD}";

/// Reads the scalar at which `reader` stands and writes it. Of text, bytes and ids, `reader` holds exactly the value.
#[inline]
pub(crate) fn write(kind: Kind, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Invalid> {
    match kind {
        Kind::String => string(reader.bytes(), out),
        Kind::Bytes => base64(reader.bytes(), out),
        Kind::Id => hex(reader.bytes(), out),
        Kind::Bool => {
            let text: &[u8] = if reader.varint()? == 0 { b"false" } else { b"true" };
            out.extend_from_slice(text);
        }
        Kind::Double => double(f64::from_bits(reader.fixed64()?), out),
        Kind::Int32 | Kind::Enum(_) => signed(i64::from(low_bits(reader.varint()?).cast_signed()), out),
        Kind::Sint32 => signed(i64::from(zigzag(low_bits(reader.varint()?))), out),
        Kind::Uint32 => unsigned(u64::from(low_bits(reader.varint()?)), out),
        Kind::Fixed32 => unsigned(u64::from(reader.fixed32()?), out),
        Kind::Int64 => quoted(out, signed, reader.varint()?.cast_signed()),
        Kind::Uint64 => quoted(out, unsigned, reader.varint()?),
        Kind::Fixed64 => quoted(out, unsigned, reader.fixed64()?),
        Kind::Sfixed64 => quoted(out, signed, reader.fixed64()?.cast_signed()),
        // Messages are written by the caller, who knows their level; one that is no scalar writes nothing.
        Kind::Message(_) => {}
    }
    Ok(())
}

/// The low 32 bits, as protobuf reads a 32-bit number from a longer varint.
#[expect(clippy::cast_possible_truncation, reason = "to cut is what protobuf asks for")]
pub(crate) const fn low_bits(varint: u64) -> u32 {
    varint as u32
}

/// The number that a zigzag varint stands for.
const fn zigzag(value: u32) -> i32 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Writes a number as a string, as OTLP/JSON has those of 64 bits: readers with doubles alone would round them.
fn quoted<T>(out: &mut Vec<u8>, write: impl Fn(T, &mut Vec<u8>), value: T) {
    out.push(b'"');
    write(value, out);
    out.push(b'"');
}

/// Writes a signed integer as a number.
pub(crate) fn signed(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(value.unsigned_abs(), out);
}

/// Writes an unsigned integer.
pub(crate) fn unsigned(mut value: u64, out: &mut Vec<u8>) {
    /// What `u64::MAX` takes.
    const DIGITS_MAX: usize = 20;
    const DIGITS: &[u8; 10] = b"0123456789";
    let mut digits = [0; DIGITS_MAX];
    let mut start = DIGITS_MAX;
    loop {
        start -= 1;
        digits[start] = DIGITS[usize::try_from(value % 10).unwrap_or(0)];
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Writes a double with the fewest digits from which it can be read back; always with a point or an exponent, so that
/// a reader keeps it a floating-point number. What JSON has no number for is a string, as protobuf has it.
pub(crate) fn double(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value.is_infinite() {
        let text: &[u8] = if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" };
        out.extend_from_slice(text);
    } else {
        // A vector takes every byte, and a finite double is no error.
        let _ = serde_json::to_writer(out, &value);
    }
}

/// Writes bytes in hex.
pub(crate) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    hex_digits(bytes, out);
    out.push(b'"');
}

/// Writes bytes in hex without quotation marks.
pub(super) fn hex_digits(bytes: &[u8], out: &mut Vec<u8>) {
    /// Half of a span's id, a quarter of a trace's.
    const PIECE: usize = 4;
    let (pieces, rest) = bytes.as_chunks::<PIECE>();
    for piece in pieces {
        out.extend_from_slice(&eight_digits(*piece));
    }
    let mut piece = [0; PIECE];
    for (place, byte) in piece.iter_mut().zip(rest) {
        *place = *byte;
    }
    out.extend(eight_digits(piece).iter().take(2 * rest.len()));
}

/// The digits of four bytes, each of which is spread over two; all at once, because what is written byte by byte and read
/// as a whole takes a processor long.
const fn eight_digits(bytes: [u8; 4]) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let spread = u32::from_le_bytes(bytes) as u64;
    let spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    let numbers = (spread >> 4 | spread << 8) & (0x0f * EACH);
    let above_nine = (numbers + 6 * EACH) >> 4 & EACH;
    (numbers + b'0' as u64 * EACH + above_nine * (b'a' - b'0' - 10) as u64).to_le_bytes()
}

/// Writes bytes in base64.
pub(crate) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    /// Divisible by three, so that only the last piece is padded.
    const PIECE: usize = 3 * 256;
    let mut text = [0; PIECE / 3 * 4];
    out.push(b'"');
    for piece in bytes.chunks(PIECE) {
        // The text is long enough for every piece.
        let length = STANDARD.encode_slice(piece, &mut text).unwrap_or(0);
        out.extend_from_slice(&text[..length]);
    }
    out.push(b'"');
}

/// Writes text that is UTF-8 as a string.
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    escaped(text.as_bytes(), out);
    out.push(b'"');
}

/// Writes text.
pub(crate) fn string(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    characters(text, out);
    out.push(b'"');
}

/// Writes the first `length` bytes of `bytes`, which are text, without quotation marks.
#[inline]
pub(super) fn beginning(bytes: &[u8], length: usize, out: &mut Vec<u8>) {
    /// Most keys and values are no longer.
    const SHORT: usize = 32;
    // What lies behind the text is written with it and cut off again: to copy so many bytes at once takes less time than
    // to ask how many they are.
    if length <= SHORT
        && let Some(bytes) = bytes.first_chunk::<SHORT>()
        && is_plain_ascii(bytes, length)
    {
        let before = out.len();
        out.extend_from_slice(bytes);
        out.truncate(before + length);
    } else {
        characters(&bytes[..length], out);
    }
}

/// Whether the first `length` bytes are ASCII that needs no escape. Without a branch, which compilers turn into a few vector
/// instructions.
#[inline]
fn is_plain_ascii<const N: usize>(bytes: &[u8; N], length: usize) -> bool {
    const fn is_plain(byte: u8) -> bool {
        byte >= 0x20 && byte < 0x80 && byte != b'"' && byte != b'\\'
    }
    let length = u8::try_from(length).unwrap_or(u8::MAX);
    let bytes = (0..).zip(bytes).map(|(place, byte)| if place < length { *byte } else { b' ' });
    bytes.fold(true, |plain, byte| plain & is_plain(byte))
}

/// Writes text without quotation marks.
fn characters(text: &[u8], out: &mut Vec<u8>) {
    if std::str::from_utf8(text).is_ok() {
        escaped(text, out);
    } else {
        for chunk in text.utf8_chunks() {
            escaped(chunk.valid().as_bytes(), out);
            if !chunk.invalid().is_empty() {
                out.extend_from_slice(REPLACEMENT.as_bytes());
            }
        }
    }
}

/// Writes UTF-8 with the escapes that JSON asks for.
fn escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
        }
        rest = after;
    }
}

/// How many bytes from the start need no escape.
fn plain_length(text: &[u8]) -> usize {
    const fn is_special(byte: u8) -> bool {
        byte < 0x20 || byte == b'"' || byte == b'\\'
    }
    // Sixteen at a time without a branch, which compilers turn into a few vector instructions.
    let mut length = 0;
    for chunk in text.chunks_exact(16) {
        if chunk.iter().fold(false, |special, byte| special | is_special(*byte)) {
            break;
        }
        length += chunk.len();
    }
    let rest = &text[length..];
    length + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
