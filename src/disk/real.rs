//! Linux.

use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::{Disk, Entry, File, Lock, is_bad_sector};

/// The file systems of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

/// Tells staged files of one process apart, where a file system knows no unnamed ones.
static STAGED: AtomicU64 = AtomicU64::new(0);

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile::from(fs::File::options().read(true).write(true).create_new(true).open(path)?)))
    }

    fn create_direct(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = fs::File::options().read(true).write(true).create_new(true).open(path)?;
        Ok(Arc::new(RealFile::direct(file)))
    }

    fn open_direct(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile::direct(fs::File::options().read(true).write(true).open(path)?)))
    }

    fn create_unnamed(&self, folder: &Path) -> io::Result<Arc<dyn File>> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, folder, flags, Mode::from_raw_mode(0o644)) {
            Ok(descriptor) => Ok(Arc::new(RealFile::from(fs::File::from(descriptor)))),
            // Network file systems and old overlays: a file whose name says that it is none of the data.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT) if folder.is_dir() => {
                let number = STAGED.fetch_add(1, Ordering::Relaxed);
                let path = folder.join(format!(".forebay-{}-{number}", std::process::id()));
                let file = fs::File::options().read(true).write(true).create_new(true).open(&path)?;
                Ok(Arc::new(RealFile { file, staged: Some(path), is_direct: AtomicBool::new(false) }))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile::from(fs::File::options().read(true).write(true).open(path)?)))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => entries.push(Entry { name, is_folder: true, bytes: 0 }),
                Ok(metadata) => entries.push(Entry { name, is_folder: false, bytes: metadata.len() }),
                // Removed since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        fs::File::open(folder)?.sync_all()
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let status = rustix::fs::statvfs(folder)?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file = fs::File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(RealLock { _file: file }))
    }
}

/// An open file.
#[derive(Debug)]
struct RealFile {
    file: fs::File,
    /// The name it has until it is linked, where the file system knows no unnamed files.
    staged: Option<PathBuf>,
    /// Whether writes go past the system's cache.
    is_direct: AtomicBool,
}

impl From<fs::File> for RealFile {
    fn from(file: fs::File) -> Self {
        Self { file, staged: None, is_direct: AtomicBool::new(false) }
    }
}

impl RealFile {
    /// A file whose writes go past the system's cache. Some file systems cannot; there they go through it.
    fn direct(file: fs::File) -> Self {
        let is_direct = AtomicBool::new(set_direct(&file, true).is_ok());
        Self { file, staged: None, is_direct }
    }

    /// Lets writes go through the cache from now on; `false` if they do already.
    fn give_up_direct(&self) -> bool {
        self.is_direct.swap(false, Ordering::Relaxed) && set_direct(&self.file, false).is_ok()
    }
}

fn set_direct(file: &fs::File, is_direct: bool) -> rustix::io::Result<()> {
    let mut flags = rustix::fs::fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, is_direct);
    rustix::fs::fcntl_setfl(file, flags)
}

impl File for RealFile {
    fn write_at(&self, slices: &[IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        // `IoSlice::advance_slices` wants slices of its own; this copies pointers, not bytes.
        let mut slices = slices.to_vec();
        let mut left = slices.as_mut_slice();
        while left.iter().any(|slice| !slice.is_empty()) {
            let batch = left.len().min(MAX_SLICES);
            let written = match rustix::io::pwritev(&self.file, &left[..batch], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(Errno::INTR) => continue,
                // There are file systems that take the flag, and then not the writes.
                Err(Errno::INVAL) if self.give_up_direct() => continue,
                Err(error) => return Err(error.into()),
            };
            offset += written as u64;
            IoSlice::advance_slices(&mut left, written);
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        for pause in READ_AGAIN_AFTER {
            match self.file.read_exact_at(buffer, offset) {
                // A place that cannot be read is given up by those above, with what stands there: it has to be sure.
                Err(error) if is_bad_sector(&error) => std::thread::sleep(pause),
                read => return read,
            }
        }
        self.file.read_exact_at(buffer, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn forget_cached(&self) {
        // Failing is harmless: the pages stay until the system wants them for something else.
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
    }

    fn link(&self, path: &Path) -> io::Result<()> {
        let Some(staged) = &self.staged else {
            let itself = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            return Ok(rustix::fs::linkat(CWD, itself, CWD, path, AtFlags::SYMLINK_FOLLOW)?);
        };
        fs::hard_link(staged, path)
    }
}

impl Drop for RealFile {
    fn drop(&mut self) {
        if let Some(staged) = &self.staged {
            // Left behind, it is a hidden file that nothing reads.
            let _ = fs::remove_file(staged);
        }
    }
}

/// The pauses before a place that could not be read is read again: cables and paths to a disk fail for a moment.
const READ_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(50)];

/// `IOV_MAX` of Linux.
const MAX_SLICES: usize = 1024;

/// A lock on an open file, which the system ends with the process.
#[derive(Debug)]
struct RealLock {
    _file: fs::File,
}

impl Lock for RealLock {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Blocks;

    #[test]
    fn an_unnamed_file_gets_its_name_once_and_only_if_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let file = RealDisk.create_unnamed(folder.path()).unwrap();
        file.write_at(&[IoSlice::new(b"one"), IoSlice::new(b"two")], 0).unwrap();
        file.sync().unwrap();
        assert_eq!(RealDisk.list(folder.path()).unwrap(), [], "nobody sees it before it is whole");

        let path = folder.path().join("object");
        file.link(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
        let other = RealDisk.create_unnamed(folder.path()).unwrap();
        assert_eq!(other.link(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn direct_writes_are_read_by_everybody_and_what_is_no_block_is_written_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = RealDisk.create_direct(&path).unwrap();
        let mut blocks = Blocks::zeroed(8192);
        blocks.fill(7);
        file.write_at(&[IoSlice::new(&blocks)], 4096).unwrap();
        RealDisk.open_direct(&path).unwrap().write_at(&[IoSlice::new(&blocks[..4096])], 0).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [7; 12288]);
        file.write_at(&[IoSlice::new(b"one"), IoSlice::new(b"two")], 5).unwrap();
        file.sync().unwrap();
        assert_eq!(&fs::read(&path).unwrap()[..12], b"\x07\x07\x07\x07\x07onetwo\x07");
    }

    #[test]
    fn more_slices_than_one_call_takes_are_all_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = RealDisk.create(&folder.path().join("file")).unwrap();
        let slices: Vec<_> = (0..3000).map(|_| IoSlice::new(b"xyz")).collect();
        file.write_at(&slices, 5).unwrap();
        assert_eq!(file.length().unwrap(), 5 + 9000);
    }

    #[test]
    fn a_lock_is_had_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = RealDisk.lock(&path).unwrap();
        assert_eq!(RealDisk.lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        RealDisk.lock(&path).unwrap();
    }
}
