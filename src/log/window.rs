//! Reading a segment's file from front to end, a piece at a time.

use std::io;
use std::sync::Arc;

use crate::disk::File;

/// How much is read ahead.
const PIECE: usize = 256 * 1024;
/// What a disk reads as a whole, and is unreadable as a whole.
const BLOCK: usize = 4096;

/// What a reader does about a range that the disk cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Reports the error; it may pass.
    Fail,
    /// Takes it for zeros, which makes it damage.
    Skip,
}

/// A window on a file's content.
#[derive(Debug)]
pub(super) struct Window {
    file: Arc<dyn File>,
    /// Where the content that may be read ends.
    end: u64,
    unreadable: Unreadable,
    piece: Vec<u8>,
    piece_at: u64,
}

impl Window {
    pub(super) fn new(file: Arc<dyn File>, end: u64, unreadable: Unreadable) -> Self {
        Self { file, end, unreadable, piece: Vec::new(), piece_at: 0 }
    }

    /// Where the content that may be read ends.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The `N` bytes at `at`; `None` if the content ends before.
    pub(super) fn array<const N: usize>(&mut self, at: u64) -> io::Result<Option<[u8; N]>> {
        if at + N as u64 > self.end {
            return Ok(None);
        }
        let held = at.checked_sub(self.piece_at).and_then(|from| usize::try_from(from).ok());
        let from = match held {
            Some(from) if from + N <= self.piece.len() => from,
            _ => {
                let length = usize::try_from(self.end - at).unwrap_or(PIECE).min(PIECE);
                self.piece.resize(length, 0);
                self.piece_at = at;
                read(&*self.file, &mut self.piece, at, self.unreadable)?;
                0
            }
        };
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.piece[from..from + N]);
        Ok(Some(bytes))
    }

    /// Fills `buffer` from `at`, which must lie within the content.
    pub(super) fn fill(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let held = at.checked_sub(self.piece_at).and_then(|from| usize::try_from(from).ok());
        match held.and_then(|from| self.piece.get(from..from.checked_add(buffer.len())?)) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => read(&*self.file, buffer, at, self.unreadable),
        }
    }
}

fn read(file: &dyn File, buffer: &mut [u8], at: u64, unreadable: Unreadable) -> io::Result<()> {
    match file.read_at(buffer, at) {
        Err(_) if unreadable == Unreadable::Skip => {
            for (number, block) in buffer.chunks_mut(BLOCK).enumerate() {
                if file.read_at(block, at + (number * BLOCK) as u64).is_err() {
                    block.fill(0);
                }
            }
            Ok(())
        }
        outcome => outcome,
    }
}
