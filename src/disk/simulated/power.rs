//! The power comes back.

use std::collections::HashMap;

use super::SimulatedDisk;
use super::file::FileNode;
use super::folder::FolderNode;

/// What became of that which was not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterPowerLoss {
    /// All of it is lost.
    Lost,
    /// All of it is there.
    Kept,
    /// Each sector and each name for itself, as this seed decides.
    Torn(u64),
}

impl SimulatedDisk {
    /// The disk after a power loss and a restart, with power for ever.
    #[must_use]
    pub fn reboot(&self, outcome: AfterPowerLoss) -> Self {
        let state = self.lock_state();
        let mut chance = Chance::of(outcome);
        let mut folders = HashMap::new();
        let mut nodes: Vec<_> = state.folders.iter().collect();
        nodes.sort_by_key(|(node, _)| **node);
        for (node, folder) in nodes {
            folders.insert(*node, FolderNode::durable(folder.after_power_loss(|| chance.keeps())));
        }
        let mut files = HashMap::new();
        let mut nodes: Vec<_> = state.files.iter().collect();
        nodes.sort_by_key(|(node, _)| **node);
        for (node, file) in nodes {
            files.insert(*node, FileNode::durable(file.after_power_loss(|| chance.keeps())));
        }
        Self::new(folders, files, state.next_node)
    }
}

/// Decides about one thing after the other.
enum Chance {
    Always(bool),
    /// The state of an xorshift generator.
    Random(u64),
}

impl Chance {
    fn of(outcome: AfterPowerLoss) -> Self {
        match outcome {
            AfterPowerLoss::Lost => Self::Always(false),
            AfterPowerLoss::Kept => Self::Always(true),
            AfterPowerLoss::Torn(seed) => Self::Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
        }
    }

    fn keeps(&mut self) -> bool {
        match self {
            Self::Always(kept) => *kept,
            Self::Random(state) => {
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                *state & 0x100 != 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, IoSlice};
    use std::path::Path;

    use super::*;
    use crate::disk::{Disk, File};

    fn write(file: &dyn File, bytes: &[u8], offset: u64) {
        file.write_at(&[IoSlice::new(bytes)], offset).unwrap();
    }

    fn content(disk: &SimulatedDisk, path: &str) -> io::Result<Vec<u8>> {
        let file = disk.open(Path::new(path))?;
        let mut content = vec![0; usize::try_from(file.length()?).unwrap()];
        file.read_at(&mut content, 0)?;
        Ok(content)
    }

    #[test]
    fn what_was_not_synced_is_lost_or_kept() {
        let disk = SimulatedDisk::default();
        let file = disk.create(Path::new("/file")).unwrap();
        write(&*file, b"synced", 0);
        file.sync().unwrap();
        disk.sync_folder(Path::new("/")).unwrap();
        write(&*file, b"dirty!", 600);

        assert_eq!(content(&disk.reboot(AfterPowerLoss::Lost), "/file").unwrap(), b"synced");
        assert_eq!(content(&disk.reboot(AfterPowerLoss::Kept), "/file").unwrap().len(), 606);
    }

    #[test]
    fn a_name_is_lost_until_its_folder_is_synced() {
        let disk = SimulatedDisk::default();
        let file = disk.create(Path::new("/file")).unwrap();
        file.sync().unwrap();
        let lost = disk.reboot(AfterPowerLoss::Lost);
        assert_eq!(lost.open(Path::new("/file")).unwrap_err().kind(), io::ErrorKind::NotFound);

        disk.sync_folder(Path::new("/")).unwrap();
        disk.remove(Path::new("/file")).unwrap();
        assert!(
            disk.reboot(AfterPowerLoss::Lost).open(Path::new("/file")).is_ok(),
            "the removal was not durable"
        );
    }

    #[test]
    fn a_rename_happens_to_both_names_or_to_neither() {
        let disk = SimulatedDisk::default();
        disk.create(Path::new("/old")).unwrap().sync().unwrap();
        disk.sync_folder(Path::new("/")).unwrap();
        disk.rename(Path::new("/old"), Path::new("/new")).unwrap();
        for seed in 0..64 {
            let disk = disk.reboot(AfterPowerLoss::Torn(seed));
            let there = |path| disk.open(Path::new(path)).is_ok();
            assert!(there("/old") != there("/new"), "seed {seed}");
        }
    }

    #[test]
    fn a_failed_sync_loses_what_it_should_have_written() {
        #[derive(Debug)]
        struct FirstSync(bool);
        impl super::super::Failing for FirstSync {
            fn error(&mut self, operation: &str, _path: &str) -> Option<io::Error> {
                (operation == "sync" && !std::mem::replace(&mut self.0, true))
                    .then(|| io::Error::other("bad sector"))
            }
        }
        let disk = SimulatedDisk::default();
        let file = disk.create(Path::new("/file")).unwrap();
        write(&*file, b"gone", 0);
        disk.fail(FirstSync(false));
        assert!(file.sync().is_err());
        file.sync().unwrap();
        disk.sync_folder(Path::new("/")).unwrap();
        assert_eq!(content(&disk, "/file").unwrap(), b"gone", "memory still has it");
        assert_eq!(content(&disk.reboot(AfterPowerLoss::Kept), "/file").unwrap(), [0; 4], "the disk has not");
        file.forget_cached();
        assert_eq!(content(&disk, "/file").unwrap(), [0; 4], "nor has memory, once asked to forget");
    }

    #[test]
    fn after_the_power_failed_nothing_works() {
        let disk = SimulatedDisk::default().losing_power_after(1);
        let file = disk.create(Path::new("/file")).unwrap();
        assert!(file.sync().is_err() && disk.list(Path::new("/")).is_err() && disk.is_dark());
    }
}
