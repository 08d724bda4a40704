//! The notes of what was delivered, and the lists that become of them. All calls block.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::error::Error;
use super::folder::Folder;
use super::hour::{Hour, Slot};
use super::line::Line;
use crate::disk::{Budget, Use};
use crate::log::SegmentId;
use crate::otlp::Signal;
use crate::pack::Object;

/// Notes and lists of one data folder.
#[derive(Debug)]
pub(super) struct Trail {
    folder: Folder,
    writer: String,
    prefix: String,
    budget: Arc<Budget>,
    /// Notes that are in no list, by name.
    notes: BTreeMap<Slot, BTreeMap<String, Use>>,
    /// What is noted of batches that the spool may still have.
    unreleased: BTreeMap<SegmentId, Noted>,
    /// Lists that are being made of notes.
    sealing: Vec<Sealing>,
    /// Lists that go into the bucket, by the names of their files.
    lists: BTreeMap<String, (Object, Use)>,
}

/// What is noted of a batch.
#[derive(Debug, Default)]
struct Noted {
    addresses: HashSet<String>,
    slots: BTreeSet<Slot>,
    /// Notes that are not known to be durable. They are written again as they are: another attempt, in another hour,
    /// would be another note about the same objects.
    owed: Vec<Note>,
}

#[derive(Debug)]
struct Note {
    slot: Slot,
    name: String,
    content: Vec<u8>,
}

/// A list that is being made. Which notes it is made of is settled before anything is written, so that each further
/// attempt makes the same list.
#[derive(Debug)]
struct Sealing {
    slot: Slot,
    notes: BTreeMap<String, Use>,
    /// What they say, once it was read.
    content: Option<Vec<u8>>,
    is_durable: bool,
}

/// What a trail that is opened has found.
struct Found {
    /// The addresses that the lists have.
    listed: HashSet<String>,
    /// Addresses of objects that the spool still has, each with its segment.
    undelivered: BTreeMap<String, SegmentId>,
}

impl Trail {
    /// Opens the trail in `folder`. `undelivered` has every object of the spool, by its address with the whole key, with its segment.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn open(
        folder: Folder,
        writer: &str,
        prefix: &str,
        budget: &Arc<Budget>,
        undelivered: BTreeMap<String, SegmentId>,
    ) -> Result<Self, Error> {
        let mut trail = Self {
            folder,
            writer: writer.to_string(),
            prefix: prefix.to_string(),
            budget: Arc::clone(budget),
            notes: BTreeMap::new(),
            unreleased: BTreeMap::new(),
            sealing: Vec::new(),
            lists: BTreeMap::new(),
        };
        let names = trail.folder.names()?;
        let mut found = Found { listed: HashSet::new(), undelivered };
        for name in &names {
            trail.find_list(name, &mut found)?;
        }
        for name in &names {
            trail.find_note(name, &found)?;
        }
        // A note that came back after its list had left this disk would be listed once more.
        trail.folder.sync()?;
        Ok(trail)
    }

    fn find_list(&mut self, name: &str, found: &mut Found) -> Result<(), Error> {
        let Some((slot, hash)) = Slot::of_list(name) else { return Ok(()) };
        let Some(content) = self.folder.read(name, hash)? else { return Ok(()) };
        let Some(lines) = Line::read_all(&content) else { return Ok(()) };
        self.take_list(slot, name.to_string(), &content, &lines);
        found.listed.extend(lines.iter().map(Line::address));
        Ok(())
    }

    fn find_note(&mut self, name: &str, found: &Found) -> Result<(), Error> {
        let Some((slot, hash)) = Slot::of_note(name) else { return Ok(()) };
        let Some(content) = self.folder.read(name, hash)? else { return Ok(()) };
        let Some(lines) = Line::read_all(&content) else { return Ok(()) };
        // A list is made of whole notes, and a note goes only into one.
        if lines.iter().any(|line| found.listed.contains(&line.address())) {
            return self.folder.remove(name);
        }
        for line in lines {
            let address = line.address();
            if let Some(segment) = found.undelivered.get(&address) {
                let noted = self.unreleased.entry(*segment).or_default();
                noted.addresses.insert(address);
                noted.slots.insert(slot);
            }
        }
        let used = self.budget.take(content.len() as u64);
        self.notes.entry(slot).or_default().insert(name.to_string(), used);
        Ok(())
    }

    /// Notes durably what was delivered of a batch; what is noted already is passed over. After an error call it again.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn note(
        &mut self,
        segment: SegmentId,
        lines: Vec<(Signal, Line)>,
        hour: Hour,
    ) -> Result<(), Error> {
        let noted = self.unreleased.entry(segment).or_default();
        let mut of_signals: BTreeMap<Signal, Vec<Line>> = BTreeMap::new();
        for (signal, line) in lines {
            if noted.addresses.insert(line.address()) {
                of_signals.entry(signal).or_default().push(line);
            }
        }
        for (signal, lines) in of_signals {
            let (slot, content) = (Slot { hour, signal }, Line::write_all(&lines));
            noted.slots.insert(slot);
            noted.owed.push(Note { slot, name: slot.note(segment, &content), content });
        }
        if noted.owed.is_empty() {
            return Ok(());
        }
        for note in &noted.owed {
            self.folder.write(&note.name, &note.content)?;
        }
        self.folder.sync()?;
        for note in noted.owed.drain(..) {
            let used = self.budget.take(note.content.len() as u64);
            self.notes.entry(note.slot).or_default().insert(note.name, used);
        }
        Ok(())
    }

    /// The batch is durably gone from the spool: nobody will ask for its notes again.
    pub(super) fn released(&mut self, segment: SegmentId) {
        self.unreleased.remove(&segment);
    }

    /// What may be sealed at `now`: hours that are over (`all`: every hour), and of which no batch is left in the spool.
    /// Such a batch is delivered again after a crash, and only its notes tell that it was listed.
    pub(super) fn due(&self, now: Hour, all: bool) -> Vec<Slot> {
        let is_over = |slot: &Slot| all || slot.hour < now;
        let is_released = |slot: &Slot| !self.unreleased.values().any(|noted| noted.slots.contains(slot));
        self.notes.keys().filter(|slot| is_over(slot) && is_released(slot)).copied().collect()
    }

    /// Makes lists of what is due at `now`. After an error call it again.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn seal(&mut self, now: Hour, all: bool) -> Result<(), Error> {
        for slot in self.due(now, all) {
            if let Some(notes) = self.notes.remove(&slot) {
                self.sealing.push(Sealing { slot, notes, content: None, is_durable: false });
            }
        }
        while let Some(mut sealing) = self.sealing.pop() {
            if let Err(error) = self.go_on(&mut sealing) {
                self.sealing.push(sealing);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Makes one list: durable first, then the notes go durably, and only then may it leave this disk.
    fn go_on(&mut self, sealing: &mut Sealing) -> Result<(), Error> {
        let content = match sealing.content.take() {
            Some(content) => content,
            None => self.read_notes(&sealing.notes)?,
        };
        let content = sealing.content.insert(content);
        let name = sealing.slot.list(&self.writer, content);
        if !sealing.is_durable && !content.is_empty() {
            self.folder.write(&name, content)?;
            self.folder.sync()?;
        }
        sealing.is_durable = true;
        for note in sealing.notes.keys() {
            self.folder.remove(note)?;
        }
        self.folder.sync()?;
        if let Some(lines) = Line::read_all(content).filter(|lines| !lines.is_empty()) {
            let content = std::mem::take(content);
            self.take_list(sealing.slot, name, &content, &lines);
        }
        Ok(())
    }

    /// What notes say, one behind the other.
    fn read_notes(&self, notes: &BTreeMap<String, Use>) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        for name in notes.keys() {
            if let Some((_, hash)) = Slot::of_note(name) {
                all.extend(self.folder.read(name, hash)?.unwrap_or_default());
            }
        }
        Ok(all)
    }

    /// Counts a list among those that go into the bucket.
    fn take_list(&mut self, slot: Slot, name: String, content: &[u8], lines: &[Line]) {
        let sum = Line::sum(lines);
        let object = Object {
            bucket: None,
            key: slot.key(&self.prefix, &name),
            file: name.clone(),
            signal: slot.signal,
            records: sum.objects,
            items: sum.items,
            bytes: content.len() as u64,
            blake3: blake3::hash(content).to_hex().to_string(),
            first_received_at: sum.first_received_at,
            last_received_at: sum.last_received_at,
            content_type: "application/x-ndjson".into(),
            content_encoding: None,
        };
        let used = self.budget.take(object.bytes);
        self.lists.insert(name, (object, used));
    }

    /// The lists that go into the bucket.
    pub(super) fn lists(&self) -> Vec<Object> {
        self.lists.values().map(|(object, _)| object.clone()).collect()
    }

    /// The folder in which the files of the lists are.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The list is in the bucket: removes it. One that comes back after a power loss is put again under the same name.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn confirmed(&mut self, list: &Object) -> Result<(), Error> {
        self.folder.remove(&list.file)?;
        self.lists.remove(&list.file);
        Ok(())
    }

    /// Lists that are not in the bucket, and those that are yet to be made of notes.
    pub(super) fn left(&self) -> usize {
        self.notes.len() + self.sealing.len() + self.lists.len()
    }
}

#[cfg(test)]
#[path = "trail_tests.rs"]
mod tests;
