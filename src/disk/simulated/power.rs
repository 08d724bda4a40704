//! The power comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::chance::Chance;
use super::file::FileNode;
use super::folder::FolderNode;
use super::{Content, Node, SimulatedDisk};

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
        Self::new(self.lock_state().content.after_power_loss(outcome))
    }

    /// The same disk, which has done nothing yet and remembers what was on it before each step.
    #[must_use]
    pub fn remembering_each_step(self) -> Self {
        self.lock_state().before_each_step = Some(Vec::new());
        self
    }

    /// The disk as it was after this many of the steps that it remembers, for [`SimulatedDisk::reboot`]: what it would
    /// be had the power failed there, without running all that led to it once more.
    ///
    /// # Panics
    /// If it does not remember so many.
    #[must_use]
    pub fn as_it_was_after(&self, steps: u64) -> Self {
        let state = self.lock_state();
        let before =
            state.before_each_step.as_ref().and_then(|before| before.get(usize::try_from(steps).ok()?));
        let is_now = steps == state.steps;
        assert!(before.is_some() || is_now, "step {steps} is not remembered");
        Self::new(before.unwrap_or(&state.content).clone())
    }
}

impl Content {
    fn after_power_loss(&self, outcome: AfterPowerLoss) -> Self {
        let mut chance = Chance::of(outcome);
        let mut folders = BTreeMap::new();
        for (node, folder) in &self.folders {
            folders.insert(*node, FolderNode::durable(folder.after_power_loss(&mut chance)));
        }
        let others: Vec<Arc<Vec<u8>>> = self.files.values().map(|file| Arc::clone(file.seen())).collect();
        let mut files = BTreeMap::new();
        // Of a file that has no name left nobody will ever see anything.
        let named: BTreeSet<Node> =
            folders.values().flat_map(FolderNode::names).map(|(_, node)| *node).collect();
        for (node, file) in self.files.iter().filter(|(node, _)| named.contains(*node)) {
            files.insert(*node, FileNode::durable(file.after_power_loss(&mut chance, &others)));
        }
        Self { folders, files, next_node: self.next_node }
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

    /// All that `look` finds after power losses, whatever is lost.
    fn possible<T: Ord>(disk: &SimulatedDisk, look: impl Fn(&SimulatedDisk) -> T) -> BTreeSet<T> {
        (0..600).map(|seed| look(&disk.reboot(AfterPowerLoss::Torn(seed)))).collect()
    }

    #[test]
    fn a_sector_that_was_written_often_holds_any_of_what_it_was_given() {
        let disk = SimulatedDisk::default();
        let file = disk.create(Path::new("/file")).unwrap();
        disk.sync_folder(Path::new("/")).unwrap();
        write(&*file, b"zero", 0);
        file.sync().unwrap();
        for bytes in [b"once", b"both", b"last"] {
            write(&*file, bytes, 0);
        }
        let found = possible(&disk, |disk| content(disk, "/file").unwrap());
        assert_eq!(found, [b"zero", b"once", b"both", b"last"].map(|bytes| bytes.to_vec()).into());
        assert_eq!(content(&disk.reboot(AfterPowerLoss::Lost), "/file").unwrap(), b"zero");
        assert_eq!(content(&disk.reboot(AfterPowerLoss::Kept), "/file").unwrap(), b"last");
    }

    #[test]
    fn sectors_get_to_the_disk_in_any_order() {
        let disk = SimulatedDisk::default();
        let file = disk.create(Path::new("/file")).unwrap();
        write(&*file, &[b'.'; 1536], 0);
        file.sync().unwrap();
        disk.sync_folder(Path::new("/")).unwrap();
        for sector in 0..3 {
            write(&*file, b"x", sector * 512);
        }
        let sectors = |disk: &SimulatedDisk| {
            let content = content(disk, "/file").unwrap();
            [0, 512, 1024].map(|at| content[at] == b'x')
        };
        assert_eq!(possible(&disk, sectors).len(), 8, "every subset");
    }

    #[test]
    fn a_file_that_grew_has_any_length_and_may_show_what_the_disk_held_before() {
        let disk = SimulatedDisk::default();
        let other = disk.create(Path::new("/other")).unwrap();
        write(&*other, &[b'o'; 4096], 0);
        let file = disk.create(Path::new("/file")).unwrap();
        write(&*file, b"begin", 0);
        file.sync().unwrap();
        disk.sync_folder(Path::new("/")).unwrap();
        write(&*file, &[b'n'; 2048], 512);
        let found = possible(&disk, |disk| content(disk, "/file").unwrap());
        assert!(found.iter().all(|content| content.starts_with(b"begin")), "what was synced is there");
        let lengths: BTreeSet<usize> = found.iter().map(Vec::len).collect();
        assert!(lengths.contains(&5) && lengths.contains(&2560) && lengths.len() > 20, "{lengths:?}");
        for byte in [b'n', b'o', 0] {
            let is_there = |content: &Vec<u8>| content.len() == 2560 && content[1024..1536] == [byte; 512];
            assert!(found.iter().any(is_there), "{byte}");
        }
    }

    #[test]
    fn a_rename_happens_to_both_names_or_to_neither() {
        let disk = SimulatedDisk::default();
        disk.create(Path::new("/old")).unwrap().sync().unwrap();
        disk.sync_folder(Path::new("/")).unwrap();
        disk.rename(Path::new("/old"), Path::new("/new")).unwrap();
        // Only where the old name has become free can another file have it.
        disk.create(Path::new("/old")).unwrap();
        disk.rename(Path::new("/new"), Path::new("/newest")).unwrap();
        let names =
            |disk: &SimulatedDisk| ["/old", "/new", "/newest"].map(|path| disk.open(Path::new(path)).is_ok());
        let expected = [
            [true, false, false],
            [false, true, false],
            [true, true, false],
            [false, false, true],
            [true, false, true],
        ];
        assert_eq!(possible(&disk, names), expected.into());
    }

    #[test]
    fn a_name_that_came_and_went_may_be_there_and_every_other_for_itself() {
        let disk = SimulatedDisk::default();
        for name in ["/came", "/other"] {
            write(&*disk.create(Path::new(name)).unwrap(), b"x", 0);
        }
        disk.remove(Path::new("/came")).unwrap();
        let names = |disk: &SimulatedDisk| ["/came", "/other"].map(|path| disk.open(Path::new(path)).is_ok());
        assert_eq!(possible(&disk, names).len(), 4);
        assert_eq!(names(&disk.reboot(AfterPowerLoss::Kept)), [false, true]);
    }

    #[test]
    fn the_disk_as_it_was_is_the_disk_that_lost_power() {
        let run = |disk: &SimulatedDisk| -> io::Result<()> {
            for number in 0..3 {
                let path = format!("/{number}");
                let file = disk.create(Path::new(&path))?;
                file.write_at(&[IoSlice::new(path.as_bytes())], 0)?;
                file.sync()?;
                disk.sync_folder(Path::new("/"))?;
            }
            Ok(())
        };
        let all = |disk: &SimulatedDisk| {
            let names =
                disk.list(Path::new("/")).unwrap().into_iter().map(|entry| format!("/{}", entry.name));
            names.map(|name| (content(disk, &name).unwrap(), name)).collect::<Vec<_>>()
        };
        let whole = SimulatedDisk::default().remembering_each_step();
        run(&whole).unwrap();
        for steps in 0..=whole.steps() {
            let cut = SimulatedDisk::default().losing_power_after(steps);
            assert_eq!(run(&cut).is_ok(), steps == whole.steps());
            for seed in 0..9 {
                let outcome = AfterPowerLoss::Torn(seed);
                assert_eq!(all(&whole.as_it_was_after(steps).reboot(outcome)), all(&cut.reboot(outcome)));
            }
        }
    }

    #[test]
    fn a_failed_sync_loses_what_it_should_have_written() {
        #[derive(Debug)]
        struct FirstSync(bool);
        impl crate::disk::Failing for FirstSync {
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
    fn a_failed_sync_writes_what_it_is_told_to_and_nobody_writes_the_rest() {
        #[derive(Debug)]
        struct FailingSyncs;
        impl crate::disk::Failing for FailingSyncs {
            fn error(&mut self, operation: &str, _path: &str) -> Option<io::Error> {
                (operation == "sync").then(|| io::Error::other("bad sector"))
            }
            fn read_error(&mut self, operation: &str, path: &str) -> Option<io::Error> {
                (operation == "read" && path == "unreadable").then(|| io::Error::other("bad sector"))
            }
        }
        let disk = SimulatedDisk::default();
        let file = disk.create(Path::new("/file")).unwrap();
        write(&*disk.create(Path::new("/unreadable")).unwrap(), b"x", 0);
        disk.sync_folder(Path::new("/")).unwrap();
        disk.fail(FailingSyncs);
        disk.failed_syncs_write(AfterPowerLoss::Torn(0));
        write(&*file, &[b'x'; 8192], 0);
        file.sync().unwrap_err();
        assert!(content(&disk, "/unreadable").is_err(), "reads fail too, where they are to");
        disk.work_again();
        file.sync().unwrap();
        assert_eq!(content(&disk, "/unreadable").unwrap(), b"x");
        let found = possible(&disk, |disk| content(disk, "/file").unwrap());
        let sectors: BTreeSet<&[u8]> = found.first().unwrap().chunks(512).collect();
        let expected: [&[u8]; 2] = [&[0; 512], &[b'x'; 512]];
        assert!(found.len() == 1 && sectors == expected.into(), "once and for all, some of it");
    }

    #[test]
    fn after_the_power_failed_nothing_works() {
        let disk = SimulatedDisk::default().losing_power_after(1);
        let file = disk.create(Path::new("/file")).unwrap();
        assert!(file.sync().is_err() && disk.list(Path::new("/")).is_err() && disk.is_dark());
    }
}
