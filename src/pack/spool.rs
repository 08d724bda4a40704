//! The spool: the folder in which finished objects wait to be delivered.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::{Batch, BatchId, Object};
use super::error::Error;
use super::names;
use super::object_file::ObjectFile;
use super::survey::{SpoolDamage, Survey, survey};
use crate::disk::{Budget, Disk, Use, create_folders};
use crate::metrics;

/// The finished objects of this data folder. Shared by packing, which adds batches, and by delivery, which removes them;
/// its calls block.
#[derive(Debug)]
pub struct Spool {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) budget: Arc<Budget>,
    /// Whether a manifest was removed by packing, and not durably yet; nothing else is packed before that.
    pub(super) owes_sync: AtomicBool,
    batches: Mutex<BTreeMap<BatchId, Held>>,
}

/// A batch, and what the file of each of its objects uses of the disk budget.
#[derive(Debug)]
struct Held {
    batch: Batch,
    uses: Vec<Use>,
    /// Its manifest is removed; the next start finds at most leftovers.
    is_unlisted: bool,
}

impl Spool {
    /// Opens the spool in `folder`, creating it if need be. Returns the batches that are to be delivered, oldest first,
    /// and what is damaged; the caller reports that.
    ///
    /// Remains of packings that were not committed and of batches that were delivered are removed. Damaged files are
    /// kept under names that end in `.damaged`. The lengths of objects are checked, their hashes are not: that would read
    /// the whole backlog.
    ///
    /// # Errors
    /// [`Error::NewerManifest`], [`Error::Disk`].
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        budget: Arc<Budget>,
    ) -> Result<(Self, Vec<Batch>, Vec<SpoolDamage>), Error> {
        metrics::pack::register();
        create_folders(&*disk, &folder).map_err(Error::disk("create", &folder))?;
        // A process that was killed may have renamed or removed a manifest without syncing the folder. What is seen here
        // is acted upon (segments are recycled, leftovers removed), so it must be what is there after a power loss.
        disk.sync_folder(&folder).map_err(Error::disk("sync", &folder))?;
        let found = survey(&*disk, &folder)?;
        let spool =
            Self { disk, folder, budget, owes_sync: AtomicBool::new(false), batches: Mutex::default() };
        spool.keep_damaged(&found)?;
        for name in &found.leftovers {
            spool.remove_file(name)?;
        }
        for batch in &found.batches {
            let uses = batch.objects.iter().map(|object| spool.budget.take(object.bytes)).collect();
            spool.hold(batch.clone(), uses);
        }
        Ok((spool, found.batches, found.damage))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The disk budget of which its files are a part.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// The batches that are to be delivered, oldest first.
    pub fn batches(&self) -> Vec<Batch> {
        self.lock().values().map(|held| held.batch.clone()).collect()
    }

    /// This batch, if it is packed and not yet removed.
    pub fn batch(&self, id: &BatchId) -> Option<Batch> {
        self.lock().get(id).map(|held| held.batch.clone())
    }

    /// Opens an object for reading.
    ///
    /// # Errors
    /// [`Error::Damaged`] if its file is missing, [`Error::Disk`].
    pub fn open_object(&self, object: &Object) -> Result<ObjectFile, Error> {
        ObjectFile::open(&*self.disk, &self.folder, object)
    }

    /// Removes a batch whose objects are all delivered (or dropped by a policy). Once its manifest is durably gone, the
    /// batch does not come back; after an error call it again.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn remove(&self, batch: &Batch) -> Result<(), Error> {
        let id = batch.id();
        if !self.lock().contains_key(&id) {
            return Ok(());
        }
        self.remove_file(&names::manifest(&id))?;
        if let Some(held) = self.lock().get_mut(&id) {
            held.is_unlisted = true;
        }
        // A manifest that came back after a power loss, without its objects, would report them as lost.
        self.sync_folder()?;
        // These removals need no sync: an object file that comes back without a manifest is removed at the next start.
        for object in &batch.objects {
            self.remove_file(&object.file)?;
        }
        let held = self.lock().remove(&id);
        drop(held);
        Ok(())
    }

    /// Whether removing a batch has come so far that the next start may find nothing of it, although it failed.
    pub fn is_half_removed(&self, id: &BatchId) -> bool {
        self.lock().get(id).is_some_and(|held| held.is_unlisted)
    }

    /// Takes an object out of its batch whose bytes are not those that were packed, and keeps its file under a name that
    /// ends in `.damaged`. Returns what is left of the batch; a batch without objects is still to be removed.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn set_aside(&self, batch: &Batch, object: &Object, reason: &str) -> Result<Batch, Error> {
        self.keep_as_damaged(&object.file)?;
        // Without it a power loss after the batch was removed could leave the file as a leftover, to be deleted.
        self.sync_folder()?;
        metrics::pack::object_damaged(object.signal);
        let kept = self.folder.join(names::damaged(&object.file));
        tracing::error!(
            key = object.key, items = object.items, reason, kept = %kept.display(),
            "a packed object is damaged and will not be delivered"
        );
        let mut left = batch.clone();
        left.objects.retain(|other| other.file != object.file);
        let mut batches = self.lock();
        let used = batches.get_mut(&batch.id()).and_then(|held| {
            let place = held.batch.objects.iter().position(|other| other.file == object.file)?;
            held.batch.objects.remove(place);
            Some(held.uses.remove(place))
        });
        drop(batches);
        drop(used);
        Ok(left)
    }

    /// Counts a batch among those to be delivered, once its manifest is durable. `uses` go with its objects.
    pub(super) fn hold(&self, batch: Batch, uses: Vec<Use>) {
        self.lock().insert(batch.id(), Held { batch, uses, is_unlisted: false });
    }

    /// The path of a file in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Removes a file's name. Returns whether there was one.
    pub(super) fn remove_file(&self, name: &str) -> Result<bool, Error> {
        let path = self.path(name);
        match self.disk.remove(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::disk("remove", &path)(error)),
        }
    }

    /// Makes the names in the folder durable.
    pub(super) fn sync_folder(&self) -> Result<(), Error> {
        self.disk.sync_folder(&self.folder).map_err(Error::disk("sync", &self.folder))
    }

    /// Gives damaged files the names under which they are kept.
    fn keep_damaged(&self, found: &Survey) -> Result<(), Error> {
        for damage in &found.damage {
            match damage {
                SpoolDamage::Object { object, .. } => metrics::pack::object_damaged(object.signal),
                SpoolDamage::Manifest { .. } => metrics::pack::manifest_damaged(),
            }
        }
        for name in &found.damaged_objects {
            self.keep_as_damaged(name)?;
        }
        if !found.damaged_objects.is_empty() {
            // An object file that lost its manifest before it durably has its new name would pass for a leftover.
            self.sync_folder()?;
        }
        for name in &found.damaged_manifests {
            self.keep_as_damaged(name)?;
        }
        Ok(())
    }

    /// Keeps a file in the folder under another name: that works on a full disk, and with sectors that cannot be read.
    fn keep_as_damaged(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        match self.disk.rename(&path, &self.path(&names::damaged(name))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::disk("rename", &path)(error)),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BatchId, Held>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
