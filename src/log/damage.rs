//! Damage is never silent: it is logged, counted, and its bytes are kept for whoever wants to look.

use std::io::{self, IoSlice};
use std::path::Path;

use crate::disk::{Disk, create_folders};

use super::error::Error;
use super::record::Damage;

/// What was found damaged since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Ranges of segments, and segments whose header is damaged.
    pub ranges: u64,
    /// Acknowledged records in the ranges. What a segment without a header held is not known.
    pub records: u64,
}

impl Lost {
    /// Counts more.
    pub(super) fn add(&mut self, more: Self) {
        self.ranges += more.ranges;
        self.records += more.records;
    }
}

/// At most this much of a damaged range is kept.
const KEPT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Logs and counts the loss of `records_lost` records, and copies the damaged ranges of the segment at `path` into the
/// folder `aside`. Returns what is lost.
///
/// # Errors
/// If the copies cannot be written.
pub(super) fn report(
    disk: &dyn Disk,
    path: &Path,
    ranges: &[Damage],
    records_lost: u64,
    aside: &Path,
) -> Result<Lost, Error> {
    create_folders(disk, aside).map_err(Error::disk("create", aside))?;
    let file = disk.open(path).map_err(Error::disk("open", path))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    for range in ranges {
        let kept = aside.join(format!("{name}-{}-{}.bytes", range.from, range.to));
        tracing::error!(
            segment = %path.display(), from = range.from, to = range.to, records_lost = range.records_lost,
            first_seq = range.first_seq, kept = %kept.display(),
            "a range of the log is damaged; its records are lost and its bytes are kept aside"
        );
        match disk.remove(&kept) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::disk("remove", &kept)(error));
            }
            _ => {}
        }
        let length = (range.to - range.from).min(KEPT_BYTES_MAX);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        // Sectors that cannot be read are as lost here as they are there.
        let readable = file.read_at(&mut bytes, range.from).is_ok();
        let copy = disk.create(&kept).map_err(Error::disk("create", &kept))?;
        let written = if readable { copy.write_at(&[IoSlice::new(&bytes)], 0) } else { Ok(()) };
        written.and_then(|()| copy.sync()).map_err(Error::disk("write", &kept))?;
    }
    disk.sync_folder(aside).map_err(Error::disk("sync", aside))?;
    crate::metrics::log::records_lost(records_lost);
    Ok(Lost { ranges: ranges.len() as u64, records: records_lost })
}
