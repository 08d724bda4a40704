//! Where damage strikes.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::world::random::Random;
use crate::world::segment::{RECORDS_AT, Segment, TAIL};

use super::ruin::Files;

/// A kind of file, and a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    SealedHeader,
    SealedRecords,
    /// Behind the records, where nothing is.
    SealedRest,
    SealedTail,
    ActiveHeader,
    ActiveRecords,
    /// The last record.
    ActiveEnd,
    ActiveTail,
    Object,
    Manifest,
    /// Of a batch whose segment is still in the log.
    CoveredObject,
    CoveredManifest,
    Spare,
    Numbers,
    Writer,
    Lock,
    Ledger,
}

impl Spot {
    pub(super) const ALL: [Self; 17] = [
        Self::SealedHeader,
        Self::SealedRecords,
        Self::SealedRest,
        Self::SealedTail,
        Self::ActiveHeader,
        Self::ActiveRecords,
        Self::ActiveEnd,
        Self::ActiveTail,
        Self::Object,
        Self::Manifest,
        Self::CoveredObject,
        Self::CoveredManifest,
        Self::Spare,
        Self::Numbers,
        Self::Writer,
        Self::Lock,
        Self::Ledger,
    ];

    /// The file, another with which it may change pages, and the part of it that is meant.
    pub(super) fn choose(self, data: &Path, random: &mut Random) -> (PathBuf, PathBuf, Range<u64>) {
        let files = Files::of(data);
        let whole = 0..u64::MAX;
        let two = |paths: &[PathBuf], random: &mut Random| {
            let place = usize::try_from(random.within(0, paths.len() as u64)).unwrap();
            (paths[place].clone(), paths[(place + 1) % paths.len()].clone())
        };
        match self {
            Self::SealedHeader | Self::SealedRecords | Self::SealedRest | Self::SealedTail => {
                let (path, other) = two(&files.sealed, random);
                let part = self.part_of_segment(&path);
                (path, other, part)
            }
            Self::ActiveHeader | Self::ActiveRecords | Self::ActiveEnd | Self::ActiveTail => {
                let part = self.part_of_segment(&files.active);
                (files.active, files.sealed[0].clone(), part)
            }
            Self::Object => with(two(&files.objects, random), whole),
            Self::Manifest => with(two(&files.manifests, random), whole),
            Self::CoveredObject => with(two(&files.covered_objects, random), whole),
            // Changing pages with that of another batch would harm that.
            Self::CoveredManifest => {
                (files.covered_manifest.clone(), files.covered_objects[0].clone(), whole)
            }
            Self::Spare => with(two(&files.spares, random), whole),
            Self::Ledger => with(two(&files.ledger, random), whole),
            Self::Numbers => (data.join("log/numbers"), data.join("writer"), whole),
            Self::Writer | Self::Lock => {
                // The lock is empty, as nothing is read of it.
                std::fs::write(data.join("lock"), "lock").unwrap();
                let (writer, lock) = (data.join("writer"), data.join("lock"));
                if self == Self::Writer { (writer, lock, whole) } else { (lock, data.join("lock"), whole) }
            }
        }
    }

    fn part_of_segment(self, path: &Path) -> Range<u64> {
        let bytes = std::fs::read(path).unwrap();
        let records = Segment(&bytes).records();
        let last = records.last().unwrap();
        let tail = bytes.len() - TAIL;
        let part = match self {
            Self::SealedHeader | Self::ActiveHeader => 0..RECORDS_AT,
            Self::ActiveEnd => last.clone(),
            Self::SealedRest => last.end.next_multiple_of(4096)..tail,
            Self::SealedTail | Self::ActiveTail => tail..bytes.len(),
            _ => RECORDS_AT..last.end,
        };
        part.start as u64..part.end as u64
    }
}

fn with((path, other): (PathBuf, PathBuf), part: Range<u64>) -> (PathBuf, PathBuf, Range<u64>) {
    (path, other, part)
}
