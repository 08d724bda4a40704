//! Segments that are full: what is packed next.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, File, is_bad_sector};
use crate::otlp::Signal;

use super::error::Error;
use super::format::{FOOTER_LEN, FileHeader, Footer};
use super::record::{Damage, Item, Record};
use super::scan::{Scan, Step};
use super::segment_id::SegmentId;
use super::window::Unreadable;

/// A segment that takes no more records.
#[derive(Clone, Debug)]
pub struct SealedSegment {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
    pub(super) header: FileHeader,
    pub(super) footer: Footer,
    /// Whether its file may serve again; not after a write or a sync of it failed.
    pub(super) is_reusable: bool,
}

impl SealedSegment {
    /// Its number.
    pub fn id(&self) -> SegmentId {
        self.header.id
    }

    /// The id of the data folder that filled it, as eight hexadecimal digits.
    pub fn writer(&self) -> String {
        format!("{:08x}", self.header.writer)
    }

    /// The JSON text of the packing options under which it was filled.
    pub fn packing(&self) -> &str {
        &self.header.packing
    }

    /// Records in it.
    pub fn record_count(&self) -> u64 {
        self.footer.records
    }

    /// Log records, data points, spans and profiles in it, by [`Signal::index`].
    pub fn items(&self) -> [u64; Signal::COUNT] {
        self.footer.items
    }

    /// Bytes of its records' bodies.
    pub fn payload_bytes(&self) -> u64 {
        self.footer.payload_bytes
    }

    /// When its first record was received, in nanoseconds since 1970.
    pub fn first_received_at(&self) -> u64 {
        self.footer.first_received_at
    }

    /// When its last record was received, in nanoseconds since 1970.
    pub fn last_received_at(&self) -> u64 {
        self.footer.last_received_at
    }

    /// Bytes that its file takes up.
    pub fn file_bytes(&self) -> u64 {
        self.header.length
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its records, from first to last, with what could not be read between them. Takes little memory, whatever the
    /// segment's size.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn records(&self, unreadable: Unreadable) -> Result<Records, Error> {
        let file = self.disk.open(&self.path).map_err(Error::disk("open", &self.path))?;
        let scan = Scan::new(
            Arc::clone(&file),
            self.header.salt,
            self.header.first_seq,
            self.footer.end,
            unreadable,
        );
        Ok(Records { segment: self.clone(), file, scan, is_over: false, found: 0, damage: Vec::new() })
    }
}

/// The records of a sealed segment, one after the other.
#[derive(Debug)]
pub struct Records {
    segment: SealedSegment,
    file: Arc<dyn File>,
    scan: Scan,
    is_over: bool,
    found: u64,
    damage: Vec<Damage>,
}

impl Records {
    /// How many records were lost since the segment was sealed, once the iteration is over.
    pub fn lost(&self) -> u64 {
        self.segment.footer.records.saturating_sub(self.found)
    }

    /// The ranges that could not be read.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The file is not read again soon.
    pub fn forget_cached(&self) {
        self.file.forget_cached();
    }

    fn step(&mut self) -> Result<Option<Item>, Error> {
        match self.scan.step().map_err(Error::disk("read", &self.segment.path))? {
            Some(Step::Record(found)) => {
                self.found += 1;
                Ok(Some(Item::Record(Record {
                    seq: found.header.seq,
                    signal: found.header.signal,
                    received_at: found.header.received_at,
                    items: found.header.items,
                    tenant: String::from_utf8_lossy(&found.tenant).into_owned(),
                    body: found.body,
                })))
            }
            Some(Step::Gap(gap)) => Ok(Some(self.gap(gap))),
            None => {
                self.is_over = true;
                let (from, first_seq) = (self.scan.at(), self.scan.expected());
                let records_lost = self.segment.footer.next_seq.saturating_sub(first_seq);
                let rest = Damage { from, to: self.segment.footer.end, first_seq, records_lost };
                Ok((records_lost > 0).then(|| self.gap(rest)))
            }
        }
    }

    fn gap(&mut self, damage: Damage) -> Item {
        self.damage.push(damage.clone());
        Item::Damage(damage)
    }
}

impl Iterator for Records {
    type Item = Result<Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let outcome = self.step().transpose();
        self.is_over |= matches!(outcome, Some(Err(_)));
        outcome
    }
}

/// The name of a segment's file.
pub(super) fn file_name(id: SegmentId) -> String {
    format!("{id}.segment")
}

/// Reads the footer at the end of a file of this length; `None` if there is none, or if its sector cannot be read: what
/// it says can be found by reading the records.
pub(super) fn read_footer(file: &dyn File, header: &FileHeader) -> io::Result<Option<Footer>> {
    let mut bytes = [0; FOOTER_LEN];
    if file.length()? < header.length {
        return Ok(None);
    }
    match file.read_at(&mut bytes, header.length - FOOTER_LEN as u64) {
        Ok(()) => Ok(Footer::decode(&bytes, header)),
        Err(error) if is_bad_sector(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
