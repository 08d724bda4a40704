//! The checksum of the log: CRC-32C, also of bytes whose parts have known checksums.
//!
//! A checksum is a polynomial over two elements, of which the highest bit is the coefficient of `x` to the power of 0, and
//! bytes behind the first part multiply it by `x` to the power of their number of bits, modulo the polynomial of the CRC.

use crc_fast::CrcAlgorithm::Crc32Iscsi;

/// The polynomial of CRC-32C.
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// `x` to the power of 0.
const ONE: u32 = 1 << 31;
/// `x` to the powers of 8, 16, 32 and so on: what one byte, two, four and so on multiply by.
const POWERS: [u32; 64] = powers();

/// The checksum of bytes, for other files than segments.
pub fn checksum(bytes: &[u8]) -> u32 {
    Checksum::new().add(bytes).finish()
}

/// A checksum that grows with the bytes it covers.
pub(super) struct Checksum(crc_fast::Digest);

impl Checksum {
    pub(super) fn new() -> Self {
        Self::behind(0)
    }

    /// Goes on behind bytes with this checksum.
    pub(super) fn behind(checksum: u32) -> Self {
        Self(crc_fast::Digest::new_with_init_state(Crc32Iscsi, (!checksum).into()))
    }

    pub(super) fn add(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    pub(super) fn finish(self) -> u32 {
        u32::try_from(self.0.finalize()).unwrap_or(u32::MAX)
    }
}

/// The checksum of bytes in two parts, of which the second is `second_len` long.
pub(super) fn joined(first: u32, second: u32, second_len: u64) -> u32 {
    moved(first, second_len) ^ second
}

/// The checksum of the second part, from that of the first and that of both.
pub(super) fn rest(first: u32, both: u32, second_len: u64) -> u32 {
    moved(first, second_len) ^ both
}

/// What `checksum` contributes to that of bytes that go on for `len`.
fn moved(checksum: u32, len: u64) -> u32 {
    let bits = POWERS.iter().enumerate().filter(|(bit, _)| len >> bit & 1 == 1);
    bits.fold(checksum, |product, (_, power)| multiplied(product, *power))
}

/// The product of two polynomials modulo [`POLYNOMIAL`].
const fn multiplied(mut a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    while a != 0 {
        if a & ONE != 0 {
            product ^= b;
        }
        a <<= 1;
        b = if b & 1 == 1 { b >> 1 ^ POLYNOMIAL } else { b >> 1 };
    }
    product
}

const fn powers() -> [u32; 64] {
    let mut powers = [ONE >> 8; 64];
    let mut place = 1;
    while place < powers.len() {
        powers[place] = multiplied(powers[place - 1], powers[place - 1]);
        place += 1;
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> u32 {
        Checksum::new().add(bytes).finish()
    }

    #[test]
    fn it_is_that_of_rfc_3720() {
        assert_eq!(of(b"123456789"), 0xe306_9283);
        assert_eq!(of(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn the_checksums_of_two_parts_and_of_both_follow_from_each_other() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        for length in [0, 1, 511, 512, 2999, 3000] {
            let (first, second) = bytes.split_at(length);
            let second_len = second.len() as u64;
            assert_eq!(joined(of(first), of(second), second_len), of(&bytes), "{length}");
            assert_eq!(rest(of(first), of(&bytes), second_len), of(second), "{length}");
            assert_eq!(Checksum::behind(of(first)).add(second).finish(), of(&bytes), "{length}");
        }
    }
}
