//! The numbers that were never given, for when no segment is left that tells.
//!
//! The file `numbers` beside the segments has a line, `forebay numbers 1 ID SEQ`: every segment that was retired has a
//! number below `ID`, and every record in it one below `SEQ`. It is durable before a segment's file is given away.
//!
//! Further lines, `end ID SEQ`, stand for segments without footer whose disk failed: the records of `ID` are those below
//! `SEQ`. Otherwise only the segment behind it tells, and that may be gone first.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::{Disk, is_bad_sector, replace_file};

use super::error::Error;
use super::segment_id::{NUMBER_MAX, SegmentId};

const NAME: &str = "numbers";
const PREFIX: &str = "forebay numbers 1 ";
const END: &str = "end ";
/// More than the lines of all segments that can fail while the disk lasts.
const LENGTH_MAX: u64 = 1024 * 1024;

/// A segment's number and a record's number.
type Pair = (SegmentId, u64);

/// Where the records of segments without footer end.
pub(super) type Ends = BTreeMap<SegmentId, u64>;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Noted {
    next: Pair,
    ends: Ends,
}

/// The numbers of a log.
#[derive(Debug)]
pub(super) struct Numbers {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    noted: Mutex<Noted>,
}

impl Numbers {
    /// Reads what was noted. A file that is none of ours is taken for nothing.
    pub(super) fn open(disk: &Arc<dyn Disk>, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let noted = read(&**disk, &path)?;
        if noted.is_none() {
            tracing::warn!(file = %path.display(), "the file of the log's numbers is damaged; it is written anew");
        }
        Ok(Self { disk: Arc::clone(disk), path, noted: Mutex::new(noted.unwrap_or_default()) })
    }

    /// Numbers that no retired segment and no record in one had.
    pub(super) fn next(&self) -> Pair {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).next
    }

    /// Notes, durably, that the numbers before these were given, and where the segments end of which `ends` knows.
    pub(super) fn note(&self, next: Pair, ends: impl FnOnce() -> Ends) -> io::Result<()> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (noted.next.0.max(next.0), noted.next.1.max(next.1));
        let now = Noted { next, ends: ends() };
        if *noted != now {
            replace_file(&*self.disk, &self.path, now.lines().as_bytes())?;
            *noted = now;
        }
        Ok(())
    }
}

impl Noted {
    fn lines(&self) -> String {
        let (id, seq) = self.next;
        let mut lines = format!("{PREFIX}{id} {seq}\n");
        for (id, seq) in &self.ends {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{END}{id} {seq}");
        }
        lines
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let next = pair(lines.next()?.strip_prefix(PREFIX)?)?;
        let ends = lines.map(|line| pair(line.strip_prefix(END)?)).collect::<Option<_>>()?;
        Some(Self { next, ends })
    }
}

fn pair(text: &str) -> Option<Pair> {
    let (id, seq) = text.split_once(' ')?;
    Some((SegmentId::parse(id)?, seq.parse().ok().filter(|seq| *seq <= NUMBER_MAX)?))
}

/// Where the segments without footer in `folder` end whose end was noted.
pub(super) fn read_ends(disk: &dyn Disk, folder: &Path) -> Result<Ends, Error> {
    Ok(read(disk, &folder.join(NAME))?.unwrap_or_default().ends)
}

/// What a file says, nothing if there is none; `None` if it is none of ours.
fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Noted>, Error> {
    let read = || {
        let file = disk.open(path)?;
        let mut text = vec![0; usize::try_from(file.length()?.min(LENGTH_MAX)).unwrap_or(0)];
        file.read_at(&mut text, 0)?;
        Ok(text)
    };
    match read() {
        Ok(text) => Ok(std::str::from_utf8(&text).ok().and_then(Noted::parse)),
        Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => Ok(Some(Noted::default())),
        Err(error) if is_bad_sector(&error) => Ok(None),
        Err(error) => Err(Error::disk("read", path)(error)),
    }
}
