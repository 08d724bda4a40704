//! The objects that a segment becomes, a few of them open at a time.
//!
//! A segment may have many more partitions than objects may be open. To finish an object early and begin another one of the
//! same partition would make an object of nearly every record; so a pass over the segment takes the partitions that come
//! first, as many as may be open, and leaves the others to the next pass.

use std::collections::{HashMap, HashSet};

use super::batch::BatchId;
use super::error::Error;
use super::key::{Partition, unique_part};
use super::object_writer::{Finished, ObjectWriter};
use super::options::Options;
use super::staging::Staging;
use crate::log::Record;
use crate::otlp::Signal;

/// Objects that are open at once. They are more than one for each signal only where keys depend on tenants or attributes, or
/// the time changes.
pub(super) const OPEN_OBJECTS_MAX: usize = 16;

/// Open objects of what cannot be packed, beside those.
const OPEN_ASIDE_MAX: usize = 4;

/// Passes over a segment. What is left to the last one is taken there, in as many objects as it takes.
pub(super) const PASSES_MAX: usize = 64;

/// The objects of one batch.
pub(super) struct Objects<'a> {
    id: &'a BatchId,
    writer: &'a str,
    pub(super) staging: Staging<'a>,
    /// Those that are not finished, the one that was used last at the end.
    open: Vec<ObjectWriter>,
    /// As `open`, of records that cannot be packed.
    aside: Vec<ObjectWriter>,
    /// The partitions that were begun, each with the pass that takes it.
    taken: HashMap<(Signal, Partition), usize>,
    /// Counts the passes, from 0.
    pass: usize,
    /// Whether something is left to the next pass.
    leaves_some: bool,
    /// The unique parts of the names of all objects that are finished.
    uniques: HashSet<String>,
    finished: Vec<Finished>,
}

impl<'a> Objects<'a> {
    /// Of a batch of the data folder `writer`.
    pub(super) fn new(id: &'a BatchId, writer: &'a str, staging: Staging<'a>) -> Self {
        Self {
            id,
            writer,
            staging,
            open: Vec::new(),
            aside: Vec::new(),
            taken: HashMap::new(),
            pass: 0,
            leaves_some: false,
            uniques: HashSet::new(),
            finished: Vec::new(),
        }
    }

    /// Whether this is the first pass.
    pub(super) fn is_first_pass(&self) -> bool {
        self.pass == 0
    }

    /// The open object of a partition, which is begun if there is none, and how many are open; none if another pass takes
    /// the partition.
    pub(super) fn of(
        &mut self,
        options: &Options,
        record: &Record,
        partition: Partition,
    ) -> Result<Option<(&mut ObjectWriter, usize)>, Error> {
        if let Some(place) = self.open.iter().position(|open| open.is_of(record.signal, &partition)) {
            // To the end, where those are that were used last.
            self.open[place..].rotate_left(1);
        } else if !self.begin(options, record, partition)? {
            return Ok(None);
        }
        let count = self.open.len();
        Ok(self.open.last_mut().map(|open| (open, count)))
    }

    /// Begins the object of a partition; false if another pass takes the partition.
    fn begin(&mut self, options: &Options, record: &Record, partition: Partition) -> Result<bool, Error> {
        let name = (record.signal, partition);
        let taken_by = self.taken.get(&name).copied();
        if taken_by.is_some_and(|pass| pass < self.pass) {
            return Ok(false);
        }
        if self.open.len() >= OPEN_OBJECTS_MAX && !self.make_room(&name.1, taken_by.is_some())? {
            self.leaves_some = true;
            return Ok(false);
        }
        let file = self.staging.create(record.signal)?;
        self.open.push(ObjectWriter::begin(options, file, record.signal, name.1.clone())?);
        self.taken.insert(name, self.pass);
        Ok(true)
    }

    /// The open object of a partition for what cannot be packed.
    pub(super) fn aside(
        &mut self,
        options: &Options,
        record: &Record,
        partition: Partition,
    ) -> Result<Option<&mut ObjectWriter>, Error> {
        if let Some(place) = self.aside.iter().position(|open| open.is_of(record.signal, &partition)) {
            self.aside[place..].rotate_left(1);
        } else {
            if self.aside.len() >= OPEN_ASIDE_MAX {
                let oldest = self.aside.remove(0);
                self.finish(oldest)?;
            }
            let file = self.staging.create(record.signal)?;
            self.aside.push(ObjectWriter::begin(options, file, record.signal, partition)?);
        }
        Ok(self.aside.last_mut())
    }

    /// Makes room for an object of `partition`, if this pass may take it. `is_ours` says that it has before.
    fn make_room(&mut self, partition: &Partition, is_ours: bool) -> Result<bool, Error> {
        // Records come in the order of time: what is of another one is complete. (But where clocks are set back.)
        let complete = self.open.iter().position(|open| open.partition().is_of_another_time(partition));
        let must = is_ours || self.pass + 1 >= PASSES_MAX;
        let Some(place) = complete.or(must.then_some(0)) else { return Ok(false) };
        let object = self.open.remove(place);
        self.finish(object)?;
        Ok(true)
    }

    /// Finishes the object that was used last: it takes no more, though more may come of its partition.
    pub(super) fn finish_last(&mut self) -> Result<(), Error> {
        self.open.pop().map_or(Ok(()), |object| self.finish(object))
    }

    /// Ends a pass over the segment. Returns whether there is to be another one.
    pub(super) fn end_pass(&mut self) -> Result<bool, Error> {
        for object in std::mem::take(&mut self.open) {
            self.finish(object)?;
        }
        self.pass += 1;
        let leaves_some = std::mem::take(&mut self.leaves_some);
        if !leaves_some {
            for object in std::mem::take(&mut self.aside) {
                self.finish(object)?;
            }
        }
        Ok(leaves_some)
    }

    /// The staging, and all objects, which are finished.
    pub(super) fn into_finished(self) -> (Staging<'a>, Vec<Finished>) {
        (self.staging, self.finished)
    }

    fn finish(&mut self, object: ObjectWriter) -> Result<(), Error> {
        if object.is_empty() {
            // Nothing of what it was begun for could be packed.
            return self.staging.abandon(object.name());
        }
        let (writer, segment, uniques) = (self.writer, self.id.segment, &mut self.uniques);
        // Two tenants may have sent the same at the same time, or one the same twice.
        let unique = |received_at: u64, blake3: &str| {
            let mut unique = unique_part(received_at, writer, segment, blake3);
            let mut number = 1u64;
            while !uniques.insert(unique.clone()) {
                let hash = blake3::hash(format!("{blake3} {number}").as_bytes()).to_hex();
                unique = unique_part(received_at, writer, segment, &hash);
                number += 1;
            }
            unique
        };
        self.finished.push(object.finish(unique)?);
        Ok(())
    }
}
