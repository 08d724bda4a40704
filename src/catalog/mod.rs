//! The ledger of objects: what lies in the spool, what was tried, what was delivered when.
//!
//! It is a convenience and never the truth. Every fact that delivery depends on is in the log and in the spool; the
//! ledger makes `status` and `inspect` answer, lets a multipart upload go on after a restart, and saves the repetition
//! of a put whose spool file was not removed yet. Invariants:
//!
//! - No call fails or blocks for long: what the database cannot say is `None`, an empty list, or not written.
//! - A ledger that is deleted or damaged between runs fills itself again from the spool ([`Catalog::reconcile`]).
//!   A damaged one is kept aside as `catalog.damaged-<n>`, two of them at most.
//! - Delivered objects stay in it for a while ([`Options`]); undelivered ones as long as the spool has them.

mod entry;
mod guard;
mod store;

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

pub use entry::{Entry, Part, PartialUpload, State};
use guard::Guard;
use store::{Bounds, Store, StoreError};

use crate::pack::{Batch, BatchId, Object, OutputName};

/// How long the ledger remembers deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many delivered objects it remembers; the oldest go first.
    pub delivered_entries: usize,
    /// For how long it remembers them.
    pub delivered_age: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { delivered_entries: 10_000, delivered_age: Duration::from_hours(7 * 24) }
    }
}

impl Options {
    const fn bounds(self) -> Bounds {
        Bounds { delivered_entries: self.delivered_entries, delivered_age: self.delivered_age }
    }
}

/// The ledger. Its calls block the thread, for some seconds at most.
pub struct Catalog {
    guard: Guard,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").field("degraded", &self.is_degraded()).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Opens the ledger in `folder`. Never fails: a bad one is moved aside and a fresh one made; if even that is not
    /// possible, forebay works without ([`Catalog::is_degraded`]).
    pub fn open(folder: &Path) -> Self {
        Self::open_with(folder, Options::default())
    }

    /// As [`Catalog::open`], with other bounds.
    pub fn open_with(folder: &Path, options: Options) -> Self {
        Self { guard: Guard::open(folder, options.bounds()) }
    }

    /// Whether forebay works without its ledger.
    pub fn is_degraded(&self) -> bool {
        self.guard.is_degraded()
    }

    /// Brings the ledger in step with the batches that the spool has of one output at start: objects it does not know are
    /// entered, undelivered ones that the spool has not are struck out.
    pub fn reconcile(&self, output: &OutputName, batches: &[Batch]) {
        let output = output.clone();
        let spooled: Vec<Entry> = batches.iter().flat_map(entries_of).collect();
        self.guard.call(move |store| {
            let names: HashSet<String> = spooled.iter().map(Entry::name).collect();
            strike_out(store, |entry| entry.output == output && !names.contains(&entry.name()))?;
            enter(store, &spooled)
        });
    }

    /// Strikes out undelivered objects of all outputs but these.
    pub fn keep_outputs(&self, outputs: &[OutputName]) {
        let outputs = outputs.to_vec();
        self.guard.call(move |store| strike_out(store, |entry| !outputs.contains(&entry.output)));
    }

    /// Enters the objects of a batch that has come into the spool.
    pub fn note_spooled(&self, batch: &Batch) {
        let spooled: Vec<Entry> = entries_of(batch).collect();
        self.guard.call(move |store| enter(store, &spooled));
    }

    /// Notes that an attempt to put `object` begins.
    pub fn note_attempt(&self, object: &Object, batch: &BatchId, now: u64) {
        self.change(object, batch, move |entry| {
            entry.state = State::Uploading;
            entry.attempts += 1;
            entry.first_attempt_at.get_or_insert(now);
            entry.last_attempt_at = Some(now);
        });
    }

    /// Notes what an attempt failed with.
    pub fn note_failure(&self, object: &Object, batch: &BatchId, words: &str) {
        let words = words.to_string();
        self.change(object, batch, move |entry| entry.last_error = Some(words));
    }

    /// Notes how far a multipart upload has come (`None`: it is abandoned), durably.
    pub fn note_upload(&self, object: &Object, batch: &BatchId, upload: Option<PartialUpload>) {
        let blank = Entry::spooled(object, batch);
        self.guard.call(move |store| {
            let mut entry = store.get(&blank.name())?.unwrap_or(blank);
            entry.upload = upload;
            store.put(&entry)?;
            store.flush()
        });
    }

    /// Notes durably that the bucket has confirmed `object`.
    pub fn note_delivered(&self, object: &Object, batch: &BatchId, etag: Option<String>, now: u64) {
        let blank = Entry::spooled(object, batch);
        self.guard.call(move |store| {
            let mut entry = store.get(&blank.name())?.unwrap_or(blank);
            entry.state = State::Delivered;
            entry.delivered_at = Some(now);
            entry.etag = etag;
            entry.upload = None;
            entry.last_error = None;
            store.put(&entry)?;
            store.prune(now)?;
            store.flush()
        });
    }

    /// Makes everything durable that was noted so far.
    pub fn flush(&self) {
        self.guard.call(|store| store.flush());
    }

    /// Strikes out objects that left the spool without being delivered.
    pub fn forget(&self, batch: &Batch) {
        let names: Vec<String> = entries_of(batch).map(|entry| entry.name()).collect();
        self.guard.call(move |store| {
            for name in &names {
                if store.get(name)?.is_some_and(|entry| entry.state != State::Delivered) {
                    store.remove(name)?;
                }
            }
            Ok(())
        });
    }

    /// What the ledger knows about the object of an output that has this address ([`Object::address`]).
    pub fn entry(&self, output: &OutputName, address: &str) -> Option<Entry> {
        let name = entry::name(output, address);
        self.guard.call(move |store| store.get(&name)).flatten()
    }

    /// Everything the ledger knows, by output and key.
    pub fn entries(&self) -> Vec<Entry> {
        self.guard.call(|store| store.entries()).unwrap_or_default()
    }

    /// The `count` objects delivered last, the latest first.
    pub fn last_delivered(&self, count: usize) -> Vec<Entry> {
        self.guard.call(move |store| store.last_delivered(count)).unwrap_or_default()
    }

    /// The objects that were tried in vain and are tried again.
    pub fn retrying(&self) -> Vec<Entry> {
        let mut entries = self.entries();
        entries.retain(|entry| entry.state != State::Delivered && entry.last_error.is_some());
        entries
    }

    /// Changes the entry of `object`, which is entered if it is not known.
    fn change(&self, object: &Object, batch: &BatchId, change: impl FnOnce(&mut Entry) + Send + 'static) {
        let blank = Entry::spooled(object, batch);
        self.guard.call(move |store| {
            let mut entry = store.get(&blank.name())?.unwrap_or(blank);
            change(&mut entry);
            store.put(&entry)
        });
    }
}

fn entries_of(batch: &Batch) -> impl Iterator<Item = Entry> + '_ {
    let id = batch.id();
    batch.objects.iter().map(move |object| Entry::spooled(object, &id))
}

/// Removes the undelivered entries that are gone.
fn strike_out(store: &mut Store, is_gone: impl Fn(&Entry) -> bool) -> Result<(), StoreError> {
    for entry in store.entries()? {
        if entry.state != State::Delivered && is_gone(&entry) {
            store.remove(&entry.name())?;
        }
    }
    Ok(())
}

/// Enters what the ledger does not know yet.
fn enter(store: &mut Store, spooled: &[Entry]) -> Result<(), StoreError> {
    for entry in spooled {
        if store.get(&entry.name())?.is_none() {
            store.put(entry)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
