//! gzip (RFC 1952, RFC 1951) at a quarter of the time of zlib's level 6 for a few percent more bytes: level 1.
//!
//! zlib looks for the longest of many copies, nearest first, at every byte. Telemetry in JSON or CSV is made differently: few
//! long pieces that came before, in the record before or in one like it, and between them a few bytes that nothing
//! predicts. So `matches` asks two tables, by many bytes and by few, takes what it finds and goes on behind it. (zstd's fast
//! levels search like that; gzip is what every reader unpacks.)
//!
//! ```text
//!   content --matches--> Step, Step, ... (literal bytes, then a copy) --block--> bits, with a prefix_code of its own a block
//! ```
//!
//! An encoder takes 0.5 MiB of memory, and at most 0.9 MiB for content of nothing but the shortest copies.

mod block;
mod matches;
mod prefix_code;

use std::io::{self, Write};

use flate2::Crc;

use block::Bits;
use matches::{Matches, Step};

/// Neither name nor time nor operating system, so that equal content is equal bytes.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses what is written into it into `W`, as one member. Equal content is equal bytes, whatever the pieces in which it
/// came.
pub(super) struct GzipEncoder<W: Write> {
    inner: W,
    matches: Matches,
    /// Of the block that is being written.
    steps: Vec<Step>,
    bits: Bits,
    checksum: Crc,
}

impl<W: Write> GzipEncoder<W> {
    /// Begins a member in `inner`.
    pub(super) fn new(inner: W) -> Self {
        let mut bits = Bits::default();
        bits.whole.extend_from_slice(&HEADER);
        Self { inner, matches: Matches::new(), steps: Vec::new(), bits, checksum: Crc::new() }
    }

    /// Writes all of `content`.
    pub(super) fn write_all(&mut self, content: &[u8]) -> io::Result<()> {
        self.checksum.update(content);
        let mut rest = content;
        while !rest.is_empty() {
            rest = self.matches.take(rest);
            if self.matches.is_full() {
                self.write_block(false)?;
            }
        }
        Ok(())
    }

    /// Ends the member.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.write_block(true)?;
        self.bits.fill_byte();
        self.bits.whole.extend_from_slice(&self.checksum.sum().to_le_bytes());
        // The length modulo 2^32, as it is meant to be.
        self.bits.whole.extend_from_slice(&self.checksum.amount().to_le_bytes());
        self.inner.write_all(&self.bits.whole)?;
        Ok(self.inner)
    }

    fn write_block(&mut self, is_last: bool) -> io::Result<()> {
        self.steps.clear();
        self.matches.find(&mut self.steps);
        block::write(self.matches.content(), &self.steps, is_last, &mut self.bits);
        self.matches.go_on();
        self.inner.write_all(&self.bits.whole)?;
        self.bits.whole.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
