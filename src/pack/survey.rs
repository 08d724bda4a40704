//! What lies in the spool's folder. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::batch::{Batch, BatchId, Object};
use super::error::Error;
use super::manifest::{self, Unreadable};
use super::names;
use crate::disk::{Disk, is_bad_sector};

/// What lies in the spool's folder.
#[derive(Debug, Default)]
pub struct Survey {
    /// The batches that have a manifest, oldest first, with those of their objects that are there in full length.
    pub batches: Vec<Batch>,
    /// What a manifest promises and the folder does not hold.
    pub damage: Vec<SpoolDamage>,
    /// Names of files of which nothing is to be expected: remains of a packing that was not committed, or of objects
    /// that were delivered.
    pub(super) leftovers: Vec<String>,
    /// Names of damaged objects, to be kept under another name.
    pub(super) damaged_objects: Vec<String>,
    /// Names of manifests that are damaged or have no object left, to be kept under another name.
    pub(super) damaged_manifests: Vec<String>,
}

/// Something in the spool that cannot be delivered. Its files are kept, under names that end in `.damaged`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpoolDamage {
    /// A manifest cannot be read: which objects are to be delivered, and under which keys, is not known.
    Manifest {
        /// Its batch.
        batch: BatchId,
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The files of objects of this batch, which may be whole.
        objects: Vec<String>,
    },
    /// An object is not there, or not in full length.
    Object {
        /// Its batch.
        batch: BatchId,
        /// What the manifest says of it: so many items are lost.
        object: Object,
        /// What is wrong with it.
        reason: String,
    },
}

impl SpoolDamage {
    /// The batch of which something is damaged.
    pub fn batch(&self) -> &BatchId {
        match self {
            Self::Manifest { batch, .. } | Self::Object { batch, .. } => batch,
        }
    }
}

impl fmt::Display for SpoolDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest { batch, path, reason, objects } => write!(
                f,
                "the manifest {} of batch {batch} is damaged: {reason}; it and {} files of objects are kept as \
                 *.damaged and not delivered",
                path.display(),
                objects.len()
            ),
            Self::Object { batch, object, reason } => write!(
                f,
                "the object {} of batch {batch} with {} items ({}) is damaged: {reason}; what is there of {} is \
                 kept as *.damaged and not delivered",
                object.key, object.items, object.signal, object.file
            ),
        }
    }
}

/// Looks into the spool's folder of a process that has stopped; there is nothing in one that does not exist.
///
/// # Errors
/// [`Error::NewerManifest`], [`Error::Disk`].
pub fn survey(disk: &dyn Disk, folder: &Path) -> Result<Survey, Error> {
    let entries = match disk.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Survey::default()),
        listed => listed.map_err(Error::disk("list", folder))?,
    };
    let files: BTreeMap<String, u64> = entries.into_iter().map(|entry| (entry.name, entry.bytes)).collect();
    let mut survey = Survey::default();
    let mut listed: Vec<_> = files.keys().filter_map(|name| names::batch_of_manifest(name)).collect();
    listed.sort();
    let mut wanted = BTreeSet::new();
    for batch in listed {
        let path = folder.join(names::manifest(&batch));
        match read_manifest(disk, &path, &batch)? {
            Ok(promised) => {
                wanted.extend(promised.objects.iter().map(|object| object.file.clone()));
                survey.add(promised, &files);
            }
            Err(reason) => {
                let objects: Vec<_> = objects_of(&batch, &files).cloned().collect();
                wanted.extend(objects.iter().cloned());
                survey.damaged_objects.extend(objects.iter().cloned());
                survey.damaged_manifests.push(names::manifest(&batch));
                survey.damage.push(SpoolDamage::Manifest { batch, path, reason, objects });
            }
        }
    }
    let ours = |name: &&String| names::batch_of_object(name).is_some() || names::is_staged_manifest(name);
    survey.leftovers = files.keys().filter(ours).filter(|name| !wanted.contains(*name)).cloned().collect();
    Ok(survey)
}

impl Survey {
    /// Divides what the manifest of `batch` promises into what is there and what is not.
    fn add(&mut self, mut batch: Batch, files: &BTreeMap<String, u64>) {
        let id = batch.id();
        let mut lost = Vec::new();
        batch.objects.retain(|object| match files.get(&object.file) {
            // What is behind its end is not part of it. Whether the rest is right is checked when it is put.
            Some(bytes) if *bytes >= object.bytes => true,
            Some(bytes) => {
                self.damaged_objects.push(object.file.clone());
                lost.push((object.clone(), format!("it is {bytes} bytes long, not {}", object.bytes)));
                false
            }
            None => {
                // What was kept as damaged before was reported and counted then.
                if !files.contains_key(&names::damaged(&object.file)) {
                    lost.push((object.clone(), "its file is missing".into()));
                }
                false
            }
        });
        self.damage.extend(lost.into_iter().map(|(object, reason)| SpoolDamage::Object {
            batch: id.clone(),
            object,
            reason,
        }));
        if batch.objects.is_empty() {
            self.damaged_manifests.push(names::manifest(&id));
        } else {
            self.batches.push(batch);
        }
    }
}

fn objects_of<'a>(batch: &BatchId, files: &'a BTreeMap<String, u64>) -> impl Iterator<Item = &'a String> {
    files.keys().filter(move |name| names::batch_of_object(name).as_ref() == Some(batch))
}

/// A manifest is far smaller; what is larger is none.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// Reads a manifest; the inner error is the reason why it counts as damaged.
fn read_manifest(disk: &dyn Disk, path: &Path, id: &BatchId) -> Result<Result<Batch, String>, Error> {
    let file = disk.open(path).map_err(Error::disk("open", path))?;
    let bytes = file.length().map_err(Error::disk("read", path))?;
    if bytes > MANIFEST_BYTES_MAX {
        return Ok(Err(format!("it is {bytes} bytes long")));
    }
    let mut content = vec![0; usize::try_from(bytes).unwrap_or_default()];
    match file.read_at(&mut content, 0) {
        Ok(()) => {}
        // One bad sector must not keep everything else from being delivered.
        Err(error) if is_bad_sector(&error) => {
            return Ok(Err(error.to_string()));
        }
        Err(error) => return Err(Error::disk("read", path)(error)),
    }
    match manifest::decode(&content) {
        Ok(batch) if batch.id() == *id => Ok(Ok(batch)),
        Ok(batch) => Ok(Err(format!("it is that of batch {}", batch.id()))),
        Err(Unreadable::Damaged(reason)) => Ok(Err(reason)),
        Err(Unreadable::Newer(reason)) => Err(Error::NewerManifest { path: path.to_owned(), reason }),
    }
}
