//! What can go wrong in the log.

use std::io;
use std::path::{Path, PathBuf};

/// Why the log could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A segment was written by another version of forebay.
    #[error(
        "{path} has version {version} of the log's format, and this forebay reads version 1: start the forebay \
         that wrote it with `drain`, or use another data_dir"
    )]
    Version {
        /// The segment's file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// There is no room for the first segment.
    #[error(
        "no room for a segment of {segment_bytes} bytes: {used} of log.disk_budget's {budget} bytes are used, {free} \
         bytes are free on the disk, and log.free_space_floor keeps {floor} of them{}",
        said.as_ref().map(|said| format!("; the file system says: {said}")).unwrap_or_default()
    )]
    NoRoom {
        /// `log.segment_bytes`.
        segment_bytes: u64,
        /// Bytes of the budget used.
        used: u64,
        /// `log.disk_budget`.
        budget: u64,
        /// Free bytes of the file system.
        free: u64,
        /// `log.free_space_floor`.
        floor: u64,
        /// What the file system said, if it was that which refused: it may have no inodes left, or a quota.
        said: Option<io::Error>,
    },
    /// The packing options are too long for a segment's header.
    #[error("the settings under `objects` take {length} bytes; the log has room for {most}")]
    PackingTooLong {
        /// Their length as JSON text.
        length: usize,
        /// The most that fits.
        most: usize,
    },
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl Error {
    /// Says what was tried where, for `map_err`.
    pub(super) fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { action, path, source }
    }
}

/// Why an export was not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk budget or the free space is used up, and stayed so while patience lasted.
    #[error("there is no room in the disk budget")]
    NoRoom,
    /// Too many exports wait for the log.
    #[error("too many exports wait for the log")]
    Overloaded,
    /// A write or a sync failed.
    #[error("the disk under the log fails")]
    Failing,
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
}
