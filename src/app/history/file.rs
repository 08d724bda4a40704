//! The ring on disk: a place for each minute of the last day.
//!
//! ```text
//!   0                  16        20           24       28       32
//!   | forebay history\n | version | record len | places | crc32c | records |   integers are little-endian
//! ```
//!
//! A minute has the place that is its number modulo the places. Nothing of it is synced: it is a convenience, and what a power
//! loss tears is not read again.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use super::PLACES;
use super::minute::{Minute, RECORD_LEN};
use crate::disk::{Disk, File};
use crate::log::checksum;

const MAGIC: &[u8; 16] = b"forebay history\n";
const VERSION: u32 = 1;
const HEADER_LEN: usize = 32;
const FILE_LEN: usize = HEADER_LEN + PLACES * RECORD_LEN;

/// The open file.
#[derive(Debug)]
pub(super) struct RingFile {
    file: Arc<dyn File>,
}

impl RingFile {
    /// Opens the ring, and makes a new one if there is none, or if it is none of ours. Returns what it has, in no order.
    ///
    /// # Errors
    /// What the file system says; then there is none.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> io::Result<(Self, Vec<Minute>)> {
        match disk.open(path) {
            Ok(file) => match read(&*file) {
                Ok(minutes) => return Ok((Self { file }, minutes)),
                Err(why) => {
                    tracing::warn!(path = %path.display(), %why, "the history of the last day begins anew");
                    drop(file);
                    disk.remove(path)?;
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = disk.create(path)?;
        // All of it at once, so that a disk that is full later does not stop it.
        let mut content = vec![0; FILE_LEN];
        content[..HEADER_LEN].copy_from_slice(&header());
        file.write_at(&[IoSlice::new(&content)], 0)?;
        Ok((Self { file }, Vec::new()))
    }

    /// Writes a minute to its place.
    pub(super) fn write(&self, minute: &Minute) -> io::Result<()> {
        let place = minute.minute % PLACES as u64;
        let offset = HEADER_LEN as u64 + place * RECORD_LEN as u64;
        self.file.write_at(&[IoSlice::new(&minute.encode())], offset)
    }
}

fn header() -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..16].copy_from_slice(MAGIC);
    header[16..20].copy_from_slice(&VERSION.to_le_bytes());
    for (place, number) in [(20, RECORD_LEN), (24, PLACES)] {
        // Both are small; were they not, the header would be that of another file.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        header[place..place + 4].copy_from_slice(&number.to_le_bytes());
    }
    let sum = checksum(&header[..28]);
    header[28..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// What the file has; an error says what is wrong with it.
fn read(file: &dyn File) -> Result<Vec<Minute>, String> {
    let length = file.length().map_err(|error| error.to_string())?;
    if length != FILE_LEN as u64 {
        return Err(format!("its file has {length} bytes and must have {FILE_LEN}"));
    }
    let mut content = vec![0; FILE_LEN];
    file.read_at(&mut content, 0).map_err(|error| error.to_string())?;
    let (head, records) = content.split_at(HEADER_LEN);
    if head != header() {
        return Err("its file begins as no history of this version does".to_owned());
    }
    let mut minutes = Vec::new();
    let mut damaged = 0;
    for record in records.chunks_exact(RECORD_LEN) {
        match Minute::decode(record) {
            Some(minute) => minutes.push(minute),
            None if record.iter().all(|byte| *byte == 0) => {}
            None => damaged += 1,
        }
    }
    if damaged > 0 {
        tracing::warn!(minutes = damaged, "minutes of the history cannot be read and are left out");
    }
    Ok(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::minute::Values;
    use crate::disk::SimulatedDisk;

    const PATH: &str = "/data/history";

    fn disk() -> SimulatedDisk {
        let disk = SimulatedDisk::default();
        disk.create_folder(Path::new("/data")).unwrap();
        disk
    }

    fn open(disk: &SimulatedDisk) -> (RingFile, Vec<Minute>) {
        RingFile::open(disk, Path::new(PATH)).unwrap()
    }

    fn minute(minute: u64) -> Minute {
        Minute { minute, values: Values::default() }
    }

    #[test]
    fn what_was_written_is_there_and_the_file_never_grows() {
        let disk = disk();
        let (ring, minutes) = open(&disk);
        assert_eq!(minutes, []);
        for number in 0..3 * PLACES as u64 {
            ring.write(&minute(number)).unwrap();
        }
        let (ring, mut minutes) = open(&disk);
        minutes.sort_by_key(|minute| minute.minute);
        let last: Vec<_> = (2 * PLACES as u64..3 * PLACES as u64).map(minute).collect();
        assert_eq!(minutes, last);
        assert_eq!(ring.file.length().unwrap(), FILE_LEN as u64);
    }

    #[test]
    fn a_file_that_is_none_of_ours_gives_way() {
        let whole = {
            let disk = disk();
            open(&disk).0.write(&minute(5)).unwrap();
            let mut content = vec![0; FILE_LEN];
            disk.open(Path::new(PATH)).unwrap().read_at(&mut content, 0).unwrap();
            content
        };
        let mut other_version = whole.clone();
        other_version[16] = 9;
        for foreign in [b"hello".to_vec(), Vec::new(), whole[..FILE_LEN - 1].to_vec(), other_version] {
            let disk = disk();
            let file = disk.create(Path::new(PATH)).unwrap();
            file.write_at(&[IoSlice::new(&foreign)], 0).unwrap();
            let (ring, minutes) = open(&disk);
            assert_eq!(minutes, []);
            ring.write(&minute(7)).unwrap();
            assert_eq!(open(&disk).1, [minute(7)], "it is as good as new");
        }
    }

    #[test]
    fn a_minute_that_was_torn_is_left_out_and_the_others_stay() {
        let disk = disk();
        let (ring, _) = open(&disk);
        (5..8).for_each(|number| ring.write(&minute(number)).unwrap());
        ring.file.write_at(&[IoSlice::new(b"torn")], (HEADER_LEN + 6 * RECORD_LEN + 9) as u64).unwrap();
        assert_eq!(open(&disk).1, [minute(5), minute(7)]);
    }
}
