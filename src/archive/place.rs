//! Where there is something to read back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::piece::{Kind, Piece};
use crate::app::Paths;
use crate::disk::{Disk, RealDisk};
use crate::pack;
use crate::upload::bucket::StoredObjects;
use crate::upload::{Destination, Environment, Options};

/// Where there is something to read back.
#[derive(Debug)]
pub enum Place {
    /// One file: an object, or a segment of a log.
    File(PathBuf),
    /// A folder of objects.
    Folder(PathBuf),
    /// The data folder of a forebay.
    DataFolder(PathBuf),
    /// A bucket, or what lies below a prefix in it.
    Store(StoredObjects),
}

impl Place {
    /// The place that `written` names: a path, or a URL as `upload.to` has it. `options` is how its store is reached.
    ///
    /// # Errors
    /// If there is nothing, or the settings are wrong.
    pub fn of(written: &str, options: &Options) -> anyhow::Result<Self> {
        let path = match written.split_once("://") {
            None => PathBuf::from(written),
            Some(_) => match Destination::parse(written)
                .map_err(|why| anyhow::anyhow!("{}", named(&why, written)))?
            {
                Destination::Folder { path } => path,
                store => {
                    let opened = StoredObjects::open(options, &store, &Environment::of_process());
                    return Ok(Self::Store(opened.map_err(anyhow::Error::msg)?));
                }
            },
        };
        let found = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let paths = Paths::new(&path);
        Ok(match found.is_dir() {
            false => Self::File(path),
            true if paths.log().is_dir() && paths.spool().is_dir() => Self::DataFolder(path),
            true => Self::Folder(path),
        })
    }

    /// The store, if it is one.
    pub const fn store(&self) -> Option<&StoredObjects> {
        match self {
            Self::Store(store) => Some(store),
            _ => None,
        }
    }

    /// All that is there, in the order in which it was received. Blocks the thread, which must not be one of the runtime's.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub fn pieces(&self, runtime: &Handle) -> anyhow::Result<Vec<Piece>> {
        let mut found = Found::default();
        match self {
            Self::File(path) => found.file(path)?,
            Self::Folder(path) => found.folder(path)?,
            Self::DataFolder(path) => found.data_folder(&Paths::new(path))?,
            Self::Store(store) => {
                for object in runtime.block_on(store.list()).map_err(anyhow::Error::msg)? {
                    found.0.extend(Piece::object(object.key, object.bytes, Kind::Stored));
                }
            }
        }
        // What has no time in its name comes first, in the order of names.
        let Found(mut pieces) = found;
        pieces.sort_by(|one, other| {
            one.received_at.cmp(&other.received_at).then_with(|| one.name.cmp(&other.name))
        });
        Ok(pieces)
    }
}

/// A sentence about `upload.to`, for somebody who wrote the place elsewhere.
fn named(why: &str, written: &str) -> String {
    why.replacen(&format!("upload.to is {written}; it must be"), &format!("{written} is no place; write"), 1)
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found(Vec<Piece>);

impl Found {
    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let bytes = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
        let name = path.display().to_string();
        match Piece::object(name, bytes, |reading| Kind::File(path.to_owned(), reading)) {
            Some(object) => self.0.push(object),
            None => self.segments(path.parent().unwrap_or(Path::new(".")), |segment| segment == path)?,
        }
        if self.0.is_empty() {
            bail!("{} is neither an object of forebay's nor a segment of its log", path.display());
        }
        Ok(())
    }

    fn folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot read {}", folder.display());
        for entry in fs::read_dir(folder).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let (path, found) = (entry.path(), entry.metadata().with_context(cannot)?);
            if found.is_dir() {
                self.folder(&path)?;
            } else {
                let name = path.display().to_string();
                self.0.extend(Piece::object(name, found.len(), |reading| Kind::File(path, reading)));
            }
        }
        Ok(())
    }

    /// The segments of the log, and what was packed and is not delivered.
    fn data_folder(&mut self, paths: &Paths) -> anyhow::Result<()> {
        self.segments(&paths.log(), |_| true)?;
        let in_log: BTreeSet<_> = self
            .0
            .iter()
            .filter_map(|piece| match &piece.kind {
                Kind::Segment(segment) => Some(segment.id()),
                _ => None,
            })
            .collect();
        let spool = pack::survey(&RealDisk, &paths.spool())?;
        // A batch whose segment is still there is in it as well.
        for batch in spool.batches.iter().filter(|batch| !in_log.contains(&batch.segment)) {
            for object in &batch.objects {
                let path = paths.spool().join(&object.file);
                let found =
                    Piece::object(object.key.clone(), object.bytes, |reading| Kind::File(path, reading));
                self.0.extend(found);
            }
        }
        Ok(())
    }

    fn segments(&mut self, folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> anyhow::Result<()> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let (segments, _) = crate::log::survey(&disk, folder)?;
        let wanted = segments.into_iter().map(|surveyed| surveyed.segment);
        for segment in wanted.filter(|segment| is_wanted(segment.path()) && segment.record_count() > 0) {
            let received_at = Timestamp::from_nanosecond(segment.first_received_at().into()).ok();
            self.0.push(Piece {
                name: segment.path().display().to_string(),
                bytes: segment.payload_bytes(),
                received_at,
                signal: None,
                kind: Kind::Segment(Box::new(segment)),
            });
        }
        Ok(())
    }
}
