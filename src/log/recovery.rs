//! What a process finds in the log of the one before it.
//!
//! Sealed segments are known by their footers and not read. A segment without footer was active when the process
//! ended, or its disk failed. It is read and sealed:
//!
//! - If another segment follows, all records before that one's first were durable: what is missing of them is damage.
//!   Records from that number on had failed; they are not part of the log. Where the next segment is gone already, that
//!   number was noted before it went.
//! - If none follows, a gap is damage if a record behind it proves so (it was written after a sync that covered the
//!   gap). Otherwise it is a torn tail, which nobody was told to be safe: expected, and passed over.
//!
//! Damage is never silent: the range is kept aside and the loss is logged and counted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Budget, Disk, File, Use};

use super::damage::{self, Lost};
use super::error::Error;
use super::format::{BadHeader, FILE_HEADER_LEN, FOOTER_LEN, FileHeader, Footer, TAIL_LEN};
use super::numbers::{Ends, read_ends};
use super::record::Damage;
use super::scan::{Scan, Step};
use super::sealed::{SealedSegment, read_footer};
use super::segment_id::SegmentId;
use super::window::Unreadable;

/// What was found.
#[derive(Debug)]
pub(super) struct Recovered {
    /// Segments with records, oldest first, with their share of the disk budget.
    pub(super) sealed: Vec<(SealedSegment, Use)>,
    /// Files of segments in which nothing was acknowledged.
    pub(super) empty: Vec<PathBuf>,
    /// A number that no segment had.
    pub(super) next_id: SegmentId,
    /// A number that no acknowledged record had.
    pub(super) next_seq: u64,
    /// What was acknowledged and cannot be read.
    pub(super) lost: Lost,
}

/// The files of segments in a folder.
pub(super) struct Candidates {
    /// Those whose header is right, oldest first.
    pub(super) good: Vec<Candidate>,
    /// Those whose header is not.
    pub(super) bad: Vec<(SegmentId, PathBuf)>,
    /// What was noted of those without footer.
    ends: Ends,
}

/// A segment's file whose header is right.
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn File>,
    pub(super) header: FileHeader,
}

/// Reads the log in `folder`. Damaged ranges are kept in `aside`. `given` are the numbers of a segment and of a record
/// before which all were retired, as far as that was noted.
pub(super) fn recover(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    aside: &Path,
    budget: &Arc<Budget>,
    at_least: SegmentId,
    given: (SegmentId, u64),
) -> Result<Recovered, Error> {
    let mut recovered = Recovered {
        sealed: Vec::new(),
        empty: Vec::new(),
        next_id: at_least.max(given.0),
        next_seq: 0,
        lost: Lost::default(),
    };
    let candidates = Candidates::find(&**disk, folder)?;
    for (id, path) in &candidates.bad {
        recovered.next_id = recovered.next_id.max(id.next());
        put_aside(&**disk, path)?;
        recovered.lost.add(Lost { ranges: 1, records: 0 });
    }
    // What was read last: a segment's number and the sequence number behind it.
    let mut before = given;
    for (place, candidate) in candidates.good.iter().enumerate() {
        recovered.next_id = recovered.next_id.max(candidate.header.id.next());
        let follower = candidates.follower(place);
        let footer =
            read_footer(&*candidate.file, &candidate.header).map_err(Error::disk("read", &candidate.path))?;
        let footer = match footer {
            Some(footer) => footer,
            None => seal(&**disk, candidate, follower, aside, &mut recovered.lost)?,
        };
        recovered.next_seq = recovered.next_seq.max(footer.next_seq);
        let records = candidates.lost_between(before, &candidate.header);
        if records > 0 {
            tracing::error!(records, before = %candidate.header.id, "so many records were in segments put aside");
            crate::metrics::log::records_lost(records);
            recovered.lost.add(Lost { ranges: 0, records });
        }
        before = (candidate.header.id.next(), footer.next_seq);
        if footer.records == 0 {
            recovered.empty.push(candidate.path.clone());
            continue;
        }
        let segment = SealedSegment {
            disk: Arc::clone(disk),
            path: candidate.path.clone(),
            header: candidate.header.clone(),
            footer,
            is_reusable: true,
        };
        let used = budget.take(segment.file_bytes());
        recovered.sealed.push((segment, used));
    }
    Ok(recovered)
}

impl Candidates {
    /// Looks for them in `folder`.
    pub(super) fn find(disk: &dyn Disk, folder: &Path) -> Result<Self, Error> {
        let mut found = Self { good: Vec::new(), bad: Vec::new(), ends: read_ends(disk, folder)? };
        for entry in disk.list(folder).map_err(Error::disk("list", folder))? {
            let Some(id) = entry.name.strip_suffix(".segment").and_then(SegmentId::parse) else { continue };
            let path = folder.join(&entry.name);
            let file = match disk.open(&path) {
                // Retired since the folder was listed, by the process that a survey looks at.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(Error::disk("open", &path))?,
            };
            match read_header(&*file, id) {
                Ok(header) => found.good.push(Candidate { path, file, header }),
                Err(BadHeader::Version(version)) => return Err(Error::Version { path, version }),
                Err(BadHeader::Invalid) => found.bad.push((id, path)),
            }
        }
        Ok(found)
    }

    /// How many records the segments without headers held that come right before the one of `header`: the gap in the
    /// sequence numbers tells, if all segments from the number `before` on are there. 0 if that cannot be known.
    fn lost_between(&self, (before, next_seq): (SegmentId, u64), header: &FileHeader) -> u64 {
        let are_all_bad = || (before.0..header.id.0).all(|id| self.bad.iter().any(|(bad, _)| bad.0 == id));
        if before < header.id && are_all_bad() { header.first_seq.saturating_sub(next_seq) } else { 0 }
    }

    /// The sequence number below which all records of the segment at this place were durable, and from which on none is
    /// part of it: as was noted, or the first of the segment after it.
    pub(super) fn follower(&self, place: usize) -> Option<u64> {
        let noted = self.good.get(place).and_then(|segment| self.ends.get(&segment.header.id)).copied();
        noted.or_else(|| self.good.get(place + 1).map(|next| next.header.first_seq))
    }
}

/// Reads the header of the segment `id`, or what is left of it: it stands in two places. A page of another segment may
/// have got into one of them, or its version may be what is damaged: then the other counts.
fn read_header(file: &dyn File, id: SegmentId) -> Result<FileHeader, BadHeader> {
    let is_right =
        |header: &Result<FileHeader, BadHeader>| header.as_ref().is_ok_and(|header| header.id == id);
    let first = read_header_at(file, 0);
    if is_right(&first) {
        return first;
    }
    let behind = file.length().ok().and_then(|length| length.checked_sub(TAIL_LEN as u64));
    let copy = behind.map_or(Err(BadHeader::Invalid), |at| read_header_at(file, at));
    if is_right(&copy) {
        tracing::warn!(segment = %id, "the header of a segment is damaged; the one behind its records is right");
        return copy;
    }
    let version = [first, copy].into_iter().find(|header| matches!(header, Err(BadHeader::Version(_))));
    version.unwrap_or(Err(BadHeader::Invalid))
}

fn read_header_at(file: &dyn File, at: u64) -> Result<FileHeader, BadHeader> {
    let mut bytes = vec![0; FILE_HEADER_LEN];
    // A file that is shorter than its header is as bad as one whose header is damaged.
    file.read_at(&mut bytes, at).map_err(|_| BadHeader::Invalid)?;
    FileHeader::decode(&bytes)
}

/// Puts a file whose header is damaged out of the way, under another name. If that is not durable, the next start does
/// it again.
fn put_aside(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    let damaged = path.with_extension("segment.damaged");
    tracing::error!(
        kept = %damaged.display(),
        "the header of a segment is damaged; its records cannot be read and the file is kept aside"
    );
    crate::metrics::log::segment_lost();
    disk.rename(path, &damaged).map_err(Error::disk("rename", path))
}

/// Reads a segment without footer and gives it one.
fn seal(
    disk: &dyn Disk,
    candidate: &Candidate,
    follower: Option<u64>,
    aside: &Path,
    lost: &mut Lost,
) -> Result<Footer, Error> {
    let header = &candidate.header;
    let reading = Reading::of(candidate, follower)?;
    let records_lost: u64 = reading.damage.iter().map(|damage| damage.records_lost).sum();
    let length = candidate.file.length().map_err(Error::disk("read", &candidate.path))?;
    if records_lost > 0 {
        lost.add(damage::report(disk, &candidate.path, &reading.damage, records_lost, aside)?);
    } else if follower.is_none() && length < header.length {
        // No kill and no power loss does that: the file had its full length before its first record. The lost end had
        // no record behind it that would tell how many there were.
        tracing::error!(
            segment = %candidate.path.display(), length, full_length = header.length,
            "the file of the last segment is cut short; records at its end may be lost, and nobody can tell how many"
        );
        lost.add(Lost { ranges: 1, records: 0 });
    }
    // A cut file gets its length back, so that its footer is found where footers are.
    let footer = reading.footer;
    let at = header.length - FOOTER_LEN as u64;
    // What a killed process wrote and did not sync is read like all else, and a power loss may still take it: no footer
    // may be on disk before the records that it speaks for.
    candidate
        .file
        .sync()
        .and_then(|()| {
            candidate.file.write_at(&[io::IoSlice::new(&footer.encode(header.id, header.salt))], at)
        })
        .and_then(|()| candidate.file.sync())
        .map_err(Error::disk("seal", &candidate.path))?;
    Ok(footer)
}

/// What a segment without footer holds.
pub(super) struct Reading {
    pub(super) footer: Footer,
    /// Ranges of acknowledged records that cannot be read.
    pub(super) damage: Vec<Damage>,
}

impl Reading {
    pub(super) fn of(candidate: &Candidate, follower: Option<u64>) -> Result<Self, Error> {
        let header = &candidate.header;
        let length = candidate.file.length().map_err(Error::disk("read", &candidate.path))?;
        let end = length.min(header.length.saturating_sub(TAIL_LEN as u64));
        let first_seq = header.first_seq;
        let mut scan = Scan::new(Arc::clone(&candidate.file), header.salt, first_seq, end, Unreadable::Skip);
        let mut footer = Footer { end: FILE_HEADER_LEN as u64, next_seq: first_seq, ..Footer::default() };
        let mut gaps: Vec<Damage> = Vec::new();
        // Counts only once a record of this log comes behind it.
        let mut gap = None;
        // Records before this number were durable, as far as is known.
        let mut durable_before = follower.unwrap_or(first_seq);
        while let Some(step) = scan.step().map_err(Error::disk("read", &candidate.path))? {
            match step {
                Step::Gap(before) => gap = Some(before),
                Step::Record(found) => {
                    if follower.is_some_and(|follower| found.header.seq >= follower) {
                        break;
                    }
                    gaps.extend(gap.take());
                    durable_before = durable_before.max(found.header.group_first_seq());
                    footer.count(&found.header, found.end);
                }
            }
        }
        if let Some(follower) = follower.filter(|follower| *follower > footer.next_seq) {
            let (from, first_seq) = (footer.end, footer.next_seq);
            gaps.push(Damage { from, to: end, first_seq, records_lost: follower - first_seq });
            footer.next_seq = follower;
        }
        let damage = gaps.into_iter().filter(|gap| gap.first_seq < durable_before).collect();
        Ok(Self { footer, damage })
    }
}
