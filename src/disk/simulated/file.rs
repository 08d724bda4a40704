//! Content, in memory and on disk.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use super::super::blocks::are_blocks;
use super::chance::Chance;
use super::{Node, SimulatedDisk};
use crate::disk::File;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// A file: its content as programs see it, and as it is on disk. Clones share what they can.
#[derive(Clone, Debug, Default)]
pub(super) struct FileNode {
    seen: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// Sectors that the system still has to write, each with what it held between its last sync and its last write.
    dirty: BTreeMap<usize, Vec<Arc<[u8]>>>,
}

impl FileNode {
    /// A file whose content is all durable.
    pub(super) fn durable(content: Vec<u8>) -> Self {
        let content = Arc::new(content);
        Self { seen: Arc::clone(&content), durable: content, dirty: BTreeMap::new() }
    }

    pub(super) fn length(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn seen(&self) -> &Arc<Vec<u8>> {
        &self.seen
    }

    pub(super) fn unsynced_bytes(&self) -> u64 {
        (self.dirty.len() * SECTOR) as u64
    }

    pub(super) fn flip_bit(&mut self, offset: u64) {
        let offset = as_index(offset);
        for content in [&mut self.seen, &mut self.durable] {
            if let Some(byte) = Arc::make_mut(content).get_mut(offset) {
                *byte ^= 1;
            }
        }
    }

    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        // A longer file is also a changed one from its former end on.
        let changed_from = offset.min(self.seen.len());
        for sector in changed_from / SECTOR..end.div_ceil(SECTOR) {
            match self.dirty.entry(sector) {
                Entry::Vacant(clean) => drop(clean.insert(Vec::new())),
                Entry::Occupied(mut dirty) => dirty.get_mut().push(sector_of(&self.seen, sector).into()),
            }
        }
        let seen = Arc::make_mut(&mut self.seen);
        if seen.len() < end {
            seen.resize(end, 0);
        }
        seen[offset..end].copy_from_slice(bytes);
    }

    fn sync(&mut self) {
        let durable = Arc::make_mut(&mut self.durable);
        durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty).into_keys() {
            put_sector(durable, sector, sector_of(&self.seen, sector));
        }
    }

    /// Writes what `chance` keeps, and takes all of it for written.
    fn fail_to_sync(&mut self, chance: &mut Chance) {
        let durable = Arc::make_mut(&mut self.durable);
        for sector in std::mem::take(&mut self.dirty).into_keys() {
            if chance.keeps() {
                let content = sector_of(&self.seen, sector);
                durable.resize(durable.len().max(sector * SECTOR + content.len()), 0);
                put_sector(durable, sector, content);
            }
        }
    }

    /// Drops what is in memory and clean; reading it again shows what is on disk.
    fn forget_clean(&mut self) {
        let seen = Arc::make_mut(&mut self.seen);
        for sector in (0..seen.len().div_ceil(SECTOR)).filter(|sector| !self.dirty.contains_key(sector)) {
            let from = sector * SECTOR;
            let to = (from + SECTOR).min(seen.len());
            seen[from..to].fill(0);
            put_sector(seen, sector, sector_of(&self.durable, sector));
        }
    }

    /// The content after a power loss. `others` is what the places on the disk may have held before that this file has
    /// newly got.
    pub(super) fn after_power_loss(&self, chance: &mut Chance, others: &[Arc<Vec<u8>>]) -> Vec<u8> {
        let mut content = self.durable.to_vec();
        content.resize(chance.length(self.durable.len(), self.seen.len()), 0);
        for (&sector, between) in &self.dirty {
            let state = chance.state_of(between.len() + 2);
            if state == between.len() + 1 {
                put_sector(&mut content, sector, sector_of(&self.seen, sector));
            } else if let Some(between) = state.checked_sub(1).and_then(|place| between.get(place)) {
                put_sector(&mut content, sector, between);
            } else if sector * SECTOR >= self.durable.len() && chance.below(4) == 1 {
                let other = &others[as_index(chance.below(others.len() as u64))];
                put_sector(&mut content, sector, sector_of(other, sector));
            }
        }
        content
    }
}

/// A sector, as far as the file reaches.
fn sector_of(content: &[u8], sector: usize) -> &[u8] {
    let start = (sector * SECTOR).min(content.len());
    &content[start..(start + SECTOR).min(content.len())]
}

/// Puts a sector, as far as the file reaches.
fn put_sector(content: &mut [u8], sector: usize, bytes: &[u8]) {
    let start = (sector * SECTOR).min(content.len());
    let length = bytes.len().min(content.len() - start);
    content[start..start + length].copy_from_slice(&bytes[..length]);
}

fn as_index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// An open file.
#[derive(Debug)]
pub(super) struct Handle {
    disk: SimulatedDisk,
    node: Node,
    /// Whether it takes whole blocks only.
    is_direct: bool,
}

impl Handle {
    pub(super) fn new(disk: SimulatedDisk, node: Node) -> Self {
        Self { disk, node, is_direct: false }
    }

    /// One that whoever writes to it has to give whole blocks.
    pub(super) fn direct(disk: SimulatedDisk, node: Node) -> Self {
        Self { is_direct: true, ..Self::new(disk, node) }
    }

    /// Nothing is read without power, nor where it is to fail.
    fn reading(&self, operation: &str) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        let name = state.content.name_of(self.node);
        state.look(operation, &name)
    }

    fn with<T>(&self, action: impl FnOnce(&mut FileNode) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.lock_state();
        action(state.content.files.get_mut(&self.node).ok_or(io::ErrorKind::NotFound)?)
    }
}

impl File for Handle {
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let are_blocks = slices.iter().all(|slice| are_blocks(slice, offset));
        assert!(are_blocks || !self.is_direct, "what goes past the cache is whole blocks");
        let mut state = self.disk.lock_state();
        let name = state.content.name_of(self.node);
        let outcome = state.step("write", &name);
        if outcome.is_err() {
            state.powered()?;
        }
        let bytes = slices.iter().map(|slice| &**slice).collect::<Vec<&[u8]>>().concat();
        // A write that fails may have written a part.
        let written = if outcome.is_ok() { bytes.len() } else { bytes.len() / 2 };
        let offset = as_index(offset);
        let file = state.content.files.get_mut(&self.node).ok_or(io::ErrorKind::NotFound)?;
        let grown = (offset + written).saturating_sub(file.seen.len()) as u64;
        file.write(&bytes[..written], offset);
        state.free_bytes = state.free_bytes.checked_sub(grown).ok_or(io::ErrorKind::StorageFull)?;
        outcome
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.reading("read")?;
        let offset = as_index(offset);
        self.with(|file| {
            let content = file.seen.get(offset..offset.saturating_add(buffer.len()));
            buffer.copy_from_slice(content.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        let name = state.content.name_of(self.node);
        let outcome = state.step("sync", &name);
        if outcome.is_err() {
            state.powered()?;
        }
        let mut failed_syncs = state.failed_syncs.clone();
        let file = state.content.files.get_mut(&self.node).ok_or(io::ErrorKind::NotFound)?;
        match &outcome {
            Ok(()) => file.sync(),
            Err(_) => file.fail_to_sync(&mut failed_syncs),
        }
        state.failed_syncs = failed_syncs;
        outcome
    }

    fn length(&self) -> io::Result<u64> {
        self.reading("length")?;
        self.with(|file| Ok(file.length()))
    }

    fn forget_cached(&self) {
        let mut state = self.disk.lock_state();
        if let Some(file) = state.content.files.get_mut(&self.node) {
            file.forget_clean();
        }
    }

    fn link(&self, path: &Path) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        state.step("link", path)?;
        state.content.add_name(path, self.node)
    }
}
