//! A block of RFC 1951 with codes of its own (section 3.2.7).
//!
//! ```text
//!   | last? 1 | 2: 2 | codes of lengths - 257: 5 | of distances - 1: 5 | of lengths of codes - 4: 4 |
//!   | 3 bits for each length of codes of lengths of codes | the lengths of all codes | steps | end |
//! ```

use super::matches::Step;
use super::prefix_code::PrefixCode;

/// Symbols: 256 literals, the end of the block, and 29 for lengths.
const LITERALS: usize = 286;
const END: usize = 256;
const LENGTHS: usize = 257;
const DISTANCES: usize = 30;

/// The longest code, and the longest of those for lengths of codes.
const CODE_LENGTH_MAX: usize = 15;
const LENGTH_CODE_LENGTH_MAX: usize = 7;

/// The symbols of lengths of codes: 0 to 15 are lengths, and three repeat.
const LENGTH_SYMBOLS: usize = 19;
const REPEAT_LAST: u8 = 16;
const REPEAT_ZERO: u8 = 17;
const REPEAT_ZERO_LONG: u8 = 18;

/// The order in which the codes for lengths of codes are given.
const ORDER: [usize; LENGTH_SYMBOLS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Bits that are written, the first of a byte lowest.
#[derive(Debug, Default)]
pub(super) struct Bits {
    /// The bytes that are whole.
    pub(super) whole: Vec<u8>,
    /// The bits of the next one, and then less than eight.
    pending: u64,
    count: u32,
}

impl Bits {
    /// Appends the low `count` bits, all others being zero. Between two calls of [`Bits::settle`] at most 56 bits may come.
    #[inline]
    fn put(&mut self, bits: u64, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
    }

    /// Makes bytes of the bits.
    #[inline]
    fn settle(&mut self) {
        let before = self.whole.len();
        // All eight are copied, which takes less time than to ask how many are whole.
        self.whole.extend_from_slice(&self.pending.to_le_bytes());
        self.whole.truncate(before + self.count as usize / 8);
        self.pending = self.pending.checked_shr(self.count & !7).unwrap_or(0);
        self.count %= 8;
    }

    /// Ends the byte that is not whole.
    pub(super) fn fill_byte(&mut self) {
        self.count = self.count.next_multiple_of(8);
        self.settle();
    }
}

/// What a length or a distance is written as: a symbol and some more bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Split {
    symbol: usize,
    /// The bits, and how many they are.
    more: u32,
    bits: u32,
}

/// A length of 3 to 258, by the table in section 3.2.5: four symbols for each power of two, and one for the longest.
const fn split_length(length: u16) -> Split {
    let above = length as u32 - 3;
    match above {
        0..8 => Split { symbol: above as usize, more: 0, bits: 0 },
        255.. => Split { symbol: 28, more: 0, bits: 0 },
        _ => {
            let bits = above.ilog2() - 2;
            let symbol = 4 * (bits + 1) + (above >> bits & 3);
            Split { symbol: symbol as usize, more: above & ((1 << bits) - 1), bits }
        }
    }
}

/// A distance of 1 to 32,768, by the same table: two symbols for each power of two.
#[inline]
const fn split_distance(distance: u16) -> Split {
    let above = distance as u32 - 1;
    if above < 4 {
        return Split { symbol: above as usize, more: 0, bits: 0 };
    }
    let bits = above.ilog2() - 1;
    let symbol = 2 * (bits + 1) + (above >> bits & 1);
    Split { symbol: symbol as usize, more: above & ((1 << bits) - 1), bits }
}

/// Writes a block of `content`, which is what `steps` make.
pub(super) fn write(content: &[u8], steps: &[Step], is_last: bool, bits: &mut Bits) {
    let (literals, distances) = counts(content, steps);
    let literals = PrefixCode::new(&literals, CODE_LENGTH_MAX);
    let distances = PrefixCode::new(&distances, CODE_LENGTH_MAX);
    bits.put(u64::from(is_last), 1);
    bits.put(2, 2);
    write_codes(&literals, &distances, bits);
    write_steps(content, steps, &literals, &distances, bits);
}

/// How often each symbol occurs.
fn counts(content: &[u8], steps: &[Step]) -> ([u32; LITERALS], [u32; DISTANCES]) {
    let mut literals = [0; LITERALS];
    let mut distances = [0; DISTANCES];
    let mut rest = content;
    for step in steps {
        let (plain, behind) = rest.split_at(step.literals as usize);
        for byte in plain {
            literals[usize::from(*byte)] += 1;
        }
        if step.length > 0 {
            literals[LENGTHS + split_length(step.length).symbol] += 1;
            distances[split_distance(step.distance).symbol] += 1;
        }
        rest = &behind[usize::from(step.length)..];
    }
    literals[END] = 1;
    (literals, distances)
}

/// Writes the lengths of all codes, themselves coded.
fn write_codes(literals: &PrefixCode<LITERALS>, distances: &PrefixCode<DISTANCES>, bits: &mut Bits) {
    let literals = without_zeros(&literals.lengths, LENGTHS);
    let distances = without_zeros(&distances.lengths, 1);
    let runs = runs(&[literals, distances].concat());
    let mut counts = [0; LENGTH_SYMBOLS];
    for run in &runs {
        counts[run.symbol] += 1;
    }
    let code = PrefixCode::new(&counts, LENGTH_CODE_LENGTH_MAX);
    let in_order = ORDER.map(|symbol| code.lengths[symbol]);
    let in_order = without_zeros(&in_order, 4);
    bits.put((literals.len() - LENGTHS) as u64, 5);
    bits.put((distances.len() - 1) as u64, 5);
    bits.put((in_order.len() - 4) as u64, 4);
    bits.settle();
    for length in in_order {
        bits.put((*length).into(), 3);
        bits.settle();
    }
    for run in &runs {
        bits.put(code.codes[run.symbol].into(), code.lengths[run.symbol].into());
        bits.put(run.more.into(), run.bits);
        bits.settle();
    }
}

/// `lengths` up to the last that is not 0, but not less than `least`.
fn without_zeros(lengths: &[u8], least: usize) -> &[u8] {
    let end = lengths.iter().rposition(|length| *length != 0).map_or(0, |last| last + 1);
    &lengths[..end.max(least)]
}

/// Lengths of codes, those that repeat as such.
fn runs(lengths: &[u8]) -> Vec<Split> {
    let mut runs = Vec::new();
    let mut push = |symbol: u8, more: usize, bits| {
        runs.push(Split { symbol: symbol.into(), more: u32::try_from(more).unwrap_or(0), bits });
    };
    for run in lengths.chunk_by(|one, other| one == other) {
        let (length, mut left) = (run[0], run.len());
        if length == 0 {
            while left >= 11 {
                let repeated = left.min(138);
                push(REPEAT_ZERO_LONG, repeated - 11, 7);
                left -= repeated;
            }
            if left >= 3 {
                push(REPEAT_ZERO, left - 3, 3);
                left = 0;
            }
        } else {
            push(length, 0, 0);
            left -= 1;
            while left >= 3 {
                let repeated = left.min(6);
                push(REPEAT_LAST, repeated - 3, 2);
                left -= repeated;
            }
        }
        for _ in 0..left {
            push(length, 0, 0);
        }
    }
    runs
}

/// Writes all steps, and the end.
fn write_steps(
    content: &[u8],
    steps: &[Step],
    literals: &PrefixCode<LITERALS>,
    distances: &PrefixCode<DISTANCES>,
    bits: &mut Bits,
) {
    let literal: [(u64, u32); 256] =
        std::array::from_fn(|byte| (literals.codes[byte].into(), literals.lengths[byte].into()));
    // By the length less three.
    let length: [(u64, u32); 256] = std::array::from_fn(|above| {
        let split = split_length(u16::try_from(above).unwrap_or(0) + 3);
        let symbol = LENGTHS + split.symbol;
        let code_bits = u32::from(literals.lengths[symbol]);
        (u64::from(literals.codes[symbol]) | u64::from(split.more) << code_bits, code_bits + split.bits)
    });
    let mut rest = content;
    for step in steps {
        let (plain, behind) = rest.split_at(step.literals as usize);
        // Three take at most 45 bits.
        for bytes in plain.chunks(3) {
            for byte in bytes {
                let (code, count) = literal[usize::from(*byte)];
                bits.put(code, count);
            }
            bits.settle();
        }
        if step.length > 0 {
            // At most 20 bits, and then 28.
            let (code, count) = length[usize::from(step.length - 3) % length.len()];
            bits.put(code, count);
            let split = split_distance(step.distance);
            bits.put(distances.codes[split.symbol].into(), distances.lengths[split.symbol].into());
            bits.put(split.more.into(), split.bits);
            bits.settle();
        }
        rest = &behind[usize::from(step.length)..];
    }
    bits.put(literals.codes[END].into(), literals.lengths[END].into());
    bits.settle();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_distances_are_split_as_the_table_of_the_rfc_has_it() {
        let split = |split: Split| (split.symbol + LENGTHS, split.bits, split.more);
        for (length, expected) in [
            (3, (257, 0, 0)),
            (10, (264, 0, 0)),
            (11, (265, 1, 0)),
            (12, (265, 1, 1)),
            (13, (266, 1, 0)),
            (18, (268, 1, 1)),
            (19, (269, 2, 0)),
            (34, (272, 2, 3)),
            (35, (273, 3, 0)),
            (130, (280, 4, 15)),
            (131, (281, 5, 0)),
            (257, (284, 5, 30)),
            (258, (285, 0, 0)),
        ] {
            assert_eq!(split(split_length(length)), expected, "{length}");
        }
        for (distance, symbol, bits, more) in [
            (1, 0, 0, 0),
            (4, 3, 0, 0),
            (5, 4, 1, 0),
            (6, 4, 1, 1),
            (7, 5, 1, 0),
            (9, 6, 2, 0),
            (193, 15, 6, 0),
            (24_576, 28, 13, 8191),
            (24_577, 29, 13, 0),
            (32_768, 29, 13, 8191),
        ] {
            assert_eq!(split_distance(distance), Split { symbol, more, bits }, "{distance}");
        }
    }
}
