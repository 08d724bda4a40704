//! The checksums of all ranges of a file, from those of its beginnings.

use std::io;

use super::checksum::{Checksum, rest};
use super::window::Window;

/// How far the places lie apart up to which checksums are kept.
const APART: usize = 512;

/// The checksums of a file from a place on. The file is read once, as far as it was asked for; then the checksum of any
/// range takes a small read and a few calculations, however long the range is.
#[derive(Debug)]
pub(super) struct Sums {
    from: u64,
    /// The checksums of the bytes from there to each multiple of [`APART`].
    known: Vec<u32>,
}

impl Sums {
    /// Those of the ranges that do not begin before `from`.
    pub(super) fn new(from: u64) -> Self {
        Self { from, known: vec![Checksum::new().finish()] }
    }

    /// The checksum of the bytes from `from` to `to`, which must lie within the content.
    pub(super) fn range(&mut self, window: &Window, from: u64, to: u64) -> io::Result<u32> {
        let before = self.up_to(window, from)?;
        Ok(rest(before, self.up_to(window, to)?, to - from))
    }

    fn up_to(&mut self, window: &Window, to: u64) -> io::Result<u32> {
        let length = to.saturating_sub(self.from);
        let place = usize::try_from(length / APART as u64).unwrap_or(usize::MAX);
        while self.known.len() <= place {
            let at = self.from + ((self.known.len() - 1) * APART) as u64;
            let before = self.known.last().copied().unwrap_or_default();
            self.known.push(more(before, window, at, APART)?);
        }
        let left = usize::try_from(length % APART as u64).unwrap_or_default();
        more(self.known[place], window, to - left as u64, left)
    }
}

/// The checksum of `length` bytes, [`APART`] at most, behind bytes with the checksum `before`.
fn more(before: u32, window: &Window, at: u64, length: usize) -> io::Result<u32> {
    let mut bytes = [0; APART];
    let bytes = &mut bytes[..length];
    window.fill(bytes, at)?;
    Ok(Checksum::behind(before).add(bytes).finish())
}
