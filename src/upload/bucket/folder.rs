//! A folder as the bucket.
//!
//! An object is written to a file without a name, synced, and linked to its name, so nobody ever sees a part of it.
//! It is confirmed only after its name and the names of all folders above it were synced.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Body, BodyError, Bucket, Journal, Kind, PutError, Receipt, Trouble, blocking};
use crate::disk::{Disk, create_folders};
use crate::pack::Object;

/// A folder as the bucket.
#[derive(Clone, Debug)]
pub struct FolderBucket {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    /// Folders whose names this process knows to be durable.
    durable: Arc<Mutex<HashSet<PathBuf>>>,
}

/// Folders that are remembered as durable; an old one that is forgotten is synced once more.
const REMEMBERED_FOLDERS: usize = 1024;

impl FolderBucket {
    /// The folder `root`, which is made by the first put.
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        Self { disk, root, durable: Arc::default() }
    }

    /// Puts an object; blocks the thread.
    ///
    /// # Errors
    /// As [`Bucket::put`].
    pub fn put_blocking(&self, object: &Object, body: &Body) -> Result<Receipt, PutError> {
        let path = self.path_of(&object.key)?;
        let folder = path.parent().unwrap_or(&self.root);
        self.make_durable_folder(folder).map_err(|error| trouble("make the folder of", &path, &error))?;
        let file =
            self.disk.create_unnamed(folder).map_err(|error| trouble("make a file for", &path, &error))?;
        body.copy_to(file.as_ref()).map_err(|error| match error {
            BodyError::Unwritable(error) => trouble("write", &path, &error),
            error => error.into(),
        })?;
        file.sync().map_err(|error| trouble("sync", &path, &error))?;
        let was_there = match file.link(&path) {
            Ok(()) => false,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.confirm_existing(&path, body)?;
                true
            }
            Err(error) => return Err(trouble("name", &path, &error)),
        };
        self.disk.sync_folder(folder).map_err(|error| trouble("sync the folder of", &path, &error))?;
        file.forget_cached();
        Ok(Receipt { etag: Some(object.blake3.clone()), was_there })
    }

    /// Makes sure that the file at `path` is this object and is durable: a process that was killed may have linked it
    /// and not synced its folder, and one of another program may have put anything there.
    fn confirm_existing(&self, path: &Path, body: &Body) -> Result<(), PutError> {
        let existing = self.disk.open(path).map_err(|error| trouble("open the existing", path, &error))?;
        let same = body
            .is_content_of(existing.as_ref())
            .map_err(|error| trouble("read the existing", path, &error))?;
        if !same {
            return Err(PutError::Trouble(Trouble::new(
                Kind::Foreign,
                format!("{} exists with another content; move it away", path.display()),
            )));
        }
        existing.sync().map_err(|error| trouble("sync the existing", path, &error))
    }

    /// Creates `folder`, and makes its name and those of the folders above it durable. Those that exist too: whoever
    /// created them may have died before it synced them.
    fn make_durable_folder(&self, folder: &Path) -> io::Result<()> {
        let known = |path: &Path| self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(path);
        if known(folder) && self.disk.list(folder).is_ok() {
            return Ok(());
        }
        create_folders(self.disk.as_ref(), folder)?;
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() >= REMEMBERED_FOLDERS {
            durable.clear();
        }
        durable.insert(folder.to_path_buf());
        Ok(())
    }

    /// The file of `key`, which must not lead out of the bucket.
    fn path_of(&self, key: &str) -> Result<PathBuf, PutError> {
        if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            let words = format!("the key {key} is no path inside a folder");
            return Err(Trouble::new(Kind::Request, words).into());
        }
        Ok(self.root.join(key))
    }
}

/// Trouble with the disk of the bucket, and what to do about it.
fn trouble(action: &str, path: &Path, error: &io::Error) -> PutError {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull => "; make room on the disk of the bucket",
        io::ErrorKind::PermissionDenied => "; let the user that forebay runs as write there",
        _ => "",
    };
    Trouble::new(Kind::Disk, format!("cannot {action} {}: {error}{hint}", path.display())).into()
}

#[async_trait]
impl Bucket for FolderBucket {
    async fn put(&self, object: &Object, body: &Body, _: &dyn Journal) -> Result<Receipt, PutError> {
        let (bucket, object, body) = (self.clone(), object.clone(), body.clone());
        blocking(move || bucket.put_blocking(&object, &body)).await
    }

    fn memory_of_put(&self, _: u64) -> u64 {
        1 << 20
    }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
