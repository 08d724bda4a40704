//! Files that are ready to become segments: written in full and synced, so that an append changes no metadata and
//! cannot meet a full disk.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::{BLOCK, Blocks, Budget, Disk, File, Use};

use super::error::Error;
use super::segment_id::NUMBER_MAX;

/// Spares beyond this number are removed, not kept.
const KEPT_AT_MOST: usize = 2;
/// How much is written at a time.
const PIECE: usize = 1024 * 1024;

/// A file that is ready to become a segment.
#[derive(Debug)]
pub(super) struct Spare {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn File>,
    pub(super) length: u64,
    pub(super) used: Use,
}

/// The spares of a log, and the rules about room for more.
#[derive(Debug)]
pub(super) struct Spares {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    budget: Arc<Budget>,
    segment_bytes: u64,
    free_space_floor: AtomicU64,
    /// Whether what is written goes past the system's cache.
    is_direct: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Spare>,
    /// One more is being written.
    is_preparing: bool,
    /// The number of the next spare's name.
    next_name: u64,
}

impl Spares {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: &Path,
        budget: Arc<Budget>,
        segment_bytes: u64,
        free_space_floor: u64,
        is_direct: bool,
    ) -> Self {
        let folder = folder.to_owned();
        // Files are made of whole blocks.
        let segment_bytes = segment_bytes.next_multiple_of(BLOCK as u64);
        let free_space_floor = AtomicU64::new(free_space_floor);
        Self { disk, folder, budget, segment_bytes, free_space_floor, is_direct, state: Mutex::default() }
    }

    /// Keeps so many bytes of the disk free from now on.
    pub(super) fn set_free_space_floor(&self, bytes: u64) {
        self.free_space_floor.store(bytes, Ordering::Release);
    }

    pub(super) fn free_space_floor(&self) -> u64 {
        self.free_space_floor.load(Ordering::Acquire)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        if self.is_direct { self.disk.create_direct(path) } else { self.disk.create(path) }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        if self.is_direct { self.disk.open_direct(path) } else { self.disk.open(path) }
    }

    /// Takes over the spares of the process before; what is not whole is removed.
    pub(super) fn recover(&self) -> Result<(), Error> {
        // A process that was killed may have renamed a segment to a spare and not synced that. With a new header, it must
        // not come back under its old name.
        self.disk.sync_folder(&self.folder).map_err(Error::disk("sync", &self.folder))?;
        for entry in self.disk.list(&self.folder).map_err(Error::disk("list", &self.folder))? {
            let path = self.folder.join(&entry.name);
            let number = entry.name.strip_prefix("spare-").and_then(|name| name.strip_suffix(".segment"));
            let number = number.and_then(|number| number.parse().ok());
            if let Some(number) = number.filter(|number| *number <= NUMBER_MAX) {
                self.name_after(number);
                if entry.bytes == self.segment_bytes && self.is_wanted() {
                    let file = self.open(&path).map_err(Error::disk("open", &path))?;
                    self.keep(path, file);
                    continue;
                }
            } else if !entry.name.ends_with(".segment.new") {
                continue;
            }
            self.disk.remove(&path).map_err(Error::disk("remove", &path))?;
        }
        Ok(())
    }

    /// Whether a segment may be begun now: what is used must leave room to pack one, and the disk its free space.
    pub(super) fn may_begin(&self, more_bytes: u64) -> bool {
        let floor = self.free_space_floor();
        let is_floor_kept = floor == 0
            || self.disk.free_bytes(&self.folder).is_ok_and(|free| free >= floor.saturating_add(more_bytes));
        is_floor_kept && self.budget.room_for(more_bytes.saturating_add(self.segment_bytes))
    }

    /// What an operator needs to know when there is no room.
    pub(super) fn no_room(&self, said: Option<io::Error>) -> Error {
        Error::NoRoom {
            segment_bytes: self.segment_bytes,
            used: self.budget.used(),
            budget: self.budget.limit(),
            free: self.disk.free_bytes(&self.folder).unwrap_or(0),
            floor: self.free_space_floor(),
            said,
        }
    }

    /// The usual length of a segment's file.
    pub(super) fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    /// Whether the next segment waits for somebody to make room, and not only for a spare that is being written.
    pub(super) fn lacks_room(&self) -> bool {
        let state = self.lock();
        let is_at_hand = state.is_preparing || !state.ready.is_empty();
        drop(state);
        !self.may_begin(if is_at_hand { 0 } else { self.segment_bytes })
    }

    /// Whether there is no spare.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().ready.is_empty()
    }

    /// Makes one more spare, if there is room for it; says whether it did.
    pub(super) fn prepare(&self) -> io::Result<bool> {
        if !self.may_begin(self.segment_bytes) {
            return Ok(false);
        }
        self.lock().is_preparing = true;
        let made = self.make(self.segment_bytes);
        let mut state = self.lock();
        state.is_preparing = false;
        state.ready.push(made?);
        Ok(true)
    }

    /// A spare of the usual length; `None` if there is no room to use one.
    pub(super) fn take(&self) -> io::Result<Option<Spare>> {
        let ready = self.lock().ready.pop();
        if let Some(spare) = ready {
            if self.may_begin(0) {
                return Ok(Some(spare));
            }
            self.lock().ready.push(spare);
            return Ok(None);
        }
        if !self.may_begin(self.segment_bytes) {
            return Ok(None);
        }
        self.make(self.segment_bytes).map(Some)
    }

    /// A spare for a record that is longer than a segment; `None` if there is no room.
    pub(super) fn take_longer(&self, length: u64) -> io::Result<Option<Spare>> {
        if !self.may_begin(length) {
            return Ok(None);
        }
        self.make(length).map(Some)
    }

    /// Gives a segment's file back, or removes it, and makes that durable.
    pub(super) fn give_back(&self, path: &Path, is_reusable: bool) -> io::Result<()> {
        let file = self.open(path)?;
        if !is_reusable || file.length()? != self.segment_bytes || !self.is_wanted() {
            self.disk.remove(path)?;
            return self.disk.sync_folder(&self.folder);
        }
        let spare = self.folder.join(self.new_name());
        self.disk.rename(path, &spare)?;
        // Until then the file may come back under its old name; it must not have a new life by then.
        self.disk.sync_folder(&self.folder)?;
        self.keep(spare, file);
        Ok(())
    }

    fn keep(&self, path: PathBuf, file: Arc<dyn File>) {
        let used = self.budget.take(self.segment_bytes);
        self.lock().ready.push(Spare { path, file, length: self.segment_bytes, used });
    }

    /// Writes a file in full. It has its final name only once it is synced.
    fn make(&self, length: u64) -> io::Result<Spare> {
        let used = self.budget.take(length);
        let path = self.folder.join(self.new_name());
        let unfinished = path.with_extension("segment.new");
        let file = self.create(&unfinished)?;
        let outcome = fill(&*file, length).and_then(|()| self.disk.rename(&unfinished, &path));
        if let Err(error) = outcome {
            // Its space is wanted elsewhere; what cannot be removed now is removed at the next start.
            let _ = self.disk.remove(&unfinished);
            return Err(error);
        }
        Ok(Spare { path, file, length, used })
    }

    /// Whether one more spare is worth its space.
    fn is_wanted(&self) -> bool {
        self.lock().ready.len() < KEPT_AT_MOST
    }

    /// No name is given again that a file has.
    fn name_after(&self, number: u64) {
        let mut state = self.lock();
        state.next_name = state.next_name.max(number + 1);
    }

    fn new_name(&self) -> String {
        let mut state = self.lock();
        state.next_name += 1;
        format!("spare-{}.segment", state.next_name - 1)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fill(file: &dyn File, length: u64) -> io::Result<()> {
    let zeros = Blocks::zeroed(PIECE);
    let mut at = 0;
    while at < length {
        let piece = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
        file.write_at(&[IoSlice::new(&zeros[..piece])], at)?;
        at += piece as u64;
    }
    file.sync()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SimulatedDisk;

    #[test]
    fn a_spare_is_on_disk_in_full_before_it_is_used() {
        let disk = SimulatedDisk::default();
        let spares =
            Spares::new(Arc::new(disk.clone()), Path::new("/"), Budget::new(1 << 30), 4 << 20, 0, true);
        assert!(spares.prepare().unwrap());
        let spare = spares.take().unwrap().unwrap();
        assert_eq!(spare.file.length().unwrap(), 4 << 20);
        assert_eq!(disk.unsynced_bytes(&spare.path).unwrap(), 0, "its first record would pay for that");
    }

    #[test]
    fn an_unfinished_spare_of_a_killed_process_is_removed() {
        let disk = SimulatedDisk::default();
        disk.create(Path::new("/spare-4.segment.new")).unwrap();
        disk.create(Path::new("/spare-5.segment")).unwrap();
        let spares = Spares::new(Arc::new(disk.clone()), Path::new("/"), Budget::new(1 << 30), 4096, 0, true);
        spares.recover().unwrap();
        assert_eq!(disk.list(Path::new("/")).unwrap(), []);
        assert_eq!(spares.new_name(), "spare-6.segment", "no name is given twice");
    }
}
