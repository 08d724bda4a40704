//! A folder of small files, each written whole and never changed.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use super::error::Error;
use super::hour::short_hash;
use crate::disk::{Disk, create_folders, is_bad_sector};
use crate::metrics::upload as metrics;

/// What a file is called until its content is durable.
const NEW: &str = ".new";
/// What is appended to the name of a file that is not what was written.
const DAMAGED: &str = ".damaged";

/// A folder of small files.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
}

impl Folder {
    /// Opens the folder and creates it if need be; removes what was not finished. What it has is durable then.
    pub(super) fn open(disk: Arc<dyn Disk>, path: PathBuf) -> Result<Self, Error> {
        create_folders(&*disk, &path).map_err(Error::disk("create", &path))?;
        let folder = Self { disk, path };
        // A process that was killed may have renamed or removed files without syncing. What is seen here is acted upon.
        folder.sync()?;
        for name in folder.names()?.iter().filter(|name| name.ends_with(NEW)) {
            folder.remove(name)?;
        }
        Ok(folder)
    }

    /// The names of its files, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>, Error> {
        let entries = self.disk.list(&self.path).map_err(Error::disk("list", &self.path))?;
        Ok(entries.into_iter().filter(|entry| !entry.is_folder).map(|entry| entry.name).collect())
    }

    /// Writes a file; its name is durable once the folder is synced, and its content is by then. May be repeated.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let new = self.path.join(format!("{name}{NEW}"));
        self.remove(&format!("{name}{NEW}"))?;
        let write = || {
            let file = self.disk.create(&new)?;
            file.write_at(&[IoSlice::new(content)], 0)?;
            file.sync()?;
            self.disk.rename(&new, &self.path.join(name))
        };
        write().map_err(Error::disk("write", &new))
    }

    /// Reads a file whose name carries `hash`; nothing if it is not there, or if it is not what was written: then it is
    /// kept under another name.
    pub(super) fn read(&self, name: &str, hash: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.read_any(name) {
            Ok(Some(content)) if short_hash(&content) == hash => return Ok(Some(content)),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(error) if is_bad_sector(&error) => {}
            Err(error) => return Err(Error::disk("read", &self.path.join(name))(error)),
        }
        self.keep_damaged(name)?;
        Ok(None)
    }

    /// Keeps a file that is not what was written under another name.
    fn keep_damaged(&self, name: &str) -> Result<(), Error> {
        let (path, kept) = (self.path.join(name), self.path.join(format!("{name}{DAMAGED}")));
        self.disk.rename(&path, &kept).map_err(Error::disk("rename", &path))?;
        metrics::receipts_damaged(1);
        tracing::error!(kept = %kept.display(), "a receipt is damaged: what it lists will be in no list");
        Ok(())
    }

    /// Reads a file; nothing if it is not there.
    pub(super) fn read_any(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match self.disk.open(&self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut content = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
        file.read_at(&mut content, 0)?;
        Ok(Some(content))
    }

    /// Removes a file; that is durable once the folder is synced.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        match self.disk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::disk("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Makes its names durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.disk.sync_folder(&self.path).map_err(Error::disk("sync", &self.path))
    }
}
