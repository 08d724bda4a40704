//! The numbers that were never given, for when no segment is left that tells.
//!
//! The file `numbers` beside the segments has one line, `forebay numbers 1 ID SEQ`: every segment that was retired has a
//! number below `ID`, and every record in it one below `SEQ`. It is durable before a segment's file is given away.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::{Disk, replace_file};

use super::error::Error;
use super::segment_id::SegmentId;

const PREFIX: &str = "forebay numbers 1 ";
/// More than the longest line.
const LENGTH_MAX: u64 = 128;

/// A segment's number and a record's number.
type Pair = (SegmentId, u64);

/// The numbers of a log.
#[derive(Debug)]
pub(super) struct Numbers {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    noted: Mutex<Pair>,
}

impl Numbers {
    /// Reads what was noted. A file that is none of ours is taken for nothing: it only keeps names from coming twice.
    pub(super) fn open(disk: &Arc<dyn Disk>, folder: &Path) -> Result<Self, Error> {
        let path = folder.join("numbers");
        let noted = match read(&**disk, &path) {
            Ok(noted) => noted,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some((SegmentId(0), 0)),
            Err(error) => return Err(Error::disk("read", &path)(error)),
        };
        if noted.is_none() {
            tracing::warn!(file = %path.display(), "the file of the log's numbers is damaged; it is written anew");
        }
        Ok(Self { disk: Arc::clone(disk), path, noted: Mutex::new(noted.unwrap_or((SegmentId(0), 0))) })
    }

    /// Numbers that no retired segment and no record in one had.
    pub(super) fn next(&self) -> Pair {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes, durably, that the numbers before these were given.
    pub(super) fn note(&self, next: Pair) -> io::Result<()> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (noted.0.max(next.0), noted.1.max(next.1));
        if *noted != next {
            let line = format!("{PREFIX}{} {}\n", next.0, next.1);
            replace_file(&*self.disk, &self.path, line.as_bytes())?;
            *noted = next;
        }
        Ok(())
    }
}

/// What a file says; `None` if it is none of ours.
fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Pair>> {
    let file = disk.open(path)?;
    let mut text = vec![0; usize::try_from(file.length()?.min(LENGTH_MAX)).unwrap_or(0)];
    file.read_at(&mut text, 0)?;
    let numbers = || {
        let line = std::str::from_utf8(&text).ok()?.strip_prefix(PREFIX)?.strip_suffix('\n')?;
        let (id, seq) = line.split_once(' ')?;
        Some((SegmentId::parse(id)?, seq.parse().ok()?))
    };
    Ok(numbers())
}
