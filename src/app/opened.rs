//! What is on disk, opened in the order that the promises need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::admin::Losses;
use crate::catalog::{self, Catalog};
use crate::config::Config;
use crate::disk::{Budget, Disk, RealDisk};
use crate::log::{self, Log, SegmentId};
use crate::metrics;
use crate::metrics::upload::DropReason;
use crate::pack::{Batch, BatchId, Object, OutputName, Outputs, Spool, SpoolDamage, pack_schema_objects};
use crate::upload::{self, Clock, Delivery, Environment, Receipts, receipts};

use super::data_folder::DataFolder;

/// What is on disk, opened: everything that needs no runtime.
pub(super) struct Opened {
    pub(super) data_folder: DataFolder,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) outputs: BTreeMap<OutputName, Delivery>,
    pub(super) budget: Arc<Budget>,
    pub(super) spool: Spool,
    pub(super) batches: Vec<Batch>,
    pub(super) losses: Losses,
    pub(super) log: Log,
    pub(super) catalog: Catalog,
}

impl Opened {
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let data_folder = DataFolder::open(&disk, &config.data_dir)?;
        let id = data_folder.writer_id();
        let paths = &data_folder.paths;
        let budget = Budget::new(config.log.disk_budget.bytes());
        metrics::disk::free_floor(config.log.free_space_floor.bytes());
        let (spool, batches, damage) = Spool::open(Arc::clone(&disk), paths.spool(), Arc::clone(&budget))?;
        for damage in &damage {
            tracing::error!(%damage, "the spool is damaged");
        }
        let place = log::Place {
            folder: paths.log(),
            aside: paths.damaged(),
            writer: data_folder.writer,
            packing: config.packing().pinned(),
            at_least: first_free_id(&batches, &damage),
        };
        let options = log::Options { resend_window: config.receive.resend_window, ..config.log.clone() };
        let log = Log::open(Arc::clone(&disk), place, &options, &budget)?;
        let in_log = log.sealed_ids();
        let batches = without_damaged_ones_in_log(batches, &damage, &spool, &in_log)?;
        let losses = losses(&damage, &in_log);
        let catalog = Catalog::open(&paths.catalog());
        let batches = with_schema_objects(batches, config, &spool, &catalog)?;
        let outputs = outputs(config, &disk, &id, &paths.receipts(), &spool, &budget)?;
        Ok(Self { data_folder, disk, outputs, budget, spool, batches, losses, log, catalog })
    }
}

/// Where the objects of each output go, and who is told.
fn outputs(
    config: &Config,
    disk: &Arc<dyn Disk>,
    writer: &str,
    receipts: &Path,
    spool: &Spool,
    budget: &Arc<Budget>,
) -> anyhow::Result<BTreeMap<OutputName, Delivery>> {
    let environment = Environment::of_process();
    let mut outputs = BTreeMap::new();
    for (output, _, options) in config.all_outputs() {
        let bucket = upload::bucket::open(options, &environment, disk, writer).map_err(anyhow::Error::msg)?;
        metrics::upload::queue_capacity(output.as_str(), config.log.disk_budget.bytes());
        let place = receipts::Place {
            folder: receipts.join(output.as_str()),
            writer: writer.to_owned(),
            output: output.to_string(),
        };
        let batches: Vec<_> = spool.batches().into_iter().filter(|batch| batch.output == output).collect();
        let receipts = Receipts::open(disk, place, options, budget, &batches).map_err(anyhow::Error::msg)?;
        outputs
            .insert(output, Delivery { options: options.clone(), bucket, receipts, clock: Clock::default() });
    }
    Ok(outputs)
}

/// The outputs for which what is in the log is to be packed, configured or not. What is not understood of it, packing will
/// say.
pub(super) fn outputs_before(log: &Log) -> BTreeSet<OutputName> {
    let packings = log.sealed_packings();
    let outputs = packings.iter().filter_map(|packing| Outputs::from_pinned(packing).ok());
    outputs.flat_map(|outputs| outputs.iter().map(|(output, _)| output.clone()).collect::<Vec<_>>()).collect()
}

/// Adds the objects that show the columns of rows, where the bucket is not known to have them.
fn with_schema_objects(
    mut batches: Vec<Batch>,
    config: &Config,
    spool: &Spool,
    catalog: &Catalog,
) -> anyhow::Result<Vec<Batch>> {
    for (output, options, _) in config.all_outputs() {
        let is_known = |key: &str| {
            catalog.entry(&output, key).is_some_and(|entry| entry.state == catalog::State::Delivered)
        };
        let batch = pack_schema_objects(&output, options, spool, is_known)?;
        let is_new = |batch: &Batch| !batches.iter().any(|known| known.id() == batch.id());
        let new = batch.filter(is_new);
        batches.extend(new);
    }
    Ok(batches)
}

/// A number that no segment has whose objects are in the spool; a segment with that number would pass for packed.
fn first_free_id(batches: &[Batch], damage: &[SpoolDamage]) -> SegmentId {
    let damaged = damage.iter().map(|damage| damage.batch().segment);
    batches.iter().map(|batch| batch.segment).chain(damaged).max().unwrap_or(SegmentId(0)).next()
}

/// Removes the batches of which an object is damaged while their segment is still in the log: nothing of them was
/// delivered yet, and the segment is packed again. These batches are few, so that all of their bytes can be checked
/// before their segments go.
fn without_damaged_ones_in_log(
    batches: Vec<Batch>,
    damage: &[SpoolDamage],
    spool: &Spool,
    in_log: &[SegmentId],
) -> anyhow::Result<Vec<Batch>> {
    let has_lost_one = |id: &BatchId| {
        damage.iter().any(|damage| matches!(damage, SpoolDamage::Object { batch, .. } if batch == id))
    };
    let is_right = |object: &Object| spool.open_object(object).and_then(|file| file.verify()).is_ok();
    let mut kept = Vec::new();
    for batch in batches {
        let id = batch.id();
        if in_log.contains(&id.segment) && (has_lost_one(&id) || !batch.objects.iter().all(is_right)) {
            tracing::warn!(batch = %id, "the segment of a damaged object is still in the log and is packed again");
            spool.remove(&batch)?;
        } else {
            kept.push(batch);
        }
    }
    Ok(kept)
}

/// What the damage to the spool has cost, and counts it: what is not in the log any more.
fn losses(damage: &[SpoolDamage], in_log: &[SegmentId]) -> Losses {
    let mut losses = Losses::default();
    for damage in damage {
        let id = damage.batch();
        if in_log.contains(&id.segment) {
            continue;
        }
        losses.damaged_objects += 1;
        if let SpoolDamage::Object { object, .. } = damage {
            metrics::upload::dropped_items(
                id.output.as_str(),
                object.signal,
                object.items,
                DropReason::Damaged,
            );
        }
    }
    losses
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::path::Path;

    use bytes::Bytes;

    use super::*;
    use crate::disk::SimulatedDisk;
    use crate::log::{Item, Record};
    use crate::otlp::Signal;
    use crate::pack::{self, pack_records};

    fn record(seq: u64, signal: Signal) -> Item {
        // A request with one log record or span, which is empty.
        let body = Bytes::from_static(&[0x0a, 4, 0x12, 2, 0x12, 0]);
        Item::Record(Record { seq, signal, received_at: 1, items: 1, tenant: String::new(), body })
    }

    #[test]
    fn a_batch_that_lost_an_object_is_packed_again_while_the_log_has_its_segment() {
        let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
        let open = || Spool::open(Arc::clone(&disk), "/data/spool".into(), Budget::new(1 << 30)).unwrap();
        let pack = |spool: &Spool| {
            let records = [record(1, Signal::Logs), record(2, Signal::Traces)];
            let read = || Ok::<_, Infallible>(records.iter().cloned().map(Ok));
            let id = BatchId { segment: SegmentId(1), output: OutputName::main() };
            pack_records(&id, "0badcafe", &pack::Options::default(), read, spool).unwrap()
        };
        let whole = pack(&open().0);
        assert_eq!(whole.objects.len(), 2);
        disk.remove(&Path::new("/data/spool").join(&whole.objects[0].file)).unwrap();

        let (spool, batches, damage) = open();
        assert_eq!((batches[0].objects.len(), damage.len()), (1, 1));
        let kept = without_damaged_ones_in_log(batches.clone(), &damage, &spool, &[]).unwrap();
        assert_eq!(kept, batches, "what is left is delivered if the segment is gone");
        let kept = without_damaged_ones_in_log(batches, &damage, &spool, &[SegmentId(1)]).unwrap();
        assert_eq!(kept, []);
        assert_eq!(pack(&spool), whole, "the same objects, both of them");
    }
}
