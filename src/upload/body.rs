//! The bytes of a spooled object, checked on every way they take.
//!
//! What is sent is what was hashed: bytes are read once into memory and checked there, or read in parts whose hashes
//! were taken in the pass that checked the whole.

use std::io::{self, IoSlice};

use bytes::Bytes;

use crate::disk::File;
use crate::pack::{self, Object, ObjectFile};

/// The bytes of a spooled object.
#[derive(Clone, Debug)]
pub struct Body {
    file: ObjectFile,
    blake3: String,
}

/// Why the bytes of a spooled object cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// They are not those that were packed.
    #[error("{0}")]
    Damaged(String),
    /// The disk does not give them.
    #[error("{0}")]
    Unreadable(#[source] pack::Error),
    /// The disk that they are copied to does not take them.
    #[error("cannot write the object: {0}")]
    Unwritable(#[source] io::Error),
}

/// The hashes of an object's parts, from a pass in which the whole was right.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    part_bytes: u64,
    hashes: Vec<blake3::Hash>,
}

/// Bytes that are read, hashed and sent at once.
const CHUNK_BYTES: usize = 256 << 10;

impl Body {
    /// The bytes of `object`, which lie in `file`.
    pub fn new(file: ObjectFile, object: &Object) -> Self {
        Self { file, blake3: object.blake3.clone() }
    }

    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// All of it, in chunks.
    ///
    /// # Errors
    /// [`BodyError::Damaged`] if it is not what was packed.
    pub(super) fn whole(&self) -> Result<Vec<Bytes>, BodyError> {
        let mut chunks = Vec::new();
        self.check(|_, chunk| {
            chunks.push(chunk);
            Ok(())
        })?;
        Ok(chunks)
    }

    /// Copies it to the beginning of `target`. If it turns out to be damaged, `target` has the damaged bytes.
    ///
    /// # Errors
    /// [`BodyError::Damaged`] if it is not what was packed.
    pub(super) fn copy_to(&self, target: &dyn File) -> Result<(), BodyError> {
        self.check(|offset, chunk| {
            target.write_at(&[IoSlice::new(&chunk)], offset).map_err(BodyError::Unwritable)
        })
    }

    /// Checks it, and hashes each of its parts of `part_bytes`.
    ///
    /// # Errors
    /// [`BodyError::Damaged`] if it is not what was packed.
    pub(super) fn parts(&self, part_bytes: u64) -> Result<Parts, BodyError> {
        let mut hashes = Vec::new();
        let mut of_part = blake3::Hasher::new();
        self.check(|offset, chunk| {
            let mut offset = offset;
            let mut left = &chunk[..];
            while !left.is_empty() {
                let room = part_bytes - offset % part_bytes;
                let (now, later) =
                    left.split_at(usize::try_from(room).map_or(left.len(), |n| n.min(left.len())));
                of_part.update(now);
                offset += now.len() as u64;
                left = later;
                if offset.is_multiple_of(part_bytes) || offset == self.bytes() {
                    hashes.push(of_part.finalize());
                    of_part.reset();
                }
            }
            Ok(())
        })?;
        Ok(Parts { part_bytes, hashes })
    }

    /// The part `index` of `parts`.
    ///
    /// # Errors
    /// [`BodyError::Damaged`] if it is not what it was when the whole was checked.
    pub(super) fn part(&self, parts: &Parts, index: usize) -> Result<Vec<Bytes>, BodyError> {
        let start = parts.part_bytes * index as u64;
        let mut hasher = blake3::Hasher::new();
        let mut chunks = Vec::new();
        self.read(start, parts.part_bytes.min(self.bytes().saturating_sub(start)), |_, chunk| {
            hasher.update(&chunk);
            chunks.push(chunk);
            Ok(())
        })?;
        match parts.hashes.get(index) {
            Some(hash) if *hash == hasher.finalize() => Ok(chunks),
            _ => Err(BodyError::Damaged(format!("part {index} changed between two readings"))),
        }
    }

    /// Whether `other`, a file in the bucket, has the same content.
    ///
    /// # Errors
    /// What the file system of the bucket says.
    pub(super) fn is_content_of(&self, other: &dyn File) -> io::Result<bool> {
        if other.length()? != self.bytes() {
            return Ok(false);
        }
        let mut hasher = blake3::Hasher::new();
        for (start, length) in chunks(0, self.bytes()) {
            let mut chunk = vec![0; length];
            other.read_at(&mut chunk, start)?;
            hasher.update(&chunk);
        }
        Ok(hasher.finalize().to_hex().as_str() == self.blake3)
    }

    /// Reads all of it, giving each chunk to `take`, and checks the hash at the end.
    fn check(&self, mut take: impl FnMut(u64, Bytes) -> Result<(), BodyError>) -> Result<(), BodyError> {
        let mut hasher = blake3::Hasher::new();
        self.read(0, self.bytes(), |offset, chunk| {
            hasher.update(&chunk);
            take(offset, chunk)
        })?;
        if hasher.finalize().to_hex().as_str() != self.blake3 {
            return Err(BodyError::Damaged("its bytes are not those that were packed".to_string()));
        }
        Ok(())
    }

    /// Reads `length` bytes from `start` in chunks.
    fn read(
        &self,
        start: u64,
        length: u64,
        mut take: impl FnMut(u64, Bytes) -> Result<(), BodyError>,
    ) -> Result<(), BodyError> {
        for (offset, length) in chunks(start, length) {
            take(offset, self.file.read(offset..offset + length as u64)?)?;
        }
        Ok(())
    }
}

impl From<pack::Error> for BodyError {
    fn from(error: pack::Error) -> Self {
        match error {
            pack::Error::Damaged { .. } => Self::Damaged(error.to_string()),
            error => Self::Unreadable(error),
        }
    }
}

/// Where the chunks of `length` bytes from `start` begin, and their lengths.
fn chunks(start: u64, length: u64) -> impl Iterator<Item = (u64, usize)> {
    let end = start + length;
    (start..end).step_by(CHUNK_BYTES).map(move |offset| {
        (offset, usize::try_from(end - offset).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES)))
    })
}

impl Parts {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.hashes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, RealDisk};
    use crate::upload::testing::spooled;

    fn body_of(content: &[u8]) -> (tempfile::TempDir, Body) {
        let folder = tempfile::tempdir().unwrap();
        let (_, body) = spooled(&RealDisk, folder.path(), "object", content);
        (folder, body)
    }

    fn content(bytes: u64) -> Vec<u8> {
        (0..bytes).map(|n| u8::try_from(n % 251).unwrap()).collect()
    }

    #[test]
    fn the_whole_and_the_parts_are_what_was_packed() {
        for bytes in [1, 1000, 300_000, 700_000] {
            let content = content(bytes);
            let (_folder, body) = body_of(&content);
            assert_eq!(body.whole().unwrap().concat(), content);
            for part_bytes in [1000, 262_144, 300_000, 700_000, 1 << 20] {
                let parts = body.parts(part_bytes).unwrap();
                assert_eq!(parts.count() as u64, bytes.div_ceil(part_bytes));
                let joined: Vec<u8> =
                    (0..parts.count()).flat_map(|index| body.part(&parts, index).unwrap().concat()).collect();
                assert_eq!(joined, content, "{bytes} bytes in parts of {part_bytes}");
            }
        }
    }

    #[test]
    fn a_changed_byte_is_noticed_on_every_way() {
        let (folder, body) = body_of(&content(300_000));
        let parts = body.parts(100_000).unwrap();
        let spooled = RealDisk.open(&folder.path().join("object")).unwrap();
        spooled.write_at(&[IoSlice::new(b"!")], 150_000).unwrap();
        assert!(matches!(body.whole(), Err(BodyError::Damaged(_))));
        assert!(matches!(body.parts(1000), Err(BodyError::Damaged(_))));
        assert!(body.part(&parts, 0).is_ok());
        assert!(matches!(body.part(&parts, 1), Err(BodyError::Damaged(_))));
        let target = RealDisk.create(&folder.path().join("target")).unwrap();
        assert!(matches!(body.copy_to(target.as_ref()), Err(BodyError::Damaged(_))));
    }

    #[test]
    fn a_file_that_ends_early_is_damaged() {
        let (folder, body) = body_of(&content(1000));
        std::fs::write(folder.path().join("object"), content(999)).unwrap();
        assert!(matches!(body.whole(), Err(BodyError::Damaged(_))));
    }
}
