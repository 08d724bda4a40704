//! Damage to files that no process has open: what disks, and people, do to them.

use std::ops::Range;
use std::path::Path;

use crate::world::random::Random;

/// What a disk reads and writes as a whole.
const SECTOR: u64 = 512;
/// What the system does.
const PAGE: u64 = 4096;

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// A bit turns.
    Flip,
    /// A sector is zeros.
    Zero,
    /// Two of its pages have changed places.
    SwapWithin,
    /// A page of it and one of another file have changed places.
    SwapBetween,
    /// It ends too early.
    Cut,
    /// Something is behind its end.
    Extend,
    /// A sector, or the whole if it is small, is something else.
    Garbage,
}

impl Damage {
    pub(crate) const ALL: [Self; 7] =
        [Self::Flip, Self::Zero, Self::SwapWithin, Self::SwapBetween, Self::Cut, Self::Extend, Self::Garbage];

    /// Does it to the file at `path`, at a place within `region`. `other` is the file with which it may change pages, at
    /// a place that counts from the same region's beginning.
    pub(crate) fn strike(self, path: &Path, other: &Path, region: Range<u64>, random: &mut Random) {
        let mut bytes = std::fs::read(path).unwrap();
        let length = bytes.len() as u64;
        let region = region.start.min(length)..region.end.min(length);
        if region.is_empty() {
            return;
        }
        let place = random.within(region.start, region.end);
        match self {
            Self::Flip => bytes[index(place)] ^= 1 << random.within(0, 8),
            Self::Zero => bytes[piece(place, SECTOR, length)].fill(0),
            Self::SwapWithin => {
                let others = random.within(region.start, region.end);
                let (one, two) = (piece(place, PAGE, length), piece(others, PAGE, length));
                exchange(&mut bytes, one, None, two);
            }
            Self::SwapBetween => {
                let mut of_other = std::fs::read(other).unwrap();
                let end = of_other.len() as u64;
                let two = piece(place.min(end - 1), PAGE, end);
                exchange(&mut bytes, piece(place, PAGE, length), Some(&mut of_other), two);
                std::fs::write(other, of_other).unwrap();
            }
            Self::Cut => bytes.truncate(index(place)),
            Self::Extend => bytes.extend(garbage(random.within(1, 3 * PAGE), random)),
            Self::Garbage => {
                let sector = piece(place, SECTOR, length);
                let garbage = garbage(sector.len() as u64, random);
                bytes[sector].copy_from_slice(&garbage);
            }
        }
        std::fs::write(path, bytes).unwrap();
    }
}

/// So many bytes that mean nothing.
pub(crate) fn garbage(bytes: u64, random: &mut Random) -> Vec<u8> {
    (0..bytes).map(|_| random.next().to_le_bytes()[0]).collect()
}

/// The sector or page around a place.
fn piece(place: u64, size: u64, length: u64) -> Range<usize> {
    let from = place - place % size;
    index(from)..index(length.min(from + size))
}

/// Exchanges two pages as far as both files have them; without another file, both are in the one.
fn exchange(bytes: &mut [u8], one: Range<usize>, other: Option<&mut [u8]>, two: Range<usize>) {
    let length = one.len().min(two.len());
    let (one, two) = (one.start..one.start + length, two.start..two.start + length);
    let first = bytes[one.clone()].to_vec();
    if let Some(other) = other {
        bytes[one].copy_from_slice(&other[two.clone()]);
        other[two].copy_from_slice(&first);
    } else {
        bytes.copy_within(two.clone(), one.start);
        bytes[two].copy_from_slice(&first);
    }
}

fn index(at: u64) -> usize {
    usize::try_from(at).unwrap()
}
