//! The checksum of the log: CRC-32C.

use crc_fast::CrcAlgorithm::Crc32Iscsi;

/// A checksum that grows with the bytes it covers.
pub(super) struct Checksum(crc_fast::Digest);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(crc_fast::Digest::new(Crc32Iscsi))
    }

    pub(super) fn add(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    pub(super) fn finish(self) -> u32 {
        narrow(self.0.finalize())
    }
}

/// The checksum of bytes in two parts, of which the second is `second_len` long.
pub(super) fn joined(first: u32, second: u32, second_len: u64) -> u32 {
    narrow(crc_fast::checksum_combine(Crc32Iscsi, first.into(), second.into(), second_len))
}

/// The checksum of the second part, from that of the first and that of both.
pub(super) fn rest(first: u32, both: u32, second_len: u64) -> u32 {
    joined(first, 0, second_len) ^ both
}

/// A checksum of 32 bits in a number of 64.
fn narrow(checksum: u64) -> u32 {
    u32::try_from(checksum).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> u32 {
        Checksum::new().add(bytes).finish()
    }

    #[test]
    fn the_checksums_of_two_parts_and_of_both_follow_from_each_other() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        for length in [0, 1, 511, 512, 2999, 3000] {
            let (first, second) = bytes.split_at(length);
            let second_len = second.len() as u64;
            assert_eq!(joined(of(first), of(second), second_len), of(&bytes), "{length}");
            assert_eq!(rest(of(first), of(&bytes), second_len), of(second), "{length}");
        }
    }
}
