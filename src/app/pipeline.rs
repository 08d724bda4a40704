//! The stages behind the receiver, wired together: log, packing, delivery.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::Losses;
use crate::catalog::Catalog;
use crate::config::Config;
use crate::disk::{Budget, Disk};
use crate::log::{Log, SegmentId, WhenFull};
use crate::metrics;
use crate::pack::{OutputName, Spool};
use crate::upload::{self, Deliveries, Environment};

use super::Ended;
use super::data_folder::DataFolder;
use super::forecast::{Forecast, keep_forecast};
use super::opened::{Opened, outputs_before};
use super::packing::Packing;
use super::room::{Dropping, keep_room};

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
    is_between: Arc<AtomicBool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    ending: watch::Sender<bool>,
    /// Whether the oldest is dropped when there is no room.
    drops: Arc<AtomicBool>,
    data_folder: DataFolder,
}

/// Settings of delivery that were found to be right.
pub(super) struct Prepared(Vec<(OutputName, upload::Prepared)>);

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
        let before = outputs_before(&log);
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
        let drops = Arc::new(AtomicBool::new(config.log.when_full == WhenFull::DropOldest));
        let dropping =
            Dropping { log: log.clone(), deliveries: Arc::clone(&deliveries), losses: Arc::clone(&losses) };
        tasks.push(tokio::spawn(keep_room(dropping, Arc::clone(&drops), ending.subscribe())));
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
            drops,
            data_folder,
        })
    }

    /// Opens what the outputs of `config` name, which are those that there are. Nothing changes yet. Blocks the thread.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn prepare(&self, config: &Config) -> Result<Prepared, String> {
        let (environment, writer) = (Environment::of_process(), self.data_folder.writer_id());
        let mut all = Vec::new();
        for (output, _, options) in config.all_outputs() {
            let Some(uploader) = self.deliveries.of(&output) else { continue };
            let prepared = uploader.prepare(options, &environment, &self.disk, &writer)?;
            all.push((output, prepared));
        }
        Ok(Prepared(all))
    }

    /// Goes by the settings of `config` from now on, as far as they can change.
    pub(super) async fn change(&self, config: &Config, prepared: Prepared) {
        let budget = config.log.disk_budget.bytes();
        self.budget.set_limit(budget);
        self.drops.store(config.log.when_full == WhenFull::DropOldest, Ordering::Release);
        self.log.change(&config.log, config.packing().pinned());
        for (output, prepared) in prepared.0 {
            metrics::upload::queue_capacity(output.as_str(), budget);
            if let Some(uploader) = self.deliveries.of(&output) {
                uploader.change(prepared).await;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn drops(&self) -> bool {
        self.drops.load(Ordering::Acquire)
    }

    /// Seals what is in the log and waits until all that was acknowledged before is in the bucket, `patience` at most;
    /// says whether it is. Who asks for that wants it at any hour.
    pub(super) async fn flush(&self, patience: Option<Duration>) -> bool {
        let deadline = patience.map(|patience| Instant::now() + patience);
        let in_spool = || self.spool.batches().into_iter().map(|batch| batch.segment).max();
        let last =
            self.log.seal().await.or_else(|| self.log.sealed_ids().into_iter().max()).or_else(in_spool);
        match last {
            Some(last) => self.deliveries.flush(last),
            None => self.deliveries.nudge(),
        }
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
            && !self.is_between.load(Ordering::SeqCst)
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
        // That not all is delivered in time, or that it waits for its hours, is no error: the rest goes after the next start.
        let _ =
            tokio::time::timeout(patience.saturating_sub(began.elapsed()), self.deliveries.settled()).await;
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

    /// The id of the data folder, as it is in every object's name.
    pub(super) fn writer_id(&self) -> String {
        self.data_folder.writer_id()
    }

    /// Where the spool lies, for the file system's free space.
    pub(super) fn folder(&self) -> PathBuf {
        self.spool.folder().to_owned()
    }
}
