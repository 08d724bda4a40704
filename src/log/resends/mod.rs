//! Recognises requests that were stored already: a client that did not get its answer sends the same bytes again.
//!
//! Two requests are the same if signal, tenant and body are, to the last byte, and if the body has a moment in it: what
//! says nothing about when it was may well be said twice. What identifies a request is a hash of 128 bits that stands in
//! the header of its record, so it is durable together with it, and found again after a kill. When a segment is sealed, the
//! hashes in it are also written to a file of their own ([`file`]), which stays when the segment is packed and gone.
//!
//! Requests are remembered for as long as `receive.resend_window` says, and no more than [`REMEMBERED_MAX`] of them: about
//! 15 MiB of memory, and on disk as much and what one segment holds.

mod file;
mod hash;
mod known;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;

use self::known::Known;
use super::error::Error;
use super::scan::{Scan, Step};
use super::sealed::SealedSegment;
use super::segment_id::SegmentId;
use super::window::Unreadable;

pub(super) use self::hash::{Hasher, RequestHash};

/// How many requests are remembered at most; of more within the window, the last.
pub(super) const REMEMBERED_MAX: usize = 1 << 18;

/// A request that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    hash: RequestHash,
    /// In nanoseconds since 1970.
    received_at: u64,
}

/// The requests that were stored lately.
#[derive(Debug)]
pub(super) struct Resends {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// For how long a request is remembered, in nanoseconds.
    window: u64,
    known: Known,
    /// How many of those known last are in no file yet.
    unwritten: usize,
    /// The files, oldest first.
    files: VecDeque<Written>,
}

/// A file of hashes.
#[derive(Debug)]
struct Written {
    path: PathBuf,
    requests: usize,
    /// When the last of them was received, in nanoseconds since 1970.
    last_received_at: u64,
}

impl Resends {
    /// Reads what the process before remembered: the files in `folder`, and the records of those of `segments`, oldest
    /// first, that have none.
    ///
    /// # Errors
    /// If the folder or a segment cannot be read.
    pub(super) fn open<'a>(
        disk: &Arc<dyn Disk>,
        folder: &Path,
        window: u64,
        segments: impl Iterator<Item = &'a SealedSegment>,
        now: u64,
    ) -> Result<Self, Error> {
        let mut resends = Self {
            disk: Arc::clone(disk),
            folder: folder.to_owned(),
            window,
            known: Known::default(),
            unwritten: 0,
            files: VecDeque::new(),
        };
        let mut sources: BTreeMap<SegmentId, Option<&SealedSegment>> =
            segments.map(|segment| (segment.id(), Some(segment))).collect();
        for id in file::list(&**disk, folder).map_err(Error::disk("list", folder))? {
            sources.entry(id).or_default();
        }
        for (id, segment) in sources {
            resends.recover(id, segment, now)?;
        }
        Ok(resends)
    }

    /// Remembers what is in the file of a segment, or in the segment itself if there is no file, or a damaged one.
    fn recover(&mut self, id: SegmentId, segment: Option<&SealedSegment>, now: u64) -> Result<(), Error> {
        let path = file::path(&self.folder, id);
        let written = file::read(&*self.disk, &path).map_err(Error::disk("read", &path))?;
        if let Some(requests) = &written {
            self.remember_all(requests, now);
            self.note_file(path, requests);
        } else if let Some(segment) = segment.filter(|segment| self.is_fresh(segment.last_received_at(), now))
        {
            let requests = requests_in(segment)?;
            self.remember_all(&requests, now);
            self.write(id);
        } else {
            // One that is damaged, if there is any.
            self.remove(&path);
        }
        self.remove_old_files(now);
        Ok(())
    }

    /// Whether a request with this hash is stored.
    pub(super) fn knows(&mut self, hash: RequestHash, now: u64) -> bool {
        self.known.forget_before(now.saturating_sub(self.window));
        self.known.contains(hash)
    }

    /// Says of each request of a group whether it is neither stored nor the same as one before it in the group.
    pub(super) fn tell_new(
        &mut self,
        group: impl Iterator<Item = Option<RequestHash>>,
        now: u64,
    ) -> Vec<bool> {
        let mut before = HashSet::new();
        let mut is_new = |hash: RequestHash| !self.knows(hash, now) && before.insert(hash);
        group.map(|hash| hash.is_none_or(&mut is_new)).collect()
    }

    /// Remembers a request that is durable.
    pub(super) fn remember(&mut self, hash: RequestHash, received_at: u64) {
        if self.known.add(Seen { hash, received_at }) {
            self.unwritten += 1;
        }
    }

    /// Writes down what was remembered since the last call: the active segment, which this is the number of, was sealed.
    pub(super) fn sealed(&mut self, id: SegmentId, now: u64) {
        self.write(id);
        self.remove_old_files(now);
    }

    /// A failure to write costs no data: a client that sends again, and only after a restart, makes a duplicate.
    fn write(&mut self, id: SegmentId) {
        let requests = self.known.last(std::mem::take(&mut self.unwritten));
        if requests.is_empty() {
            return;
        }
        let path = file::path(&self.folder, id);
        match file::write(&*self.disk, &path, &requests) {
            Ok(()) => self.note_file(path, &requests),
            Err(error) => tracing::warn!(
                %error, file = %path.display(),
                "cannot write down which requests were stored; after a restart they are taken in again if they come again"
            ),
        }
    }

    fn remember_all(&mut self, requests: &[Seen], now: u64) {
        for seen in requests {
            if self.is_fresh(seen.received_at, now) {
                self.remember(seen.hash, seen.received_at);
            }
        }
    }

    fn note_file(&mut self, path: PathBuf, requests: &[Seen]) {
        self.unwritten = 0;
        let last_received_at = requests.iter().map(|seen| seen.received_at).max().unwrap_or(0);
        self.files.push_back(Written { path, requests: requests.len(), last_received_at });
    }

    fn is_fresh(&self, received_at: u64, now: u64) -> bool {
        received_at >= now.saturating_sub(self.window)
    }

    /// Removes the files of which nothing is remembered any more.
    fn remove_old_files(&mut self, now: u64) {
        let mut behind: usize = self.files.iter().map(|file| file.requests).sum();
        while let Some(first) = self.files.front() {
            behind -= first.requests;
            if behind < REMEMBERED_MAX && self.is_fresh(first.last_received_at, now) {
                return;
            }
            self.remove(&first.path);
            self.files.pop_front();
        }
    }

    fn remove(&self, path: &Path) {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // It is found again at the next start.
                tracing::warn!(%error, file = %path.display(), "cannot remove a file of stored requests");
            }
            _ => {}
        }
    }
}

/// The requests in a segment that have a hash.
fn requests_in(segment: &SealedSegment) -> Result<Vec<Seen>, Error> {
    let read = || {
        let file = segment.disk.open(&segment.path)?;
        let (salt, first_seq) = (segment.header.salt, segment.header.first_seq);
        let mut scan = Scan::new(file, salt, first_seq, segment.footer.end, Unreadable::Skip);
        let mut requests = Vec::new();
        while let Some(step) = scan.step()? {
            if let Step::Record(found) = step
                && let Some(hash) = RequestHash::read(found.header.request_hash)
            {
                requests.push(Seen { hash, received_at: found.header.received_at });
            }
        }
        Ok(requests)
    };
    read().map_err(Error::disk("read", &segment.path))
}
