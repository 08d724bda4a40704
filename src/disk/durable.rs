//! The sequences of operations that make a change durable.

use std::io;
use std::path::Path;

use super::Disk;

/// Creates `folder` and the folders above it, where they are missing, and makes the names of all of them durable: those
/// that are there already may have been created by a process that was killed before it synced them.
///
/// # Errors
/// What the file system says.
pub fn create_folders(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let created = create_missing(disk, folder)?;
    for (above, name) in folder.ancestors().enumerate() {
        let Some(parent) = name.parent() else { break };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        match disk.sync_folder(parent) {
            // A folder far above, which is not ours to read and where we have created nothing.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && above >= created => break,
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Creates what is missing; returns how many folders that was.
fn create_missing(disk: &dyn Disk, folder: &Path) -> io::Result<usize> {
    if folder.as_os_str().is_empty() {
        return Ok(0);
    }
    match disk.create_folder(folder) {
        Ok(()) => Ok(1),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = folder.parent().map_or(Ok(0), |parent| create_missing(disk, parent))?;
            disk.create_folder(folder)?;
            Ok(above + 1)
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{AfterPowerLoss, SimulatedDisk};

    #[test]
    fn a_folder_is_durable_even_if_a_process_was_killed_while_it_created_it() {
        let folder = Path::new("/a/b/c");
        for killed_after in 0..=5 {
            let disk = SimulatedDisk::default().losing_power_after(killed_after);
            assert!(create_folders(&disk, folder).is_err(), "killed after step {killed_after}");
            disk.only_the_process_was_killed();
            create_folders(&disk, folder).unwrap();
            assert!(
                disk.reboot(AfterPowerLoss::Lost).list(folder).is_ok(),
                "killed after step {killed_after}"
            );
        }
    }

    #[test]
    fn a_file_is_replaced_by_the_whole_new_one_or_not_at_all() {
        use std::io::IoSlice;
        let path = Path::new("/file");
        for lost_after in 0..6 {
            let disk = SimulatedDisk::default();
            replace_file(&disk, path, b"old").unwrap();
            assert!(disk.reboot(AfterPowerLoss::Lost).open(path).is_ok(), "it is durable");
            // A killed process left this behind.
            let left = disk.create(Path::new("/file.new")).unwrap();
            left.write_at(&[IoSlice::new(b"half of it, and longer")], 0).unwrap();
            let disk = disk.losing_power_after(lost_after);
            let outcome = replace_file(&disk, path, b"new");
            for seed in 0..8 {
                let file = disk.reboot(AfterPowerLoss::Torn(seed)).open(path).unwrap();
                let mut content = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
                file.read_at(&mut content, 0).unwrap();
                let is_right = content == b"new" || (outcome.is_err() && content == b"old");
                assert!(is_right, "lost after step {lost_after}, seed {seed}: {content:?}");
            }
        }
    }
}
