//! The delivery of every output, each by an [`Uploader`] of its own, so that none waits for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::runtime::Handle;

use super::bucket::{Bucket, MissingBucket};
use super::options::Options;
use super::receipts::Receipts;
use super::status::{Dropped, Status};
use super::uploader::Uploader;
use crate::catalog::Catalog;
use crate::pack::{Batch, OutputName, Spool};

/// Where the objects of an output go.
#[derive(Debug)]
pub struct Delivery {
    /// The settings.
    pub options: Options,
    /// The bucket that they name.
    pub bucket: Arc<dyn Bucket>,
    /// Who is told of each delivery.
    pub receipts: Option<Receipts>,
}

/// The delivery of all outputs.
///
/// An output that is not configured any more, and of which there is something in the log or in the spool, keeps what it
/// has: nothing is lost because of a line in a file. It is told as trouble of that output until the line is back.
#[derive(Debug)]
pub struct Deliveries {
    spool: Arc<Spool>,
    catalog: Arc<Catalog>,
    runtime: Handle,
    uploaders: Mutex<BTreeMap<OutputName, Arc<Uploader>>>,
}

impl Deliveries {
    /// Starts to deliver `recovered`, the batches that the spool had at start, and what [`Deliveries::add`] brings. Must
    /// be called on a tokio runtime.
    pub fn start(
        outputs: BTreeMap<OutputName, Delivery>,
        spool: Arc<Spool>,
        catalog: Arc<Catalog>,
        recovered: Vec<Batch>,
    ) -> Self {
        catalog.keep_outputs(&outputs.keys().cloned().collect::<Vec<_>>());
        let mut by_output: BTreeMap<OutputName, Vec<Batch>> = BTreeMap::new();
        for batch in recovered {
            by_output.entry(batch.output.clone()).or_default().push(batch);
        }
        let deliveries = Self { spool, catalog, runtime: Handle::current(), uploaders: Mutex::default() };
        for (output, delivery) in outputs {
            let batches = by_output.remove(&output).unwrap_or_default();
            deliveries.open(&output, delivery, batches);
        }
        for (output, batches) in by_output {
            deliveries.open(&output, unconfigured(&output), batches);
        }
        deliveries
    }

    /// Takes in a batch that was committed to the spool. Blocks the thread for as long as the ledger takes.
    pub fn add(&self, batch: Batch) {
        let known = self.lock().get(&batch.output).cloned();
        let uploader = known.unwrap_or_else(|| {
            // It was packed for an output that the configuration had when its segment was begun.
            let _on_runtime = self.runtime.enter();
            self.open(&batch.output, unconfigured(&batch.output), Vec::new())
        });
        uploader.add(batch);
    }

    /// Tries everything now, whatever failed before.
    pub fn nudge(&self) {
        self.all().iter().for_each(|(_, uploader)| uploader.nudge());
    }

    /// Waits until nothing is left to deliver.
    pub async fn drained(&self) {
        for (_, uploader) in self.all() {
            uploader.drained().await;
        }
    }

    /// Waits until no receipt of a delivery is left to carry. No more deliveries are to come.
    pub async fn receipts_carried(&self) {
        let carrying =
            self.all().into_iter().map(|(_, uploader)| async move { uploader.receipts_carried().await });
        join_all(carrying).await;
    }

    /// Receipts that are left to carry.
    pub async fn receipts_left(&self) -> u64 {
        let mut left = 0;
        for (_, uploader) in self.all() {
            left += uploader.receipts_left().await;
        }
        left
    }

    /// Drops the oldest batch of all, to make room, as [`Uploader::drop_oldest`] says. Blocks the thread.
    pub fn drop_oldest(&self) -> Option<Dropped> {
        let mut uploaders = self.all();
        uploaders.retain(|(_, uploader)| uploader.oldest().is_some());
        uploaders.sort_by_key(|(_, uploader)| uploader.oldest());
        uploaders.iter().find_map(|(_, uploader)| uploader.drop_oldest())
    }

    /// What delivery is doing, by output.
    pub fn status(&self) -> BTreeMap<OutputName, Status> {
        self.all().into_iter().map(|(output, uploader)| (output, uploader.status())).collect()
    }

    /// Begins no more puts, waits for those under way, for `patience` at most, and ends. What is left stays in the spool.
    pub async fn stop(&self, patience: Duration) -> BTreeMap<OutputName, Status> {
        let stopping = self
            .all()
            .into_iter()
            .map(|(output, uploader)| async move { (output, uploader.stop(patience).await) });
        join_all(stopping).await.into_iter().collect()
    }

    fn open(&self, output: &OutputName, delivery: Delivery, batches: Vec<Batch>) -> Arc<Uploader> {
        let Delivery { options, bucket, receipts } = delivery;
        let (spool, catalog) = (Arc::clone(&self.spool), Arc::clone(&self.catalog));
        let uploader = Uploader::start(output.clone(), &options, bucket, spool, catalog, batches, receipts);
        let uploader = Arc::new(uploader);
        self.lock().insert(output.clone(), Arc::clone(&uploader));
        uploader
    }

    fn all(&self) -> Vec<(OutputName, Arc<Uploader>)> {
        self.lock().iter().map(|(output, uploader)| (output.clone(), Arc::clone(uploader))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OutputName, Arc<Uploader>>> {
        self.uploaders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The delivery of an output that is not configured.
fn unconfigured(output: &OutputName) -> Delivery {
    let words = format!(
        "the configuration has no output `{output}` any more, and what was packed for it waits: bring outputs.{output} \
         back until that is delivered"
    );
    let options =
        Options { to: format!("nowhere (outputs.{output} is not configured)"), ..Options::default() };
    Delivery { options, bucket: Arc::new(MissingBucket::new(words)), receipts: None }
}
