//! From records to objects.

use std::time::Instant;

use super::batch::{Batch, BatchId};
use super::codec::Codec;
use super::error::Error;
use super::key::KeyTemplate;
use super::object_writer::{Finished, ObjectWriter};
use super::options::Options;
use super::spool::Spool;
use super::staging::Staging;
use crate::log::{Item, Record, SegmentId};
use crate::metrics;
use crate::otlp::Signal;

/// Memory that is kept for encoding between two records.
const CONTENT_BYTES_KEPT: usize = 1 << 20;

/// Packs the records of a segment for one output, in one pass over them, and commits the result to the spool. A batch that
/// is packed already is not packed again: it is returned. A segment without records has an empty batch, of which nothing is left
/// in the spool.
///
/// The objects and their names depend on the arguments only. Besides one record and what it becomes, memory is taken for
/// one open object per signal. Damaged ranges are passed over; the log has counted them. A record that cannot be
/// encoded is kept aside, and does not hold up the others.
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
        segment = %batch.segment, output = %batch.output, objects = batch.objects.len(), items = batch.items(), bytes = batch.bytes(),
        read_bytes, ?took, "packed a segment"
    );
}

/// A segment on its way into the objects of one output.
struct Packing<'a> {
    segment: SegmentId,
    writer: &'a str,
    options: &'a Options,
    codec: Codec,
    template: KeyTemplate,
    staging: Staging<'a>,
    /// The object of each signal that is not finished.
    open: [Option<ObjectWriter<'a>>; Signal::ALL.len()],
    finished: Vec<Finished>,
    read_bytes: u64,
    /// What the current record becomes.
    content: Vec<u8>,
}

impl<'a> Packing<'a> {
    fn begin(id: &BatchId, writer: &'a str, options: &'a Options, spool: &'a Spool) -> Result<Self, Error> {
        Ok(Self {
            segment: id.segment,
            writer,
            options,
            codec: options.codec().map_err(Error::InvalidOptions)?,
            template: KeyTemplate::parse(options).map_err(Error::InvalidOptions)?,
            staging: Staging::begin(spool, id.clone())?,
            open: [const { None }; Signal::ALL.len()],
            finished: Vec::new(),
            read_bytes: 0,
            content: Vec::new(),
        })
    }

    fn add_all<E>(&mut self, records: impl Iterator<Item = Result<Item, E>>) -> Result<(), Error>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        for item in records {
            let item =
                item.map_err(|error| Error::Segment { segment: self.segment, source: error.into() })?;
            match item {
                Item::Record(record) => self.add(&record)?,
                Item::Damage(_) => {}
            }
        }
        for object in self.open.iter_mut().filter_map(Option::take) {
            self.finished.push(object.finish(self.writer, self.segment)?);
        }
        Ok(())
    }

    fn add(&mut self, record: &Record) -> Result<(), Error> {
        let (signal, received_at) = (record.signal, record.received_at);
        self.read_bytes += record.body.len() as u64;
        self.content.clear();
        self.content.shrink_to(CONTENT_BYTES_KEPT);
        if let Err(invalid) = self.options.format.encode(signal, &record.body, &mut self.content) {
            let kept = self.staging.keep_record(record)?;
            metrics::pack::record_set_aside(signal);
            tracing::error!(
                segment = %self.segment, seq = record.seq, %signal, items = record.items, %invalid,
                kept = %kept.display(), "a record cannot be packed and will not be delivered"
            );
            return Ok(());
        }
        let partition = self
            .template
            .partition(signal, self.writer, received_at)
            .map_err(|source| Error::Key { received_at, source })?;
        let object = match self.open[signal.index()].take() {
            Some(open) if *open.partition() == partition => open,
            other => {
                if let Some(of_another_partition) = other {
                    self.finished.push(of_another_partition.finish(self.writer, self.segment)?);
                }
                let file = self.staging.create(signal)?;
                ObjectWriter::begin(self.options, self.codec, file, signal, partition)?
            }
        };
        self.open[signal.index()].insert(object).add(record, &self.content)
    }
}

#[cfg(test)]
#[path = "packer_tests.rs"]
mod tests;
