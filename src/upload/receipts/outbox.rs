//! Notices that wait to be posted: a file for each, in the order of the deliveries. All calls block.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::Error;
use super::folder::Folder;
use super::hour::short_hash;
use crate::disk::{Budget, Use};
use crate::log::SegmentId;
use crate::metrics::upload as metrics;

/// What the names of notices end in.
const NOTICE: &str = ".json";

/// The notices of one data folder.
#[derive(Debug)]
pub(super) struct Outbox {
    folder: Folder,
    budget: Arc<Budget>,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Notices that were not posted, by the names of their files.
    waiting: BTreeMap<String, Use>,
    /// Keys of which there was a notice, of batches that the spool may still have.
    noted: HashMap<SegmentId, HashSet<String>>,
}

/// A notice.
pub(super) struct Notice {
    /// The address of the object.
    pub(super) address: String,
    /// When the object was delivered, in nanoseconds since 1970.
    pub(super) at: u64,
    pub(super) content: Vec<u8>,
}

impl Outbox {
    /// Opens the outbox in `folder`, which keeps `most` notices at most.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn open(folder: Folder, most: usize, budget: &Arc<Budget>) -> Result<Self, Error> {
        let mut state = State::default();
        let entries = folder.disk.list(&folder.path).map_err(Error::disk("list", &folder.path))?;
        for entry in entries.into_iter().filter(|entry| entry.name.ends_with(NOTICE)) {
            state.waiting.insert(entry.name, budget.take(entry.bytes));
        }
        let outbox = Self { folder, budget: Arc::clone(budget), most, state: Mutex::new(state) };
        outbox.drop_oldest()?;
        Ok(outbox)
    }

    /// Keeps notices about objects of a batch durably; those that were kept before are passed over. After an error call
    /// it again. If there are too many then, the oldest are dropped.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn keep(&self, segment: SegmentId, notices: &[Notice]) -> Result<(), Error> {
        let is_noted = |notice: &&Notice| {
            self.lock().noted.get(&segment).is_some_and(|noted| noted.contains(&notice.address))
        };
        let fresh: Vec<&Notice> = notices.iter().filter(|notice| !is_noted(notice)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let name =
            |notice: &Notice| format!("{:020}-{}{NOTICE}", notice.at, short_hash(notice.address.as_bytes()));
        for notice in &fresh {
            self.folder.write(&name(notice), &notice.content)?;
        }
        self.folder.sync()?;
        {
            let mut state = self.lock();
            for notice in &fresh {
                let used = self.budget.take(notice.content.len() as u64);
                state.waiting.insert(name(notice), used);
                state.noted.entry(segment).or_default().insert(notice.address.clone());
            }
        }
        self.drop_oldest()
    }

    /// The batch is durably gone from the spool.
    pub(super) fn released(&self, segment: SegmentId) {
        self.lock().noted.remove(&segment);
    }

    /// The name of the notice that is to be posted next.
    pub(super) fn next(&self) -> Option<String> {
        self.lock().waiting.keys().next().cloned()
    }

    /// How many wait.
    pub(super) fn count(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Reads a notice. One that is not there any more, or is not what was written, does not wait any more either.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let content =
            self.folder.read_any(name).map_err(Error::disk("read", &self.folder.path.join(name)))?;
        let is_whole = |content: &Vec<u8>| serde_json::from_slice::<serde::de::IgnoredAny>(content).is_ok();
        let content = content.filter(is_whole);
        if content.is_none() && self.lock().waiting.contains_key(name) {
            tracing::error!(name, "a notice of a delivered object is damaged and will not be posted");
            metrics::webhook_dropped(1);
            self.remove(name)?;
        }
        Ok(content)
    }

    /// Removes a notice. One that comes back after a power loss is posted again.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        self.folder.remove(name)?;
        self.lock().waiting.remove(name);
        Ok(())
    }

    fn drop_oldest(&self) -> Result<(), Error> {
        let mut dropped = 0;
        while self.count() > self.most {
            let Some(oldest) = self.next() else { break };
            self.remove(&oldest)?;
            dropped += 1;
        }
        if dropped > 0 {
            metrics::webhook_dropped(dropped);
            tracing::error!(
                dropped,
                most_waiting = self.most,
                "too many notices of delivered objects wait to be posted: the oldest were dropped"
            );
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SimulatedDisk;

    fn open(disk: &SimulatedDisk, most: usize, budget: &Arc<Budget>) -> Outbox {
        let folder = Folder::open(Arc::new(disk.clone()), "/data/receipts/webhook".into()).unwrap();
        Outbox::open(folder, most, budget).unwrap()
    }

    fn notice(number: u64) -> Notice {
        Notice {
            address: format!("key-{number}"),
            at: number,
            content: format!("{{\"n\":{number}}}").into_bytes(),
        }
    }

    #[test]
    fn notices_are_kept_in_order_over_a_power_loss_until_they_are_removed() {
        let (disk, budget) = (SimulatedDisk::default(), Budget::new(1 << 20));
        let outbox = open(&disk, 10, &budget);
        outbox.keep(SegmentId(1), &[notice(3), notice(1)]).unwrap();
        outbox.keep(SegmentId(2), &[notice(2)]).unwrap();
        assert_eq!(budget.used(), 21, "they count toward the disk budget");
        drop(outbox);
        let disk = disk.reboot(crate::disk::AfterPowerLoss::Lost);
        let outbox = open(&disk, 10, &budget);
        for number in 1..4 {
            let name = outbox.next().unwrap();
            assert_eq!(outbox.read(&name).unwrap().unwrap(), notice(number).content);
            outbox.remove(&name).unwrap();
        }
        assert!(outbox.next().is_none() && budget.used() == 0);
    }

    #[test]
    fn beyond_the_most_the_oldest_are_dropped() {
        let (disk, budget) = (SimulatedDisk::default(), Budget::new(1 << 20));
        let outbox = open(&disk, 3, &budget);
        for number in 0..5 {
            outbox.keep(SegmentId(number), &[notice(number)]).unwrap();
        }
        assert_eq!(outbox.count(), 3);
        let name = outbox.next().unwrap();
        assert_eq!(outbox.read(&name).unwrap().unwrap(), notice(2).content);
        drop(outbox);
        assert_eq!(open(&disk, 1, &budget).count(), 1, "also if the setting became smaller");
    }

    #[test]
    fn a_notice_is_kept_once_for_each_batch_however_often_it_is_asked() {
        let (disk, budget) = (SimulatedDisk::default(), Budget::new(1 << 20));
        let outbox = open(&disk, 10, &budget);
        outbox.keep(SegmentId(1), &[notice(1)]).unwrap();
        outbox.remove(&outbox.next().unwrap()).unwrap();
        outbox.keep(SegmentId(1), &[notice(1)]).unwrap();
        assert_eq!(outbox.count(), 0, "it was posted while the batch's removal was tried again");
    }

    #[test]
    fn a_damaged_notice_is_passed_over() {
        let (disk, budget) = (SimulatedDisk::default(), Budget::new(1 << 20));
        let outbox = open(&disk, 10, &budget);
        outbox.keep(SegmentId(1), &[notice(1)]).unwrap();
        let name = outbox.next().unwrap();
        outbox.folder.write(&name, b"{").unwrap();
        assert_eq!(outbox.read(&name).unwrap(), None);
        assert_eq!(outbox.count(), 0);
    }
}
