//! Content, in memory and on disk.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::path::Path;

use super::{Node, SimulatedDisk};
use crate::disk::File;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// A file: its content as programs see it, and as it is on disk.
#[derive(Clone, Debug, Default)]
pub(super) struct FileNode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that the system still has to write.
    dirty: BTreeSet<usize>,
}

impl FileNode {
    /// A file whose content is all durable.
    pub(super) fn durable(content: Vec<u8>) -> Self {
        Self { seen: content.clone(), durable: content, dirty: BTreeSet::new() }
    }

    pub(super) fn length(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn unsynced_bytes(&self) -> u64 {
        (self.dirty.len() * SECTOR) as u64
    }

    pub(super) fn flip_bit(&mut self, offset: u64) {
        let offset = as_index(offset);
        for content in [&mut self.seen, &mut self.durable] {
            if let Some(byte) = content.get_mut(offset) {
                *byte ^= 1;
            }
        }
    }

    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        // A longer file is also a changed one from its former end on.
        let changed_from = offset.min(self.seen.len());
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        self.dirty.extend(changed_from / SECTOR..end.div_ceil(SECTOR));
    }

    fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.seen, &mut self.durable, sector);
        }
    }

    /// Drops what is in memory and clean; reading it again shows what is on disk.
    fn forget_clean(&mut self) {
        for sector in 0..self.seen.len().div_ceil(SECTOR) {
            if !self.dirty.contains(&sector) {
                let from = sector * SECTOR;
                let to = (from + SECTOR).min(self.seen.len());
                let on_disk = self.durable.get(from..to.min(self.durable.len())).unwrap_or_default();
                self.seen[from..from + on_disk.len()].copy_from_slice(on_disk);
                self.seen[from + on_disk.len()..to].fill(0);
            }
        }
    }

    /// The content after a power loss, where `keep` decides about each sector that was not durable.
    pub(super) fn after_power_loss(&self, mut keep: impl FnMut() -> bool) -> Vec<u8> {
        let mut content = self.durable.clone();
        for &sector in &self.dirty {
            if keep() {
                let end = ((sector + 1) * SECTOR).min(self.seen.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                copy_sector(&self.seen, &mut content, sector);
            }
        }
        content
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR;
    let end = (start + SECTOR).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

fn as_index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// An open file.
#[derive(Debug)]
pub(super) struct Handle {
    disk: SimulatedDisk,
    node: Node,
}

impl Handle {
    pub(super) fn new(disk: SimulatedDisk, node: Node) -> Self {
        Self { disk, node }
    }

    fn with<T>(&self, action: impl FnOnce(&mut FileNode) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.lock_state();
        action(state.files.get_mut(&self.node).ok_or(io::ErrorKind::NotFound)?)
    }
}

impl File for Handle {
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        let name = state.name_of(self.node);
        let outcome = state.step("write", &name);
        if outcome.is_err() {
            state.powered()?;
        }
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        // A write that fails may have written a part.
        let written = if outcome.is_ok() { bytes.len() } else { bytes.len() / 2 };
        let offset = as_index(offset);
        let file = state.files.get_mut(&self.node).ok_or(io::ErrorKind::NotFound)?;
        let grown = (offset + written).saturating_sub(file.seen.len()) as u64;
        file.write(&bytes[..written], offset);
        state.free_bytes = state.free_bytes.checked_sub(grown).ok_or(io::ErrorKind::StorageFull)?;
        outcome
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.lock_state().powered()?;
        let offset = as_index(offset);
        self.with(|file| {
            let content = file.seen.get(offset..offset.saturating_add(buffer.len()));
            buffer.copy_from_slice(content.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        let name = state.name_of(self.node);
        let outcome = state.step("sync", &name);
        if outcome.is_err() {
            state.powered()?;
        }
        let file = state.files.get_mut(&self.node).ok_or(io::ErrorKind::NotFound)?;
        match &outcome {
            Ok(()) => file.sync(),
            Err(_) => file.dirty.clear(),
        }
        outcome
    }

    fn length(&self) -> io::Result<u64> {
        self.disk.lock_state().powered()?;
        self.with(|file| Ok(file.length()))
    }

    fn forget_cached(&self) {
        let mut state = self.disk.lock_state();
        if let Some(file) = state.files.get_mut(&self.node) {
            file.forget_clean();
        }
    }

    fn link(&self, path: &Path) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        state.step("link", path)?;
        state.add_name(path, self.node)
    }
}
