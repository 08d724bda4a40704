//! The sequences of operations that make a change durable.

use std::io;
use std::path::Path;

use super::Disk;

/// Creates `folder` and the folders above it, where they are missing, and makes their names durable.
///
/// # Errors
/// What the file system says.
pub fn create_folders(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let Some(parent) = folder.parent() else { return Ok(()) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    match disk.create_folder(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_folders(disk, parent)?;
            create_folders(disk, folder)
        }
        // It may be there only since a moment ago, created by a process that died before it synced the name.
        Ok(()) => disk.sync_folder(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.sync_folder(parent),
        Err(error) => Err(error),
    }
}

/// Puts a file with this content in the place of `path`: after a power loss there is the old one or the new one.
///
/// # Errors
/// What the file system says; then the old one is still there.
pub fn replace_file(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = folder.join(name);
    match disk.remove(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&new)?;
    file.write_at(&[io::IoSlice::new(content)], 0)?;
    file.sync()?;
    disk.rename(&new, path)?;
    disk.sync_folder(folder)
}
