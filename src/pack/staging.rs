//! The files of a batch while it is packed, until its manifest is committed.

use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::batch::{Batch, BatchId};
use super::error::Error;
use super::object_writer::Finished;
use super::spool::Spool;
use super::spool_file::SpoolFile;
use super::{manifest, names};
use crate::disk::{create_folders, replace_file};
use crate::log::Record;
use crate::otlp::Signal;

/// The object files of a batch that has no manifest.
#[derive(Debug)]
pub(super) struct Staging<'a> {
    spool: &'a Spool,
    batch: BatchId,
    /// The names of the files of all objects so far.
    files: Vec<String>,
    created: usize,
}

/// The file of an object, empty and open.
pub(super) struct StagedFile {
    /// Counts the objects of the batch, from 0.
    pub(super) number: usize,
    /// Its name in the spool's folder.
    pub(super) name: String,
    /// The name with the folder.
    pub(super) path: PathBuf,
    /// What is written to it.
    pub(super) content: SpoolFile,
}

impl<'a> Staging<'a> {
    /// Begins, or begins again after an error.
    pub(super) fn begin(spool: &'a Spool, batch: BatchId) -> Result<Self, Error> {
        // A commit that failed in its last sync left a manifest of which nobody knows whether it is durable. It must be
        // gone before the first of its objects is, also if an attempt before this one could not make it so.
        if spool.remove_file(&names::manifest(&batch))? {
            spool.owes_sync.store(true, Ordering::Relaxed);
        }
        if spool.owes_sync.load(Ordering::Relaxed) {
            spool.sync_folder()?;
            spool.owes_sync.store(false, Ordering::Relaxed);
        }
        Ok(Self { spool, batch, files: Vec::new(), created: 0 })
    }

    /// Creates the file of the next object, in the place of a leftover of the same name.
    pub(super) fn create(&mut self, signal: Signal) -> Result<StagedFile, Error> {
        let number = self.created;
        self.created += 1;
        let name = names::object(&self.batch, number, signal);
        self.spool.remove_file(&name)?;
        let path = self.spool.path(&name);
        let file = self.spool.disk.create(&path).map_err(Error::disk("create", &path))?;
        self.files.push(name.clone());
        Ok(StagedFile { number, name, path, content: SpoolFile::new(file, self.spool.budget.take(0)) })
    }

    /// Removes the file of an object that was not finished.
    pub(super) fn abandon(&mut self, name: &str) -> Result<(), Error> {
        self.files.retain(|file| file != name);
        self.spool.remove_file(name).map(drop)
    }

    /// Keeps the body of a record that cannot be encoded in the folder `damaged` beside the spool, durably.
    pub(super) fn keep_record(&self, record: &Record) -> Result<PathBuf, Error> {
        let folder = self.spool.folder.with_file_name("damaged");
        create_folders(&*self.spool.disk, &folder).map_err(Error::disk("create", &folder))?;
        let path = folder.join(format!("{}-{}.{}.binpb", self.batch, record.seq, record.signal));
        replace_file(&*self.spool.disk, &path, &record.body).map_err(Error::disk("write", &path))?;
        Ok(path)
    }

    /// Writes the manifest of these objects, whose contents are durable. Once this returns, the segment is packed for this
    /// output.
    ///
    /// After an error nothing is left, unless it came so late that the manifest may be durable; then everything is there
    /// for the next start, or for [`Staging::begin`], to decide.
    pub(super) fn commit(self, mut finished: Vec<Finished>) -> Result<Batch, Error> {
        finished.sort_by_key(|finished| finished.number);
        let (objects, uses) = finished.into_iter().map(|finished| (finished.object, finished.used)).unzip();
        let batch = Batch { segment: self.batch.segment, output: self.batch.output.clone(), objects };
        if batch.objects.is_empty() {
            return Ok(batch);
        }
        if let Err(error) = self.stage_manifest(&batch) {
            self.discard();
            return Err(error);
        }
        let path = self.spool.path(&names::manifest(&self.batch));
        let staged = self.spool.path(&names::staged_manifest(&self.batch));
        self.spool.disk.rename(&staged, &path).map_err(Error::disk("rename", &staged))?;
        // From here on the segment may be recycled.
        self.spool.sync_folder()?;
        self.spool.hold(batch.clone(), uses);
        Ok(batch)
    }

    /// Removes everything, after an error.
    pub(super) fn discard(self) {
        let staged = names::staged_manifest(&self.batch);
        for name in self.files.iter().chain([&staged]) {
            // What cannot be removed now is removed by the next packing or the next start.
            let _ = self.spool.remove_file(name);
        }
    }

    fn stage_manifest(&self, batch: &Batch) -> Result<(), Error> {
        let name = names::staged_manifest(&self.batch);
        self.spool.remove_file(&name)?;
        let path = self.spool.path(&name);
        let file = self.spool.disk.create(&path).map_err(Error::disk("create", &path))?;
        let content = manifest::encode(batch);
        file.write_at(&[IoSlice::new(&content)], 0).map_err(Error::disk("write", &path))?;
        file.sync().map_err(Error::disk("sync", &path))?;
        // The rename may be durable before it is synced: by then the names of the objects must be.
        self.spool.sync_folder()
    }
}
