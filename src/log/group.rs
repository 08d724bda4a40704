//! Puts records one behind the other into a segment's file, in whole blocks, so that they may go past the system's cache.
//!
//! A block in which a group ends is written once more with the next group: what stands in it is kept here, so that
//! nothing is read for that, and written as it was, so that whatever the disk makes of it the records before stay whole.

use std::io::{self, IoSlice};

use crate::disk::{BLOCK, Blocks, File};

/// What is written at a time. Large enough that a disk needs no more at once to be busy.
const PIECE: usize = 1 << 20;

/// What is being written to the active segment.
#[derive(Debug)]
pub(super) struct Group {
    buffer: Blocks,
    /// Bytes in the buffer. Between groups, those of the block that the last one ended in.
    filled: usize,
}

impl Group {
    pub(super) fn new() -> Self {
        Self { buffer: Blocks::zeroed(PIECE), filled: 0 }
    }

    /// Begins with the first record of a segment, where a block begins.
    pub(super) fn begin(&mut self) {
        self.filled = 0;
    }

    /// Writes parts at `offset`, where the group before ended. After an error the next one has to [`Self::begin`].
    pub(super) fn write<'a>(
        &mut self,
        file: &dyn File,
        offset: u64,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<()> {
        let mut place = offset - self.filled as u64;
        for mut part in parts {
            while !part.is_empty() {
                let (now, later) = part.split_at(part.len().min(PIECE - self.filled));
                self.buffer[self.filled..self.filled + now.len()].copy_from_slice(now);
                self.filled += now.len();
                part = later;
                if self.filled == PIECE {
                    file.write_at(&[IoSlice::new(&self.buffer)], place)?;
                    place += PIECE as u64;
                    self.filled = 0;
                }
            }
        }
        let blocks = self.filled.next_multiple_of(BLOCK);
        self.buffer[self.filled..blocks].fill(0);
        if blocks > 0 {
            file.write_at(&[IoSlice::new(&self.buffer[..blocks])], place)?;
        }
        let last = self.filled / BLOCK * BLOCK;
        self.buffer.copy_within(last..self.filled, 0);
        self.filled -= last;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::{Disk, SimulatedDisk};

    #[test]
    fn groups_of_all_lengths_stand_one_behind_the_other() {
        let disk = SimulatedDisk::default();
        let file = disk.create_direct(Path::new("/segment")).unwrap();
        let mut group = Group::new();
        let mut expected = vec![0; BLOCK];
        let lengths = [1, 8, BLOCK - 9, BLOCK, 3, PIECE, PIECE - BLOCK - 3, 2 * PIECE + 5, BLOCK - 5, 7];
        for (number, length) in (1_u8..).zip(lengths) {
            let bytes = vec![number; length];
            let (first, second) = bytes.split_at(length / 3);
            group.write(&*file, expected.len() as u64, [first, second].into_iter()).unwrap();
            expected.extend(&bytes);
            let mut read = vec![0; expected.len() - BLOCK];
            file.read_at(&mut read, BLOCK as u64).unwrap();
            assert!(read == expected[BLOCK..], "after {length} bytes");
        }
    }
}
