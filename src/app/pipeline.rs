//! The stages behind the receiver, wired together: log, packing, delivery.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::Losses;
use crate::catalog::{self, Catalog};
use crate::config::Config;
use crate::disk::{Budget, Disk, RealDisk};
use crate::log::{self, Log, SegmentId, WhenFull};
use crate::metrics;
use crate::metrics::upload::DropReason;
use crate::pack::{Batch, BatchId, Object, OutputName, Outputs, Spool, SpoolDamage, pack_schema_objects};
use crate::upload::{self, Deliveries, Delivery, Environment, Receipts, receipts};

use super::Ended;
use super::data_folder::DataFolder;
use super::forecast::{Forecast, keep_forecast};
use super::packing::Packing;
use super::room::keep_room;

/// How often it looks whether everything is delivered.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Log, packing and delivery of one data folder.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) log: Log,
    pub(super) budget: Arc<Budget>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) deliveries: Arc<Deliveries>,
    pub(super) forecast: Arc<Forecast>,
    pub(super) losses: Arc<Mutex<Losses>>,
    spool: Arc<Spool>,
    catalog: Arc<Catalog>,
    packing: Mutex<Option<Packing>>,
    is_between: Arc<std::sync::atomic::AtomicBool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    ending: watch::Sender<bool>,
    _data_folder: DataFolder,
}

/// What is on disk, opened: everything that needs no runtime.
struct Opened {
    data_folder: DataFolder,
    disk: Arc<dyn Disk>,
    outputs: BTreeMap<OutputName, Delivery>,
    budget: Arc<Budget>,
    spool: Spool,
    batches: Vec<Batch>,
    losses: Losses,
    log: Log,
    catalog: Catalog,
}

impl Opened {
    fn new(config: &Config) -> anyhow::Result<Self> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let data_folder = DataFolder::open(&disk, &config.data_dir)?;
        let id = data_folder.writer_id();
        let paths = &data_folder.paths;
        let budget = Budget::new(config.log.disk_budget.bytes());
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
        let log = Log::open(Arc::clone(&disk), place, &config.log, &budget)?;
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
        outputs.insert(output, Delivery { options: options.clone(), bucket, receipts });
    }
    Ok(outputs)
}

/// The outputs for which what is in the log is to be packed, configured or not.
fn outputs_before(log: &Log) -> anyhow::Result<BTreeSet<OutputName>> {
    let mut before = BTreeSet::new();
    for packing in log.sealed_packings() {
        before.extend(Outputs::from_pinned(&packing)?.iter().map(|(output, _)| output.clone()));
    }
    Ok(before)
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

impl Pipeline {
    /// Opens the data folder and starts to deliver what is in it.
    pub(super) async fn start(config: &Config) -> anyhow::Result<Self> {
        let opening = config.clone();
        let opened = tokio::task::spawn_blocking(move || Opened::new(&opening)).await??;
        let Opened { data_folder, disk, outputs, budget, spool, batches, losses, log, catalog } = opened;
        let spool = Arc::new(spool);
        // A batch whose segment is still in the log comes with its segment: only once that is retired may it go.
        let in_log = log.sealed_ids();
        let (_, recovered): (Vec<_>, Vec<_>) =
            batches.into_iter().partition(|batch| in_log.contains(&batch.segment));
        let before = outputs_before(&log)?;
        let catalog = Arc::new(catalog);
        let deliveries = Deliveries::start(outputs, before, &spool, &catalog, recovered);
        let deliveries = Arc::new(deliveries);
        let is_between = Arc::default();
        let packing = Packing::start(
            log.clone(),
            Arc::clone(&spool),
            Arc::clone(&deliveries),
            Arc::clone(&is_between),
        )?;
        let (losses, forecast) = (Arc::new(Mutex::new(losses)), Arc::new(Forecast::default()));
        let (ending, _) = watch::channel(false);
        let mut tasks =
            vec![tokio::spawn(keep_forecast(Arc::clone(&forecast), Arc::clone(&budget), ending.subscribe()))];
        if config.log.when_full == WhenFull::DropOldest {
            let (log, deliveries) = (log.clone(), Arc::clone(&deliveries));
            tasks.push(tokio::spawn(keep_room(log, deliveries, Arc::clone(&losses), ending.subscribe())));
        }
        Ok(Self {
            log,
            budget,
            disk,
            deliveries,
            forecast,
            losses,
            spool,
            catalog,
            packing: Mutex::new(Some(packing)),
            is_between,
            tasks: Mutex::new(tasks),
            ending,
            _data_folder: data_folder,
        })
    }

    /// Seals what is in the log and waits until all that was acknowledged before is in the bucket, `patience` at most;
    /// says whether it is.
    pub(super) async fn flush(&self, patience: Option<Duration>) -> bool {
        let deadline = patience.map(|patience| Instant::now() + patience);
        let last = self.log.seal().await.or_else(|| self.log.sealed_ids().into_iter().max());
        self.deliveries.nudge();
        loop {
            if self.is_delivered_up_to(last) {
                return true;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until no receipt of a delivery is left to carry, `patience` at most. No more deliveries are to come.
    pub(super) async fn carry_receipts(&self, patience: Option<Duration>) {
        let carried = self.deliveries.receipts_carried();
        match patience {
            // What is left then is counted at the end.
            Some(patience) => drop(tokio::time::timeout(patience, carried).await),
            None => carried.await,
        }
    }

    /// Whether nothing is left of this segment and those before it. Without a segment: whether nothing is left that the
    /// process before had packed.
    fn is_delivered_up_to(&self, last: Option<SegmentId>) -> bool {
        let is_older = |id: SegmentId| last.is_none_or(|last| id <= last);
        // In this order: a batch is noted as being between log and delivery before it leaves the one, and until after
        // it has come to the other.
        self.log.sealed_ids().into_iter().all(|id| !is_older(id))
            && !self.is_between.load(std::sync::atomic::Ordering::SeqCst)
            && self.spool.batches().iter().all(|batch| !is_older(batch.segment))
    }

    /// Seals and packs what is in the log, tries to deliver for `patience`, and ends. What is left stays on disk. The
    /// receiver must have ended.
    pub(super) async fn stop(&self, patience: Duration) -> anyhow::Result<Ended> {
        self.ending.send_replace(true);
        let packing = self.packing.lock().unwrap_or_else(PoisonError::into_inner).take();
        let log = self.log.clone();
        let began = Instant::now();
        let sealing = tokio::task::spawn_blocking(move || {
            log.close();
            if let Some(packing) = packing {
                packing.finish(patience);
            }
        });
        sealing.await.context("sealing the log failed")?;
        self.deliveries.nudge();
        // That it is not drained in time is no error: the rest is delivered after the next start.
        let _ =
            tokio::time::timeout(patience.saturating_sub(began.elapsed()), self.deliveries.drained()).await;
        let delivery = self.deliveries.stop(patience.saturating_sub(began.elapsed())).await;
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.await?;
        }
        // An attempt that was given up may still be asking the ledger, and the process does not wait for it.
        let catalog = Arc::clone(&self.catalog);
        tokio::task::spawn_blocking(move || catalog.flush()).await?;
        let (segments, receipts) =
            (self.log.sealed_ids().len() as u64, self.deliveries.receipts_left().await);
        Ok(Ended { delivery: upload::Status::of_all(&delivery), segments, receipts })
    }

    /// Where the spool lies, for the file system's free space.
    pub(super) fn folder(&self) -> PathBuf {
        self.spool.folder().to_owned()
    }
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
            let records = records.into_iter().map(Ok::<_, Infallible>);
            let id = BatchId { segment: SegmentId(1), output: OutputName::main() };
            pack_records(&id, "0badcafe", &pack::Options::default(), records, spool).unwrap()
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
