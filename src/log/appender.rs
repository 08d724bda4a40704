//! Appending to the active segment: plain code without threads, so that tests can cut the power at every step.
//!
//! Invariants:
//! - A record is acknowledged only after a sync that began after it was written.
//! - Nothing is appended behind bytes whose fate is unknown: after a failed write or sync the segment takes no more
//!   records, its file is never synced again, and what was durable is read back before it counts.
//! - The sequence numbers of records that failed are given to the next ones. The first number of the next segment
//!   therefore says where the one before ends, even if some of what failed is on disk after all.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use crate::disk::{BLOCK, Disk, File, Use};
use crate::receive::Export;

use super::error::Error;
use super::format::{
    FILE_HEADER_LEN, FileHeader, Footer, PACKING_BYTES_MAX, RECORD_HEADER_LEN, RecordHeader, TAIL_LEN,
    file_len_for, record_len_of,
};
use super::group::Group;
use super::random::random_u64;
use super::resends::{RequestHash, Resends};
use super::scan::{Scan, Step};
use super::sealed::{SealedSegment, file_name};
use super::segment_id::SegmentId;
use super::spares::{Spare, Spares};
use super::window::Unreadable;

/// What all segments of a log have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) writer: u32,
    pub(super) packing: String,
}

/// Appends exports to the active segment.
#[derive(Debug)]
pub(super) struct Appender {
    common: Common,
    spares: Arc<Spares>,
    resends: Resends,
    group: Group,
    active: Option<Active>,
    abandoned: Option<Sealed>,
    next_id: SegmentId,
    next_seq: u64,
    /// Failures since the last group that was durable.
    failures: u32,
    /// When the last record of the active segment was received; within a segment time never goes backward.
    last_received_at: u64,
}

/// An export on its way to become a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) export: &'a Export,
    /// What it is recognised by if it comes again.
    pub(super) hash: Option<RequestHash>,
}

/// The segment that takes records.
#[derive(Debug)]
struct Active {
    file: Arc<dyn File>,
    path: PathBuf,
    header: FileHeader,
    footer: Footer,
    used: Use,
}

/// A segment that was just sealed, with its share of the disk budget.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) segment: SealedSegment,
    pub(super) used: Use,
}

/// Where a record of some length goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Into the active segment, behind what is there.
    Active,
    /// Into the next one.
    Next,
}

/// What became of the wish for a new segment.
#[derive(Debug)]
pub(super) enum Begin {
    /// There is one.
    Begun,
    /// There is no room for one; with what the file system said, if it was that which refused.
    NoRoom(Option<io::Error>),
}

impl Appender {
    pub(super) fn new(
        common: Common,
        spares: Arc<Spares>,
        resends: Resends,
        next_id: SegmentId,
        next_seq: u64,
    ) -> Result<Self, Error> {
        let length = common.packing.len();
        if length > PACKING_BYTES_MAX {
            return Err(Error::PackingTooLong { length, most: PACKING_BYTES_MAX });
        }
        Ok(Self {
            common,
            spares,
            resends,
            group: Group::new(),
            active: None,
            abandoned: None,
            next_id,
            next_seq,
            failures: 0,
            last_received_at: 0,
        })
    }

    /// Pins these packing options in the segments that are begun from now on. Says whether they are others than before.
    pub(super) fn change_packing(&mut self, packing: String) -> bool {
        let is_other = self.common.packing != packing;
        self.common.packing = packing;
        is_other
    }

    /// Whether a second failure has stopped intake.
    pub(super) fn is_stopped(&self) -> bool {
        self.failures >= 2
    }

    /// The sum of the active segment so far, if it has records.
    pub(super) fn active_sum(&self) -> Option<Footer> {
        self.active.as_ref().map(|active| active.footer).filter(|footer| footer.records > 0)
    }

    /// Where an export goes if `before` bytes of records go before it.
    pub(super) fn fit(&self, export: &Export, before: u64) -> Fit {
        let needed = record_len_of(export);
        match &self.active {
            Some(active) if active.end() + before + needed <= active.capacity() => Fit::Active,
            _ => Fit::Next,
        }
    }

    /// Whether an export wants a segment of its own.
    pub(super) fn is_oversize(&self, export: &Export) -> bool {
        file_len_for(record_len_of(export)) > self.spares.segment_bytes()
    }

    /// Whether there is room for a segment of its own for an export.
    pub(super) fn has_room_for(&self, export: &Export) -> bool {
        self.spares.may_begin(file_len_for(record_len_of(export)))
    }

    /// Whether a segment is active, with records or without.
    pub(super) fn has_active(&self) -> bool {
        self.active.is_some()
    }

    /// Begins a segment that records of this length fit in. The active one must be sealed or empty.
    pub(super) fn begin(&mut self, records_len: u64, now: u64) -> io::Result<Begin> {
        match self.try_begin(records_len, now) {
            // The disk was filled by somebody else since it was asked; or there are connections in the place of files.
            Err(error) if is_full(&error) || is_short_of_means(&error) => Ok(Begin::NoRoom(Some(error))),
            Err(error) => {
                self.failures += 1;
                Err(error)
            }
            begin => begin,
        }
    }

    fn try_begin(&mut self, records_len: u64, now: u64) -> io::Result<Begin> {
        if self.active_sum().is_some() {
            // Its file would be given away with the records in it.
            return Err(io::Error::other("the active segment has records and is not sealed"));
        }
        let Some(spare) = self.spare(file_len_for(records_len))? else {
            return Ok(Begin::NoRoom(None));
        };
        let active = self.christen(spare, now)?;
        self.next_id = self.next_id.next();
        self.group.begin();
        // A clock that was ahead for a moment must not date everything that is ever received after it.
        self.last_received_at = 0;
        if let Some(empty) = self.active.replace(active) {
            drop(empty.used);
            self.spares.give_back(&empty.path, true)?;
        }
        Ok(Begin::Begun)
    }

    /// A spare of at least this length, if there is room for it.
    fn spare(&self, length: u64) -> io::Result<Option<Spare>> {
        if length > self.spares.segment_bytes() {
            self.spares.take_longer(length)
        } else {
            self.spares.take()
        }
    }

    /// Makes a segment of a spare: a header with a new salt, durable before the name, durable before any record.
    fn christen(&self, spare: Spare, now: u64) -> io::Result<Active> {
        let header = FileHeader {
            id: self.next_id,
            salt: random_u64(),
            first_seq: self.next_seq,
            created_at: now,
            length: spare.length,
            writer: self.common.writer,
            packing: self.common.packing.clone(),
        };
        let encoded = header.encode();
        spare.file.write_at(&[IoSlice::new(&encoded)], 0)?;
        spare.file.write_at(&[IoSlice::new(&encoded)], header.length - TAIL_LEN as u64)?;
        spare.file.sync()?;
        let path = self.common.folder.join(file_name(header.id));
        self.common.disk.rename(&spare.path, &path)?;
        self.common.disk.sync_folder(&self.common.folder)?;
        let footer = Footer { end: FILE_HEADER_LEN as u64, next_seq: self.next_seq, ..Footer::default() };
        Ok(Active { file: spare.file, path, header, footer, used: spare.used })
    }

    /// Whether the same request as this one is durable already.
    pub(super) fn knows(&mut self, hash: Option<RequestHash>, now: u64) -> bool {
        hash.is_some_and(|hash| self.resends.knows(hash, now))
    }

    /// Writes those of a group of exports, which must fit, that are not there yet, and syncs once. When it returns `Ok`,
    /// all are durable; it says of each whether it was stored now. After an error none of them counts, and
    /// [`Appender::take_abandoned`] has the segment.
    pub(super) fn append(&mut self, group: &[Entry<'_>], now: u64) -> io::Result<Vec<bool>> {
        let is_new = self.resends.tell_new(group.iter().map(|entry| entry.hash), now);
        let new: Vec<_> =
            group.iter().zip(&is_new).filter(|(_, is_new)| **is_new).map(|(entry, _)| *entry).collect();
        if !new.is_empty() {
            self.write(&new, now)?;
        }
        Ok(is_new)
    }

    fn write(&mut self, group: &[Entry<'_>], now: u64) -> io::Result<()> {
        let active = self.active.as_mut().ok_or_else(|| io::Error::other("no segment is active"))?;
        self.last_received_at = self.last_received_at.max(now);
        let received_at = self.last_received_at;
        let mut footer = active.footer;
        let outcome = write_group(active, &mut self.group, &mut footer, group, received_at)
            .and_then(|()| active.file.sync());
        match outcome {
            Ok(()) => {
                active.footer = footer;
                self.next_seq = footer.next_seq;
                self.failures = 0;
                for hash in group.iter().filter_map(|entry| entry.hash) {
                    self.resends.remember(hash, received_at);
                }
                Ok(())
            }
            Err(error) => {
                self.abandoned = self.abandon();
                Err(error)
            }
        }
    }

    /// The segment that was left after a failure, if anything durable is in it or its file could not be removed.
    pub(super) fn take_abandoned(&mut self) -> Option<Sealed> {
        self.abandoned.take()
    }

    /// Seals the active segment, if it has records.
    pub(super) fn seal(&mut self) -> Option<Sealed> {
        self.active_sum()?;
        let active = self.active.take()?;
        let footer = active.footer.encode_block(active.header.id, active.header.salt);
        let at = active.header.length - BLOCK as u64;
        match active.file.write_at(&[IoSlice::new(&footer)], at).and_then(|()| active.file.sync()) {
            Ok(()) => {
                self.resends.sealed(active.header.id, self.last_received_at);
                Some(active.sealed(&self.common.disk, true))
            }
            Err(error) => {
                crate::metrics::log::write_failed();
                tracing::error!(%error, "cannot seal the active segment; it is left as it is and a new one begun");
                self.active = Some(active);
                self.abandon()
            }
        }
    }

    /// Leaves the active segment, of which a write or a sync failed.
    fn abandon(&mut self) -> Option<Sealed> {
        self.failures += 1;
        let mut active = self.active.take()?;
        // Its numbers go to the next records; a restart must not take what failed for these.
        active.footer.next_seq = self.next_seq;
        if active.footer.records == 0 && self.common.disk.remove(&active.path).is_ok() {
            return None;
        }
        match active.read_back(&*self.common.disk) {
            Ok(readable) if readable == active.footer.records => {}
            outcome => {
                tracing::error!(
                    segment = %active.header.id, acknowledged = active.footer.records, readable = ?outcome,
                    "acknowledged records cannot be read back from the failing disk"
                );
            }
        }
        self.resends.sealed(active.header.id, self.last_received_at);
        Some(active.sealed(&self.common.disk, false))
    }
}

impl Active {
    fn end(&self) -> u64 {
        self.footer.end
    }

    /// Where records must end.
    fn capacity(&self) -> u64 {
        self.header.length - TAIL_LEN as u64
    }

    /// Counts the durable records that can be read from the disk itself, not from memory.
    fn read_back(&self, disk: &dyn Disk) -> io::Result<u64> {
        let file = disk.open(&self.path)?;
        file.forget_cached();
        let (salt, first_seq) = (self.header.salt, self.header.first_seq);
        let mut scan = Scan::new(file, salt, first_seq, self.footer.end, Unreadable::Skip);
        let mut readable = 0;
        while let Some(step) = scan.step()? {
            readable += u64::from(matches!(step, Step::Record(_)));
        }
        Ok(readable)
    }

    fn sealed(self, disk: &Arc<dyn Disk>, is_reusable: bool) -> Sealed {
        let segment = SealedSegment {
            disk: Arc::clone(disk),
            path: self.path,
            header: self.header,
            footer: self.footer,
            is_reusable,
        };
        Sealed { segment, used: self.used }
    }
}

/// Writes a group behind the records that are there, and counts it in `footer`.
fn write_group(
    active: &Active,
    group: &mut Group,
    footer: &mut Footer,
    entries: &[Entry<'_>],
    received_at: u64,
) -> io::Result<()> {
    const PADDING: [u8; 8] = [0; 8];
    let offset = footer.end;
    let mut headers = Vec::with_capacity(entries.len());
    for (place_in_group, entry) in (0..).zip(entries) {
        let header = record_header(*entry, footer.next_seq, received_at, place_in_group)?;
        let export = entry.export;
        headers.push((
            header.encode(active.header.salt, footer.end, export.tenant.as_bytes(), &export.body),
            padding(&header),
        ));
        footer.count(&header, footer.end + header.record_len());
    }
    let parts = headers.iter().zip(entries).flat_map(|((header, padding), Entry { export, .. })| {
        [&header[..], export.tenant.as_bytes(), &export.body, &PADDING[..*padding]]
    });
    group.write(&*active.file, offset, parts)
}

fn record_header(
    Entry { export, hash }: Entry<'_>,
    seq: u64,
    received_at: u64,
    place_in_group: u32,
) -> io::Result<RecordHeader> {
    let body_len = u32::try_from(export.body.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let tenant_len = u16::try_from(export.tenant.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    Ok(RecordHeader {
        checksum: 0,
        body_len,
        seq,
        received_at,
        items: export.items,
        place_in_group,
        signal: export.signal,
        tenant_len,
        request_hash: hash.map_or([0; 16], RequestHash::bytes),
    })
}

/// Zero bytes behind a body, so that the next record stands at a multiple of 8.
fn padding(header: &RecordHeader) -> usize {
    let written = RECORD_HEADER_LEN + usize::from(header.tenant_len) + header.body_len as usize;
    written.next_multiple_of(8) - written
}

/// Whether an error says that there is no room.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether an error says that the process or the system has too many files open, or too little memory: that passes, and
/// says nothing about the disk.
fn is_short_of_means(error: &io::Error) -> bool {
    let means = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
    error.raw_os_error().is_some_and(|number| means.iter().any(|errno| errno.raw_os_error() == number))
}
