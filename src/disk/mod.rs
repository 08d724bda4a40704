//! The one seam between forebay and a file system.
//!
//! Every file operation of the log, the spool and the folder bucket goes through [`Disk`] and [`File`] (the ledger's
//! database keeps its own files). [`RealDisk`] is Linux; [`SimulatedDisk`] loses power, by a strict reading of POSIX:
//!
//! - What was written is durable only after [`File::sync`].
//! - A file's name (created, linked, renamed or removed) is durable only after [`Disk::sync_folder`] of its folder.
//! - What is not durable may be there after a power loss, or not, or in part; each sector and each name for itself.

mod blocks;
mod budget;
mod durable;
mod real;
mod simulated;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use blocks::{BLOCK, Blocks};
pub use budget::{Budget, Use};
pub use durable::{create_folders, replace_file};
pub use real::RealDisk;
pub use simulated::{AfterPowerLoss, Failing, SimulatedDisk};

/// Operations on names.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Creates a file for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken, and what the file system says.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Creates a file for writing whole [`Blocks`] past the system's cache, where the file system can.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken, and what the file system says.
    fn create_direct(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Opens a file for writing whole [`Blocks`] past the system's cache, where the file system can.
    ///
    /// # Errors
    /// `NotFound`, and what the file system says.
    fn open_direct(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Creates a file without a name in the file system of `folder`; it vanishes unless [`File::link`] names it.
    ///
    /// # Errors
    /// What the file system says.
    fn create_unnamed(&self, folder: &Path) -> io::Result<Arc<dyn File>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, and what the file system says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Creates one folder.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken, `NotFound` if its parent is missing.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// `NotFound`, and what the file system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;

    /// Renames a file, replacing what has the name `to`; both lie in the same folder.
    ///
    /// # Errors
    /// `NotFound`, and what the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name.
    ///
    /// # Errors
    /// `NotFound`, and what the file system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the file system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Bytes that this process may still write to the file system of `folder`.
    ///
    /// # Errors
    /// What the file system says.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;

    /// Takes the lock of `path`, creating the file if need be, until the lock is dropped or the process ends.
    ///
    /// # Errors
    /// `WouldBlock` if another process has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}

/// Operations on a file's content.
pub trait File: Debug + Send + Sync {
    /// Writes all of `slices`, one behind the other, at `offset`.
    ///
    /// # Errors
    /// What the file system says; then any part may have been written.
    fn write_at(&self, slices: &[io::IoSlice<'_>], offset: u64) -> io::Result<()>;

    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before that, and what the file system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Makes the content and the length durable (`fdatasync`).
    ///
    /// # Errors
    /// What the file system says; the same file must not be synced again to find out more (Linux has by then
    /// forgotten what it could not write).
    fn sync(&self) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// What the file system says.
    fn length(&self) -> io::Result<u64>;

    /// Tells the system that the content will not be read again soon; only a hint.
    fn forget_cached(&self) {}

    /// Gives the file a name.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken, and what the file system says.
    fn link(&self, path: &Path) -> io::Result<()>;
}

/// Whether an error says that the disk cannot read a place: one bad sector, and no word about the rest.
pub fn is_bad_sector(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// A lock that is held as long as this lives.
pub trait Lock: Debug + Send + Sync {}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name, without its folder. Names that are not UTF-8 are none of ours and left out.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Its length in bytes; 0 for a folder.
    pub bytes: u64,
}
