//! From records to objects.

use std::collections::HashSet;
use std::time::Instant;

use super::batch::{Batch, BatchId};
use super::error::Error;
use super::key::{Facts, KeyTemplate, Partition};
use super::object_writer::{AddError, Finished, ObjectWriter};
use super::options::Options;
use super::spool::Spool;
use super::staging::Staging;
use super::unpackable;
use crate::log::{Item, Record};
use crate::metrics;
use crate::otlp;

/// Objects that are open at once. They are more than three only where keys depend on tenants or attributes.
const OPEN_OBJECTS_MAX: usize = 16;

/// The memory that the rows of all open objects take before they are written, about. Row groups of Parquet pack the better
/// the larger they are.
const ROWS_BYTES: usize = 24 << 20;

/// Packs the records of a segment for one output, in one pass over them, and commits the result to the spool. A batch that
/// is packed already is not packed again: it is returned. A segment without records has an empty batch, of which nothing is
/// left in the spool.
///
/// The objects and their names depend on the arguments only. Damaged ranges are passed over; the log has counted them. A
/// record that cannot be encoded is kept aside, in a file and in an object of its own kind, and does not hold up the
/// others.
///
/// # Errors
/// [`Error::InvalidOptions`], [`Error::Segment`], [`Error::Disk`]. The segment is not packed then, and may be tried again.
pub fn pack_records<E>(
    id: &BatchId,
    writer: &str,
    options: &Options,
    records: impl Iterator<Item = Result<Item, E>>,
    spool: &Spool,
) -> Result<Batch, Error>
where
    E: std::error::Error + Send + Sync + 'static,
{
    if let Some(batch) = spool.batch(id) {
        return Ok(batch);
    }
    let began = Instant::now();
    let mut packing = Packing::begin(id, writer, options, spool)?;
    match packing.add_all(records) {
        Ok(()) => {
            let Packing { staging, finished, read_bytes, .. } = packing;
            let batch = staging.commit(finished)?;
            report(&batch, read_bytes, began);
            Ok(batch)
        }
        Err(error) => {
            packing.staging.discard();
            Err(error)
        }
    }
}

/// Says what was packed.
fn report(batch: &Batch, read_bytes: u64, began: Instant) {
    let took = began.elapsed();
    metrics::pack::segment_packed(took, read_bytes);
    for object in &batch.objects {
        metrics::pack::object_packed(object.signal, object.bytes);
    }
    tracing::info!(
        segment = %batch.segment, output = %batch.output, objects = batch.objects.len(), items = batch.items(),
        bytes = batch.bytes(), read_bytes, ?took, "packed a segment"
    );
}

/// A segment on its way into the objects of one output.
struct Packing<'a> {
    id: &'a BatchId,
    writer: &'a str,
    options: &'a Options,
    template: KeyTemplate,
    /// Those of the objects for what cannot be packed.
    unpackable: (Options, KeyTemplate),
    staging: Staging<'a>,
    /// The objects that are not finished, the one that was used last at the end.
    open: Vec<ObjectWriter>,
    finished: Vec<Finished>,
    /// Those of the finished objects.
    keys: HashSet<String>,
    read_bytes: u64,
}

impl<'a> Packing<'a> {
    fn begin(
        id: &'a BatchId,
        writer: &'a str,
        options: &'a Options,
        spool: &'a Spool,
    ) -> Result<Self, Error> {
        let template = |options: &Options| KeyTemplate::parse(options).map_err(Error::InvalidOptions);
        let unpackable = unpackable::options(options);
        Ok(Self {
            id,
            writer,
            options,
            template: template(options)?,
            unpackable: (unpackable.clone(), template(&unpackable)?),
            staging: Staging::begin(spool, id.clone())?,
            open: Vec::new(),
            finished: Vec::new(),
            keys: HashSet::new(),
            read_bytes: 0,
        })
    }

    fn add_all<E>(&mut self, records: impl Iterator<Item = Result<Item, E>>) -> Result<(), Error>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        for item in records {
            let item =
                item.map_err(|error| Error::Segment { segment: self.id.segment, source: error.into() })?;
            match item {
                Item::Record(record) => self.add(&record)?,
                Item::Damage(_) => {}
            }
        }
        while !self.open.is_empty() {
            self.finish(0)?;
        }
        Ok(())
    }

    fn add(&mut self, record: &Record) -> Result<(), Error> {
        if !self.options.takes(record.signal) {
            return Ok(());
        }
        self.read_bytes += record.body.len() as u64;
        if self.template.attributes().is_empty() {
            return self.add_to(record, &[]);
        }
        match otlp::split_by_resource(record.signal, &record.body, self.template.attributes()) {
            Ok(parts) => {
                for part in parts {
                    let record = Record { body: part.body(), items: part.items, ..record.clone() };
                    self.add_to(&record, &part.values)?;
                }
                Ok(())
            }
            Err(error) => self.set_aside(record, &error.to_string()),
        }
    }

    /// Adds a record to the object of its partition.
    fn add_to(&mut self, record: &Record, values: &[Option<String>]) -> Result<(), Error> {
        let partition = partition(&self.template, self.id, self.writer, record, values)?;
        let place = self.open(self.options, record, partition)?;
        let memory = ROWS_BYTES / self.open.len().max(3);
        match self.open[place].add(self.writer, record, memory) {
            Ok(()) if self.open[place].is_full() => self.finish(place),
            Ok(()) => Ok(()),
            Err(AddError::Unpackable(reason)) => self.set_aside(record, &reason),
            Err(AddError::Failed(error)) => Err(error),
        }
    }

    /// Keeps a record that cannot be encoded, in a file and in an object.
    fn set_aside(&mut self, record: &Record, reason: &str) -> Result<(), Error> {
        let kept = self.staging.keep_record(record)?;
        metrics::pack::record_set_aside(record.signal);
        tracing::error!(
            segment = %self.id.segment, output = %self.id.output, seq = record.seq, signal = %record.signal,
            items = record.items, reason, kept = %kept.display(),
            "a record cannot be packed; it goes into an object under unpackable/"
        );
        let (options, template) = &self.unpackable;
        let partition = partition(template, self.id, self.writer, record, &[])?;
        let options = options.clone();
        let place = self.open(&options, record, partition)?;
        self.open[place].add_plain(record, &unpackable::line(record, reason))
    }

    /// The place of the open object of a partition, which is begun if there is none.
    fn open(&mut self, options: &Options, record: &Record, partition: Partition) -> Result<usize, Error> {
        let known = self.open.iter().position(|open| open.is_of(record.signal, &partition));
        let object = if let Some(place) = known {
            self.open.remove(place)
        } else {
            if self.open.len() >= OPEN_OBJECTS_MAX {
                // The one that was not used for longest.
                self.finish(0)?;
            }
            let file = self.staging.create(record.signal)?;
            ObjectWriter::begin(options, file, record.signal, partition)?
        };
        self.open.push(object);
        Ok(self.open.len() - 1)
    }

    /// Finishes the open object at `place`.
    fn finish(&mut self, place: usize) -> Result<(), Error> {
        let object = self.open.remove(place);
        if object.is_empty() {
            // Nothing of what it was begun for could be packed.
            return self.staging.abandon(object.name());
        }
        self.finished.push(object.finish(self.writer, self.id.segment, &mut self.keys)?);
        Ok(())
    }
}

/// The partition of a record.
fn partition(
    template: &KeyTemplate,
    id: &BatchId,
    writer: &str,
    record: &Record,
    values: &[Option<String>],
) -> Result<Partition, Error> {
    let received_at = record.received_at;
    let output = id.output.as_str();
    let facts = Facts { signal: record.signal, output, writer, received_at, tenant: &record.tenant, values };
    template.partition(facts).map_err(|source| Error::Key { received_at, source })
}

#[cfg(test)]
#[path = "packer_tests.rs"]
mod tests;
