//! Looking at a log without changing it, also while a process uses it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;

use super::error::Error;
use super::recovery::{Candidates, Reading};
use super::sealed::{SealedSegment, read_footer};

/// A segment as it lies in the folder.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The segment; what a segment without footer holds was found by reading it.
    pub segment: SealedSegment,
    /// Whether it has its footer. Without, it is active, or was when the process ended.
    pub is_sealed: bool,
    /// Acknowledged records of it that cannot be read, as far as reading was needed.
    pub records_lost: u64,
}

/// The segments in a folder, oldest first, and the files whose header is damaged.
///
/// # Errors
/// If the folder cannot be read.
pub fn survey(disk: &Arc<dyn Disk>, folder: &Path) -> Result<(Vec<Surveyed>, Vec<PathBuf>), Error> {
    let candidates = Candidates::find(&**disk, folder)?;
    let mut segments = Vec::new();
    for (place, candidate) in candidates.good.iter().enumerate() {
        let footer =
            read_footer(&*candidate.file, &candidate.header).map_err(Error::disk("read", &candidate.path))?;
        let is_sealed = footer.is_some();
        let (footer, records_lost) = if let Some(footer) = footer {
            (footer, 0)
        } else {
            let reading = Reading::of(candidate, candidates.follower(place))?;
            (reading.footer, reading.damage.iter().map(|damage| damage.records_lost).sum())
        };
        let segment = SealedSegment {
            disk: Arc::clone(disk),
            path: candidate.path.clone(),
            header: candidate.header.clone(),
            footer,
            is_reusable: false,
        };
        segments.push(Surveyed { segment, is_sealed, records_lost });
    }
    Ok((segments, candidates.bad.into_iter().map(|(_, path)| path).collect()))
}
