//! The database: the only file that knows sled.
//!
//! ```text
//! tree "objects"     name = output / object key              -> Entry, as JSON
//! tree "delivered"   delivered_at (u64, big-endian) ++ name  -> nothing; oldest first
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Entry, State};
use crate::disk::{Disk, RealDisk};

/// Why the database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// Another process, or a part of this one that has not ended yet, has the database open.
    #[error("another process has the ledger open: {0}")]
    InUse(String),
    #[error("{0}")]
    Database(#[from] sled::Error),
    #[error("cannot make the ledger durable: {0}")]
    Sync(#[from] std::io::Error),
}

type Result<T> = std::result::Result<T, StoreError>;

/// Bounds for what is kept of delivered objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) delivered_entries: usize,
    pub(super) delivered_age: Duration,
}

/// The open database.
pub(super) struct Store {
    database: sled::Db,
    objects: sled::Tree,
    delivered: sled::Tree,
    delivered_count: usize,
    bounds: Bounds,
    file: PathBuf,
}

/// The ledger is small and read seldom: little of it is kept in memory.
const CACHE_BYTES: u64 = 8 << 20;

impl Store {
    /// Opens the database in `folder`, creating it if need be. May panic or never return if the files are damaged.
    pub(super) fn open(folder: &Path, bounds: Bounds) -> Result<Self> {
        let database = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open()
            .map_err(|error| match error {
                sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
                    StoreError::InUse(error.to_string())
                }
                error => error.into(),
            })?;
        let objects = database.open_tree("objects")?;
        let delivered = database.open_tree("delivered")?;
        let mut store =
            Self { delivered_count: 0, database, objects, delivered, bounds, file: folder.join("db") };
        store.delivered_count = store.delivered.len();
        // Damage may lie in pages that opening does not touch: read everything once.
        store.entries()?;
        Ok(store)
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<Entry>> {
        Ok(self.objects.get(name)?.and_then(|value| Entry::decode(name.as_bytes(), &value)))
    }

    /// Writes an entry, and keeps the order of deliveries in step.
    pub(super) fn put(&mut self, entry: &Entry) -> Result<()> {
        let name = entry.name();
        if let Some(before) = self.get(&name)? {
            self.remove_delivery(&before)?;
        }
        self.objects.insert(&name, entry.encode())?;
        if let (State::Delivered, Some(at)) = (entry.state, entry.delivered_at)
            && self.delivered.insert(delivery_key(at, &name), &[])?.is_none()
        {
            self.delivered_count += 1;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        if let Some(entry) = self.get(name)? {
            self.remove_delivery(&entry)?;
        }
        self.objects.remove(name)?;
        Ok(())
    }

    fn remove_delivery(&mut self, entry: &Entry) -> Result<()> {
        if let Some(at) = entry.delivered_at
            && self.delivered.remove(delivery_key(at, &entry.name()))?.is_some()
        {
            self.delivered_count = self.delivered_count.saturating_sub(1);
        }
        Ok(())
    }

    /// Removes deliveries over the bounds, the oldest first.
    pub(super) fn prune(&mut self, now: u64) -> Result<()> {
        let age = u64::try_from(self.bounds.delivered_age.as_nanos()).unwrap_or(u64::MAX);
        let oldest_kept = now.saturating_sub(age);
        while let Some((delivery, _)) = self.delivered.first()? {
            let (at, name) = split_delivery_key(&delivery);
            if self.delivered_count <= self.bounds.delivered_entries && at >= oldest_kept {
                break;
            }
            self.delivered.remove(&delivery)?;
            self.delivered_count = self.delivered_count.saturating_sub(1);
            self.objects.remove(name)?;
        }
        Ok(())
    }

    /// Every entry, by output and key.
    pub(super) fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for pair in &self.objects {
            let (name, value) = pair?;
            entries.extend(Entry::decode(&name, &value));
        }
        Ok(entries)
    }

    /// The `count` objects delivered last, the latest first.
    pub(super) fn last_delivered(&self, count: usize) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for pair in self.delivered.iter().rev().take(count) {
            let (delivery, _) = pair?;
            let (_, name) = split_delivery_key(&delivery);
            if let Some(value) = self.objects.get(name)? {
                entries.extend(Entry::decode(name, &value));
            }
        }
        Ok(entries)
    }

    /// Makes everything written so far durable.
    pub(super) fn flush(&self) -> Result<()> {
        self.database.flush()?;
        // On Linux sled's flush is a `sync_file_range`, which moves neither metadata nor the disk's cache.
        RealDisk.open(&self.file)?.sync()?;
        Ok(())
    }
}

fn delivery_key(at: u64, name: &str) -> Vec<u8> {
    [&at.to_be_bytes()[..], name.as_bytes()].concat()
}

fn split_delivery_key(delivery: &[u8]) -> (u64, &[u8]) {
    delivery.split_first_chunk().map_or((0, delivery), |(at, name)| (u64::from_be_bytes(*at), name))
}
