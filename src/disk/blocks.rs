//! Memory that a disk takes without a copy.

use std::ops::{Deref, DerefMut};

/// Where and how long what goes past the system's cache has to be: offset, length, and place in memory are multiples of
/// this. It is the page of the memory and the sector of nearly every disk; older ones are content with less.
pub const BLOCK: usize = 4096;

/// Whole blocks of memory at a place where blocks begin, for [`Disk::create_direct`](super::Disk::create_direct).
#[derive(Debug)]
pub struct Blocks {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl Blocks {
    /// Blocks of zeros, as many as hold this many bytes.
    pub fn zeroed(at_least: usize) -> Self {
        let length = at_least.next_multiple_of(BLOCK);
        // Never moved or made longer, so that its start stays where it is.
        let bytes = vec![0; length + BLOCK];
        let start = bytes.as_ptr().align_offset(BLOCK);
        Self { bytes, start, length }
    }
}

impl Deref for Blocks {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..][..self.length]
    }
}

impl DerefMut for Blocks {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..][..self.length]
    }
}

/// Whether bytes at `offset` may go past the system's cache.
pub(super) fn are_blocks(bytes: &[u8], offset: u64) -> bool {
    bytes.len().is_multiple_of(BLOCK)
        && offset.is_multiple_of(BLOCK as u64)
        && bytes.as_ptr().align_offset(BLOCK) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_begin_and_end_where_blocks_do() {
        for wanted in [1, BLOCK - 1, BLOCK, BLOCK + 1, 100_000] {
            let mut blocks = Blocks::zeroed(wanted);
            assert_eq!(blocks.len(), wanted.div_ceil(BLOCK) * BLOCK);
            assert!(are_blocks(&blocks, 0));
            blocks.fill(1);
        }
        let blocks = Blocks::zeroed(BLOCK);
        assert!(!are_blocks(&blocks[1..], 0) && !are_blocks(&blocks, 1) && !are_blocks(&blocks[8..], 0));
    }
}
