//! Writing the file of an object.

use std::io::{self, IoSlice, Write};
use std::sync::Arc;

use crate::disk::{File, Use};

/// Bytes that are written at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A file that grows from its beginning to its end, hashed and counted on the way.
pub(super) struct SpoolFile {
    file: Arc<dyn File>,
    /// What is not written yet, less than a chunk.
    pending: Vec<u8>,
    bytes: u64,
    hasher: blake3::Hasher,
    used: Use,
}

/// A file that is whole and on disk.
pub(super) struct Written {
    /// Its length.
    pub(super) bytes: u64,
    /// The hash of its content, in hexadecimal digits.
    pub(super) blake3: String,
    /// What it uses of the disk budget.
    pub(super) used: Use,
}

impl SpoolFile {
    /// Begins to write `file`, which is empty. `used` grows with it.
    pub(super) fn new(file: Arc<dyn File>, used: Use) -> Self {
        Self { file, pending: Vec::with_capacity(CHUNK_BYTES), bytes: 0, hasher: blake3::Hasher::new(), used }
    }

    /// Writes what is left and makes the content durable; the name is not.
    pub(super) fn finish(mut self) -> io::Result<Written> {
        self.write_pending()?;
        self.file.sync()?;
        let blake3 = self.hasher.finalize().to_hex().to_string();
        Ok(Written { bytes: self.bytes, blake3, used: self.used })
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let bytes = self.pending.len() as u64;
        self.used.grow(bytes);
        self.file.write_at(&[IoSlice::new(&self.pending)], self.bytes)?;
        self.hasher.update(&self.pending);
        self.bytes += bytes;
        self.pending.clear();
        Ok(())
    }
}

impl Write for SpoolFile {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        let taken = content.len().min(CHUNK_BYTES - self.pending.len());
        self.pending.extend_from_slice(&content[..taken]);
        if self.pending.len() == CHUNK_BYTES {
            self.write_pending()?;
        }
        Ok(taken)
    }

    /// Does nothing: only [`SpoolFile::finish`] makes anything durable.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
