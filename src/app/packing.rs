//! The thread that packs: takes the oldest sealed segment, makes objects of it, gives the segment's file free and hands
//! the objects on.
//!
//! The order is a promise: the manifest is durable before the segment is retired, and the segment is retired durably
//! before delivery can remove the manifest. At no time is a record in neither, and a segment that comes back after a
//! crash finds its manifest and is not packed again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::log::{self, Log, SealedSegment, SegmentId, Unreadable};
use crate::metrics;
use crate::pack::{self, Batch, BatchId, Spool, pack_records};
use crate::thread::spawn_vital;
use crate::upload::Deliveries;

/// How long the thread waits for a segment before it looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The wait after a failure, such as a full disk.
const AFTER_FAILURE: Duration = if cfg!(test) { Duration::from_millis(10) } else { Duration::from_secs(5) };
/// After so many vain tries to read a segment, what the disk cannot read of it is given up as damage.
const FAILURES_UNTIL_SKIPPING: u32 = 12;
/// Packing leaves the processor to intake where both want it.
const NICENESS: i32 = 10;

/// The packing thread.
#[derive(Debug)]
pub(super) struct Packing {
    thread: JoinHandle<()>,
    ending: Arc<Ending>,
}

/// Set once the thread is to end: when it must have, at the latest.
type Ending = OnceLock<Instant>;

impl Packing {
    /// Starts the thread. It sets `is_between` while a batch has left the log and not yet come to delivery.
    pub(super) fn start(
        log: Log,
        spool: Arc<Spool>,
        deliveries: Arc<Deliveries>,
        is_between: Arc<AtomicBool>,
    ) -> anyhow::Result<Self> {
        let ending = Arc::new(Ending::new());
        let unreadable = HashMap::new();
        let packer = Packer { log, spool, deliveries, is_between, ending: Arc::clone(&ending), unreadable };
        let thread = spawn_vital("forebay-pack", move || packer.run());
        Ok(Self { thread: thread.context("cannot start the packing thread")?, ending })
    }

    /// Packs what the log, which must be closed, still has, as far as `patience` lasts, and ends. The rest is packed
    /// after the next start. Blocks.
    pub(super) fn finish(self, patience: Duration) {
        self.ending.get_or_init(|| Instant::now() + patience);
        if self.thread.join().is_err() {
            tracing::error!("the packing thread panicked");
        }
    }
}

struct Packer {
    log: Log,
    spool: Arc<Spool>,
    deliveries: Arc<Deliveries>,
    is_between: Arc<AtomicBool>,
    ending: Arc<Ending>,
    /// Segments that could not be read, and how often that was tried.
    unreadable: HashMap<SegmentId, u32>,
}

impl Packer {
    fn run(mut self) {
        if let Err(error) = yield_to_intake() {
            tracing::debug!(%error, "packing has the same priority as intake");
        }
        while !self.is_out_of_time() {
            metrics::pack::segments_waiting(u32::try_from(self.log.sealed_ids().len()).unwrap_or(u32::MAX));
            match self.log.next_sealed(LOOK_EVERY) {
                Some(segment) => self.try_to_pack(&segment),
                None if self.is_ending() => return,
                None => {}
            }
        }
    }

    /// Packs a segment. If that fails, those behind it come first for a while.
    fn try_to_pack(&mut self, segment: &SealedSegment) {
        let Err(error) = self.pack(segment) else {
            self.unreadable.remove(&segment.id());
            return;
        };
        tracing::error!(
            error = format!("{error:#}"), segment = %segment.id(),
            "cannot pack a segment; it stays in the log and is tried again"
        );
        if is_unreadable(&error) {
            *self.unreadable.entry(segment.id()).or_default() += 1;
        }
        self.log.put_back(segment, AFTER_FAILURE);
    }

    fn pack(&self, segment: &SealedSegment) -> anyhow::Result<()> {
        let failures = self.unreadable.get(&segment.id()).copied().unwrap_or(0);
        let unreadable = if failures < FAILURES_UNTIL_SKIPPING { Unreadable::Fail } else { Unreadable::Skip };
        // One segment that makes the packer panic must not hold up those behind it.
        let packing = || pack_segment(segment, &self.spool, &self.log, unreadable);
        let packed = catch_unwind(AssertUnwindSafe(packing)).unwrap_or_else(|_| bail!("packing panicked"));
        let batches = packed?;
        self.is_between.store(true, Ordering::SeqCst);
        let retired = self.retire(segment);
        if retired.is_ok() {
            for batch in batches {
                self.deliveries.add(batch);
            }
        }
        self.is_between.store(false, Ordering::SeqCst);
        retired
    }

    /// Gives a packed segment's file free, trying until it works. Once that has failed half-way, the file may have no
    /// name any more by which it could be read and packed again, and nobody else may drop it: its objects count.
    fn retire(&self, segment: &SealedSegment) -> anyhow::Result<()> {
        while let Err(error) = self.log.retire(segment) {
            if self.is_ending() {
                return Err(error.into());
            }
            tracing::error!(
                %error, segment = %segment.id(),
                "cannot give the file of a packed segment free; its objects wait until that works"
            );
            self.rest();
        }
        Ok(())
    }

    fn rest(&self) {
        let until = Instant::now() + AFTER_FAILURE;
        while Instant::now() < until && !self.is_ending() {
            std::thread::sleep(LOOK_EVERY.min(AFTER_FAILURE));
        }
    }

    fn is_ending(&self) -> bool {
        self.ending.get().is_some()
    }

    fn is_out_of_time(&self) -> bool {
        self.ending.get().is_some_and(|deadline| Instant::now() >= *deadline)
    }
}

/// Whether an error says that a segment cannot be read. It may pass.
fn is_unreadable(error: &anyhow::Error) -> bool {
    let in_log = matches!(error.downcast_ref(), Some(log::Error::Disk { .. }));
    in_log || matches!(error.downcast_ref(), Some(pack::Error::Segment { .. }))
}

/// Makes objects of a segment for every output, and reports what could not be read of it.
fn pack_segment(
    segment: &SealedSegment,
    spool: &Spool,
    log: &Log,
    unreadable: Unreadable,
) -> anyhow::Result<Vec<Batch>> {
    let outputs = pack::Outputs::from_pinned(segment.packing())?;
    let (mut batches, last) = (Vec::new(), RefCell::new(None));
    for (output, options) in outputs.iter() {
        // Output by output, so that memory does not grow with their number; the file is in the system's cache.
        let id = BatchId { segment: segment.id(), output: output.clone() };
        let read = || {
            last.replace(Some(segment.records(unreadable)?));
            Ok::<_, log::Error>(std::iter::from_fn(|| last.borrow_mut().as_mut()?.next()))
        };
        batches.push(pack_records(&id, &segment.writer(), options, read, spool)?);
    }
    // None if everything was packed before a crash already.
    let mut records = last.into_inner().map_or_else(|| segment.records(unreadable), Ok)?;
    // The rest, if that is so: whatever is damaged must be told before the segment goes.
    for item in records.by_ref() {
        item?;
    }
    log.report_damage(segment, &records)?;
    records.forget_cached();
    Ok(batches)
}

/// Lowers the priority of the calling thread.
fn yield_to_intake() -> std::io::Result<()> {
    // On Linux, priorities belong to threads, by their own ids.
    Ok(rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS)?)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::io;
    use std::path::PathBuf;

    use bytes::Bytes;

    use super::*;
    use crate::catalog::Catalog;
    use crate::disk::{Budget, Disk, Failing, SimulatedDisk};
    use crate::log::Place;
    use crate::otlp::Signal;
    use crate::pack::OutputName;
    use crate::receive::Export;
    use crate::units::ByteSize;
    use crate::upload::Delivery;
    use crate::upload::bucket::FolderBucket;

    /// Fails the next sync of the log's folder.
    #[derive(Debug)]
    struct FailsOnce(bool);

    impl Failing for FailsOnce {
        fn error(&mut self, operation: &str, path: &str) -> Option<io::Error> {
            let fails = self.0 && operation == "sync_folder" && path == "/data/log";
            self.0 &= !fails;
            fails.then(|| io::Error::other("bad sector"))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_segment_whose_file_is_given_free_only_at_the_second_try_is_delivered_and_so_are_those_behind_it()
     {
        let simulated = SimulatedDisk::default();
        let disk: Arc<dyn Disk> = Arc::new(simulated.clone());
        let budget = Budget::new(1 << 30);
        let (spool, ..) = Spool::open(Arc::clone(&disk), "/data/spool".into(), Arc::clone(&budget)).unwrap();
        let place = Place {
            folder: PathBuf::from("/data/log"),
            aside: PathBuf::from("/data/damaged"),
            writer: 7,
            packing: pack::Outputs::from(pack::Options::default()).pinned(),
            at_least: SegmentId(1),
        };
        let options = log::Options {
            segment_bytes: ByteSize(16 * 1024),
            free_space_floor: ByteSize(0),
            ..log::Options::default()
        };
        let log = Log::open(Arc::clone(&disk), place, &options, &budget).unwrap();
        for _ in 0..2 {
            // A request for logs with one log record, which is empty.
            let body = Bytes::from_static(&[0x0a, 4, 0x12, 2, 0x12, 0]);
            let export = Export::of(Signal::Logs, 1, body);
            log.append(export, Instant::now() + Duration::from_mins(1)).await.unwrap();
            log.seal().await.unwrap();
        }

        let catalog = tempfile::tempdir().unwrap();
        let spool = Arc::new(spool);
        let delivery = Delivery {
            options: crate::upload::Options::default(),
            bucket: Arc::new(FolderBucket::new(disk, "/bucket".into())),
            receipts: None,
            clock: crate::upload::Clock::default(),
        };
        let deliveries = Arc::new(Deliveries::start(
            BTreeMap::from([(OutputName::main(), delivery)]),
            BTreeSet::new(),
            &spool,
            &Arc::new(Catalog::open(&catalog.path().join("catalog"))),
            Vec::new(),
        ));
        simulated.fail(FailsOnce(true));
        let packing = Packing::start(log.clone(), spool, Arc::clone(&deliveries), Arc::default()).unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        let delivered = || deliveries.status()[&OutputName::main()].delivered_objects;
        while delivered() < 2 {
            assert!(Instant::now() < deadline, "delivered: {}", delivered());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let closing = log.clone();
        tokio::task::spawn_blocking(move || {
            closing.close();
            packing.finish(Duration::from_mins(1));
        })
        .await
        .unwrap();
        deliveries.stop(Duration::from_mins(1)).await;
        assert_eq!(log.sealed_ids(), []);
    }
}
