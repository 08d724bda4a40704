//! The folder in which forebay keeps everything.
//!
//! ```text
//!   forebay-data/
//!     lock        one process at a time
//!     writer      the id of this folder, eight hexadecimal digits; part of every object's name
//!     log/        segments
//!     spool/      objects and their manifests
//!     catalog/    the ledger; may be deleted while forebay does not run
//!     receipts/   what becomes lists and notices of delivered objects; only with upload.receipts
//!     history     the last day by the minute, for the status page; may be deleted while forebay does not run
//!     damaged/    what could not be read; empty unless a disk failed
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::disk::{Disk, Lock, create_folders, replace_file};
use crate::log::random_u64;

/// The paths in a data folder.
#[derive(Clone, Debug)]
pub struct Paths {
    root: PathBuf,
}

impl Paths {
    /// The paths in this data folder.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The segments.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Objects and their manifests.
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// The ledger.
    pub fn catalog(&self) -> PathBuf {
        self.root.join("catalog")
    }

    /// What becomes lists and notices of delivered objects.
    pub fn receipts(&self) -> PathBuf {
        self.root.join("receipts")
    }

    /// The history of the last day.
    pub fn history(&self) -> PathBuf {
        self.root.join("history")
    }

    /// What could not be read.
    pub fn damaged(&self) -> PathBuf {
        self.root.join("damaged")
    }

    /// The lock of the process that uses the folder.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    fn writer(&self) -> PathBuf {
        self.root.join("writer")
    }
}

/// A data folder that is ours.
#[derive(Debug)]
pub(super) struct DataFolder {
    pub(super) paths: Paths,
    pub(super) writer: u32,
    _lock: Box<dyn Lock>,
}

impl DataFolder {
    /// Takes the folder, and creates it if need be.
    pub(super) fn open(disk: &Arc<dyn Disk>, root: &Path) -> anyhow::Result<Self> {
        create_folders(&**disk, root)
            .with_context(|| format!("cannot create the data folder {} (data_dir)", root.display()))?;
        let paths = Paths::new(root);
        let lock = match disk.lock(&paths.lock()) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => bail!(
                "another forebay uses the data folder {}; end it first, or give this one a folder of its own (data_dir)",
                root.display()
            ),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot lock {}", paths.lock().display()));
            }
        };
        let writer = writer(&**disk, &paths.writer())?;
        Ok(Self { paths, writer, _lock: lock })
    }

    /// The folder's id, as it is in every object's name.
    pub(super) fn writer_id(&self) -> String {
        format!("{:08x}", self.writer)
    }
}

/// Keeps every forebay from using the data folder that lies there, as long as what is returned lives. None where nothing can
/// be written, and so no forebay runs.
///
/// # Errors
/// If a forebay uses it.
pub fn hold(disk: &dyn Disk, root: &Path) -> anyhow::Result<Option<Box<dyn Lock>>> {
    match disk.lock(&Paths::new(root).lock()) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => bail!(
            "a forebay is running on {}, and delivers what is there; end it first, or read its bucket",
            root.display()
        ),
        Err(_) => Ok(None),
    }
}

/// The id of the data folder that lies there, as it is in every object's name; none if it has none, or a damaged one.
pub(super) fn known_writer_id(disk: &dyn Disk, root: &Path) -> Option<String> {
    let mut text = [0; 8];
    disk.open(&Paths::new(root).writer()).ok()?.read_at(&mut text, 0).ok()?;
    let writer = u32::from_str_radix(std::str::from_utf8(&text).ok()?, 16).ok()?;
    Some(format!("{writer:08x}"))
}

/// Reads the folder's id; a new folder gets one.
fn writer(disk: &dyn Disk, path: &Path) -> anyhow::Result<u32> {
    let context = || format!("cannot use {}", path.display());
    match disk.open(path) {
        Ok(file) => {
            let mut text = [0; 8];
            let digits = file.read_at(&mut text, 0).ok().and_then(|()| std::str::from_utf8(&text).ok());
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).with_context(|| {
                format!(
                    "{} is damaged; write eight hexadecimal digits into it, such as 0badcafe",
                    path.display()
                )
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let writer = u32::try_from(random_u64() >> 32).unwrap_or_default();
            replace_file(disk, path, format!("{writer:08x}\n").as_bytes()).with_context(context)?;
            Ok(writer)
        }
        Err(error) => Err(error).with_context(context),
    }
}
