//! From records to objects.

use std::time::Instant;

use super::batch::{Batch, BatchId};
use super::error::Error;
use super::field::Values;
use super::key::{Facts, KeyTemplate, Partition, Route};
use super::object_writer::AddError;
use super::objects::Objects;
use super::options::Options;
use super::routes::{Astray, AstrayItems, Routed, Routes};
use super::spool::Spool;
use super::staging::Staging;
use super::unpackable;
use crate::log::{Item, Record};
use crate::metrics;
use crate::otlp;

/// The memory that the rows of all open objects take before they are written, about. Row groups of Parquet pack the better
/// the larger they are.
const ROWS_BYTES: usize = 16 << 20;

/// Packs the records of a segment for one output and commits the result to the spool. A batch that is packed already is not
/// packed again: it is returned. A segment without records has an empty batch, of which nothing is left in the spool.
///
/// `read` begins to read the records, from the first one; it is called once more for each further pass, of which there is
/// one for every 16 objects.
///
/// The objects and their names depend on the arguments only. Damaged ranges are passed over; the log has counted them. A
/// record that cannot be encoded is kept aside, in a file and in an object of its own kind, and does not hold up the
/// others.
///
/// # Errors
/// [`Error::InvalidOptions`], [`Error::Segment`], [`Error::Disk`]. The segment is not packed then, and may be tried again.
pub fn pack_records<I, E>(
    id: &BatchId,
    writer: &str,
    options: &Options,
    read: impl FnMut() -> Result<I, E>,
    spool: &Spool,
) -> Result<Batch, Error>
where
    I: Iterator<Item = Result<Item, E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    if let Some(batch) = spool.batch(id) {
        return Ok(batch);
    }
    let began = Instant::now();
    let mut packing = Packing::begin(id, writer, options, spool)?;
    match packing.add_all(read) {
        Ok(()) => {
            let Packing { objects, astray, read_bytes, .. } = packing;
            let (staging, finished) = objects.into_finished();
            let batch = staging.commit(finished)?;
            report(&batch, options, &astray, read_bytes, began);
            Ok(batch)
        }
        Err(error) => {
            packing.objects.staging.discard();
            Err(error)
        }
    }
}

/// Says what was packed.
fn report(batch: &Batch, options: &Options, astray: &AstrayItems, read_bytes: u64, began: Instant) {
    let took = began.elapsed();
    metrics::pack::segment_packed(took, read_bytes);
    for object in &batch.objects {
        metrics::pack::object_packed(object.signal, object.bytes);
    }
    tracing::info!(
        segment = %batch.segment, output = %batch.output, objects = batch.objects.len(), items = batch.items(),
        bytes = batch.bytes(), read_bytes, ?took, "packed a segment"
    );
    let output = batch.output.as_str();
    for (astray, signal, items) in astray.iter() {
        match astray {
            Astray::Overflow => metrics::pack::overflowed(output, signal, items),
            Astray::Misrouted(why) => metrics::pack::misrouted(output, signal, why.name(), items),
        }
    }
    if astray.overflow() > 0 {
        tracing::warn!(
            segment = %batch.segment, output, items = astray.overflow(), max_prefixes = options.max_prefixes,
            "a segment has more values of tenants, attributes and buckets than objects.max_prefixes; the items of those \
             beyond it go under objects.overflow_prefix"
        );
    }
}

/// A segment on its way into the objects of one output.
struct Packing<'a> {
    id: &'a BatchId,
    writer: &'a str,
    options: &'a Options,
    template: KeyTemplate,
    /// Those of the objects for what cannot be packed.
    unpackable: (Options, KeyTemplate),
    routes: Routes,
    objects: Objects<'a>,
    astray: AstrayItems,
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
            routes: Routes::new(options.max_prefixes),
            objects: Objects::new(id, writer, Staging::begin(spool, id.clone())?),
            astray: AstrayItems::default(),
            read_bytes: 0,
        })
    }

    /// Goes through the segment until every record is in its object.
    fn add_all<I, E>(&mut self, mut read: impl FnMut() -> Result<I, E>) -> Result<(), Error>
    where
        I: Iterator<Item = Result<Item, E>>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let unread = |source| Error::Segment { segment: self.id.segment, source };
        let mut in_first_pass = None;
        loop {
            let mut records = 0u64;
            for item in read().map_err(|error| unread(error.into()))? {
                match item.map_err(|error| unread(error.into()))? {
                    Item::Record(record) => {
                        records += 1;
                        self.add(&record)?;
                    }
                    Item::Damage(_) => {}
                }
            }
            if records != *in_first_pass.get_or_insert(records) {
                // A record that only some passes could read would be in no object, or only in part.
                return Err(unread("not all of it could be read each time".into()));
            }
            if !self.objects.end_pass()? {
                return Ok(());
            }
        }
    }

    fn add(&mut self, record: &Record) -> Result<(), Error> {
        if !self.options.takes(record.signal) {
            return Ok(());
        }
        if self.objects.is_first_pass() {
            self.read_bytes += record.body.len() as u64;
        }
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
            Err(invalid) if self.objects.is_first_pass() => self.set_aside(record, &invalid.to_string()),
            Err(_) => Ok(()),
        }
    }

    /// Adds a record to the object of its partition, if this pass takes it.
    fn add_to(&mut self, record: &Record, attributes: &[Option<String>]) -> Result<(), Error> {
        let values = Values { tenant: &record.tenant, attributes };
        let Routed { route, astray } = self.routes.of(&self.template, values);
        if let Some(astray) = astray.filter(|_| self.objects.is_first_pass()) {
            self.astray.add(astray, record.signal, record.items);
        }
        let partition = partition(&self.template, self.id, self.writer, record, &route)?;
        let Some((object, open)) = self.objects.of(self.options, record, partition)? else { return Ok(()) };
        match object.add(self.writer, record, ROWS_BYTES / open.max(3)) {
            Ok(()) if object.is_full() => self.objects.finish_last(),
            Ok(()) => Ok(()),
            Err(AddError::Unpackable(reason)) => self.set_aside(record, &reason),
            Err(AddError::Failed(error)) => Err(error),
        }
    }

    /// Keeps a record that cannot be encoded, in a file and in an object.
    fn set_aside(&mut self, record: &Record, reason: &str) -> Result<(), Error> {
        let kept = self.objects.staging.keep_record(record)?;
        metrics::pack::record_set_aside(record.signal);
        tracing::error!(
            segment = %self.id.segment, output = %self.id.output, seq = record.seq, signal = %record.signal,
            items = record.items, reason, kept = %kept.display(),
            "a record cannot be packed; it goes into an object under unpackable/"
        );
        let (options, template) = &self.unpackable;
        // Its attributes may be what cannot be read of it.
        let (route, _) = template.route(Values { tenant: &record.tenant, attributes: &[] });
        let partition = partition(template, self.id, self.writer, record, &route)?;
        match self.objects.aside(options, record, partition)? {
            Some(object) => object.add_plain(record, &unpackable::line(record, reason)),
            None => Ok(()),
        }
    }
}

/// The partition of a record.
fn partition(
    template: &KeyTemplate,
    id: &BatchId,
    writer: &str,
    record: &Record,
    route: &Route,
) -> Result<Partition, Error> {
    let received_at = record.received_at;
    let facts = Facts {
        signal: record.signal,
        output: id.output.as_str(),
        writer,
        received_at,
        tenant: &record.tenant,
    };
    template.partition(facts, route).map_err(|source| Error::Key { received_at, source })
}

#[cfg(test)]
#[path = "packer_tests.rs"]
mod tests;
