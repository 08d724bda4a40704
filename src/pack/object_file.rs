//! Reading the file of an object.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::batch::Object;
use super::error::Error;
use crate::disk::{Disk, File};

/// Bytes that are read at once to verify an object.
const CHUNK_BYTES: u64 = 256 << 10;

/// An open object in the spool. Its calls block.
#[derive(Clone, Debug)]
pub struct ObjectFile {
    file: Arc<dyn File>,
    path: PathBuf,
    bytes: u64,
    blake3: String,
}

impl ObjectFile {
    /// Opens the file of `object` in the spool's folder.
    ///
    /// # Errors
    /// [`Error::Damaged`] if there is no such file, [`Error::Disk`].
    pub fn open(disk: &dyn Disk, folder: &Path, object: &Object) -> Result<Self, Error> {
        let path = folder.join(&object.file);
        match disk.open(&path) {
            Ok(file) => Ok(Self { file, path, bytes: object.bytes, blake3: object.blake3.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::Damaged { path, reason: "the file is missing".into() })
            }
            Err(error) => Err(Error::disk("open", &path)(error)),
        }
    }

    /// The object's length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads a part of the object.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the file ends before that, [`Error::Disk`].
    pub fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let bytes = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut buffer = BytesMut::zeroed(bytes);
        match self.file.read_at(&mut buffer, range.start) {
            Ok(()) => Ok(buffer.freeze()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(format!("it ends before byte {}", range.end)))
            }
            Err(error) => Err(Error::disk("read", &self.path)(error)),
        }
    }

    /// Reads all of the object and compares length and hash with what was packed. What is behind its end does not count.
    ///
    /// # Errors
    /// [`Error::Damaged`] if they differ, [`Error::Disk`].
    pub fn verify(&self) -> Result<(), Error> {
        let bytes = self.file.length().map_err(Error::disk("read", &self.path))?;
        if bytes < self.bytes {
            return Err(self.damaged(format!("it is {bytes} bytes long, not {}", self.bytes)));
        }
        let mut hasher = blake3::Hasher::new();
        let mut offset = 0;
        while offset < self.bytes {
            let end = self.bytes.min(offset + CHUNK_BYTES);
            hasher.update(&self.read(offset..end)?);
            offset = end;
        }
        if hasher.finalize().to_hex().as_str() != self.blake3 {
            return Err(self.damaged("its content does not have the hash that was packed".into()));
        }
        Ok(())
    }

    fn damaged(&self, reason: String) -> Error {
        Error::Damaged { path: self.path.clone(), reason }
    }
}
