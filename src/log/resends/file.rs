//! The file of the requests that a segment holds, `00000042.resends`, version 1.
//!
//! ```text
//!   0        8         12       16                    24     40
//!   | magic  | version | crc32c | first received at   | hash | received at | hash | ...
//! ```
//!
//! Integers are little-endian, moments in nanoseconds since 1970; `crc32c` covers everything behind it. The file is
//! durable before its segment is given away. One that is damaged counts as missing: it holds no data of clients.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, is_bad_sector, replace_file};

use super::{REMEMBERED_MAX, RequestHash, Seen};
use crate::log::checksum::Checksum;
use crate::log::segment_id::SegmentId;

const ENDING: &str = ".resends";
const MAGIC: [u8; 8] = *b"resends\0";
const VERSION: [u8; 4] = 1_u32.to_le_bytes();
const HEADER_LEN: usize = 16;
const REQUEST_LEN: usize = 24;

/// Where the file of a segment lies.
pub(super) fn path(folder: &Path, id: SegmentId) -> PathBuf {
    folder.join(format!("{id}{ENDING}"))
}

/// The segments that have a file.
pub(super) fn list(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<SegmentId>> {
    let id = |name: &str| SegmentId::parse(name.strip_suffix(ENDING)?);
    Ok(disk.list(folder)?.iter().filter_map(|entry| id(&entry.name)).collect())
}

/// Writes a file, durably.
pub(super) fn write(disk: &dyn Disk, path: &Path, requests: &[Seen]) -> io::Result<()> {
    let request = |seen: &Seen| {
        let mut bytes = [0; REQUEST_LEN];
        bytes[..8].copy_from_slice(&seen.received_at.to_le_bytes());
        bytes[8..].copy_from_slice(&seen.hash.bytes());
        bytes
    };
    let requests = requests.iter().map(request).collect::<Vec<_>>().concat();
    let checksum = Checksum::new().add(&requests).finish();
    replace_file(disk, path, &[&MAGIC[..], &VERSION, &checksum.to_le_bytes(), &requests].concat())
}

/// What a file holds; `None` if there is none, or if it is damaged or of another version.
pub(super) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<Seen>>> {
    let read = || {
        let file = disk.open(path)?;
        let most = HEADER_LEN + REMEMBERED_MAX * REQUEST_LEN;
        let mut bytes = vec![0; usize::try_from(file.length()?).unwrap_or(most).min(most)];
        file.read_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => {
            let requests = parse(&bytes);
            if requests.is_none() {
                tracing::warn!(file = %path.display(), "a file of stored requests is damaged, and passed over");
            }
            Ok(requests)
        }
        Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound || is_bad_sector(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8]) -> Option<Vec<Seen>> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let is_right = *magic == MAGIC
        && *version == VERSION
        && u32::from_le_bytes(*checksum) == Checksum::new().add(rest).finish();
    let (requests, []) = rest.as_chunks::<REQUEST_LEN>() else { return None };
    if !is_right {
        return None;
    }
    let request = |bytes: &[u8; REQUEST_LEN]| {
        let (received_at, hash) = bytes.split_first_chunk::<8>()?;
        let hash = RequestHash::read(*hash.first_chunk()?)?;
        Some(Seen { hash, received_at: u64::from_le_bytes(*received_at) })
    };
    requests.iter().map(request).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SimulatedDisk;

    #[test]
    fn a_file_is_read_as_it_was_written_and_not_at_all_if_it_is_damaged() {
        let disk = SimulatedDisk::default();
        disk.create_folder(Path::new("/log")).unwrap();
        let (path, id) = (path(Path::new("/log"), SegmentId(7)), SegmentId(7));
        let hash = |byte: u8| RequestHash::read([byte; 16]).unwrap();
        let requests =
            [Seen { hash: hash(1), received_at: 5 }, Seen { hash: hash(2), received_at: u64::MAX }];
        assert_eq!(read(&disk, &path).unwrap(), None, "there is none yet");
        write(&disk, &path, &requests).unwrap();
        assert_eq!(read(&disk, &path).unwrap().unwrap(), requests);
        assert_eq!(list(&disk, Path::new("/log")).unwrap(), [id]);
        for byte in 0..disk.open(&path).unwrap().length().unwrap() {
            disk.flip_bit(&path, byte).unwrap();
            assert_eq!(read(&disk, &path).unwrap(), None, "byte {byte}");
            disk.flip_bit(&path, byte).unwrap();
        }
        write(&disk, &path, &[]).unwrap();
        assert_eq!(read(&disk, &path).unwrap().unwrap(), []);
    }
}
