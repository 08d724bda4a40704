//! What can go wrong in packing and in the spool.

use std::io;
use std::path::{Path, PathBuf};

use crate::log::SegmentId;

/// Why a segment was not packed, or the spool not read or changed. Nothing is lost by any of them: what was there before
/// is there still, and the same call may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The segment could not be read.
    #[error("cannot read segment {segment} for packing: {source}")]
    Segment {
        /// Which one.
        segment: SegmentId,
        /// What the log said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The packing options in the header of a segment are not understood.
    #[error(
        "the packing options of a segment are not understood; a newer version of forebay wrote it, start that one \
         again: {source} in {json}"
    )]
    PinnedOptions {
        /// The options.
        json: String,
        /// What is wrong with them.
        source: serde_json::Error,
    },
    /// Packing options with which nothing can be packed.
    #[error("{0}")]
    InvalidOptions(String),
    /// A key could not be made from the time of a record.
    #[error("cannot make a key for data received at {received_at} ns since 1970: {source}")]
    Key {
        /// The time.
        received_at: u64,
        /// What is wrong with it.
        source: jiff::Error,
    },
    /// A manifest whose checksum is right and that is not understood all the same.
    #[error("{} is not understood; a newer version of forebay wrote it, start that one again: {reason}", path.display())]
    NewerManifest {
        /// The manifest.
        path: PathBuf,
        /// What is not understood.
        reason: String,
    },
    /// The content of an object in the spool is not what was packed.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The object's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// For `map_err` on an operation of the disk.
    pub(super) fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { action, path: path.to_owned(), source }
    }
}
