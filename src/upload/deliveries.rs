//! The delivery of every output, each by an [`Uploader`] of its own, so that none waits for another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::bucket::{Bucket, MissingBucket};
use super::hours::Clock;
use super::objects::{Delivered, Retried};
use super::options::Options;
use super::receipts::Receipts;
use super::status::{Dropped, Status};
use super::uploader::Uploader;
use crate::catalog::Catalog;
use crate::log::SegmentId;
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
    /// Tells the hours.
    pub clock: Clock,
}

/// The delivery of all outputs.
///
/// An output that is not configured any more, and of which there is something in the log or in the spool, keeps what it
/// has: nothing is lost because of a line in a file. It is told as trouble of that output until the line is back.
#[derive(Debug)]
pub struct Deliveries {
    uploaders: BTreeMap<OutputName, Uploader>,
}

impl Deliveries {
    /// Starts to deliver `recovered`, the batches that the spool had at start, and what [`Deliveries::add`] brings, to
    /// `outputs` and to those `before`, which the configuration had when what is still in the log came in. Must be called
    /// on a tokio runtime.
    pub fn start(
        mut outputs: BTreeMap<OutputName, Delivery>,
        before: BTreeSet<OutputName>,
        spool: &Arc<Spool>,
        catalog: &Arc<Catalog>,
        recovered: Vec<Batch>,
    ) -> Self {
        catalog.keep_outputs(&outputs.keys().cloned().collect::<Vec<_>>());
        let mut batches: BTreeMap<OutputName, Vec<Batch>> = BTreeMap::new();
        for batch in recovered {
            batches.entry(batch.output.clone()).or_default().push(batch);
        }
        for output in before.into_iter().chain(batches.keys().cloned()) {
            outputs.entry(output.clone()).or_insert_with(|| unconfigured(&output));
        }
        let start = |(output, delivery): (OutputName, Delivery)| {
            let (spool, catalog) = (Arc::clone(spool), Arc::clone(catalog));
            let batches = batches.remove(&output).unwrap_or_default();
            let uploader = Uploader::start(output.clone(), delivery, spool, catalog, batches);
            (output, uploader)
        };
        Self { uploaders: outputs.into_iter().map(start).collect() }
    }

    /// Takes in a batch that was committed to the spool. Blocks the thread for as long as the ledger takes.
    pub fn add(&self, batch: Batch) {
        match self.uploaders.get(&batch.output) {
            Some(uploader) => uploader.add(batch),
            // All that could be packed was known at start.
            None => {
                tracing::error!(batch = %batch.id(), "no output takes a batch; it waits for the next start");
            }
        }
    }

    /// Tries everything now, whatever failed before.
    pub fn nudge(&self) {
        self.uploaders.values().for_each(Uploader::nudge);
    }

    /// Delivers the segments up to `last` at any hour, and tries everything now, whatever failed before.
    pub fn flush(&self, last: SegmentId) {
        self.uploaders.values().for_each(|uploader| uploader.flush(last));
    }

    /// The delivery of this output.
    pub fn of(&self, output: &OutputName) -> Option<&Uploader> {
        self.uploaders.get(output)
    }

    /// Waits until nothing is left to deliver but what waits for its hours.
    pub async fn settled(&self) {
        for uploader in self.uploaders.values() {
            uploader.settled().await;
        }
    }

    /// Waits until no receipt of a delivery is left to carry. No more deliveries are to come.
    pub async fn receipts_carried(&self) {
        join_all(self.uploaders.values().map(Uploader::receipts_carried)).await;
    }

    /// Receipts that are left to carry.
    pub async fn receipts_left(&self) -> u64 {
        let mut left = 0;
        for uploader in self.uploaders.values() {
            left += uploader.receipts_left().await;
        }
        left
    }

    /// Drops the oldest batch of all, to make room, as [`Uploader::drop_oldest`] says. Blocks the thread.
    pub fn drop_oldest(&self) -> Option<Dropped> {
        let mut waiting: Vec<_> =
            self.uploaders.values().filter_map(|uploader| Some((uploader.oldest()?, uploader))).collect();
        waiting.sort_by_key(|(oldest, _)| *oldest);
        waiting.into_iter().find_map(|(_, uploader)| uploader.drop_oldest())
    }

    /// What delivery is doing, by output.
    pub fn status(&self) -> BTreeMap<OutputName, Status> {
        self.uploaders.iter().map(|(output, uploader)| (output.clone(), uploader.status())).collect()
    }

    /// The objects of each output that were delivered last, the newest first, and those that are tried again, the oldest first.
    pub fn objects(&self) -> BTreeMap<OutputName, (Vec<Delivered>, Vec<Retried>)> {
        self.uploaders.iter().map(|(output, uploader)| (output.clone(), uploader.objects())).collect()
    }

    /// Begins no more puts, waits for those under way, for `patience` at most, and ends. What is left stays in the spool.
    pub async fn stop(&self, patience: Duration) -> BTreeMap<OutputName, Status> {
        let stopping = self
            .uploaders
            .iter()
            .map(|(output, uploader)| async move { (output.clone(), uploader.stop(patience).await) });
        join_all(stopping).await.into_iter().collect()
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
    Delivery { options, bucket: Arc::new(MissingBucket::new(words)), receipts: None, clock: Clock::default() }
}
