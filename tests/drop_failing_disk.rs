//! The disk fails while the oldest data is dropped: what is gone, or may be gone after a power loss, is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::catalog::Catalog;
use forebay::disk::{AfterPowerLoss, Budget, Disk, Failing, SimulatedDisk};
use forebay::log::{self, Item, Log, Place, Record, SegmentId};
use forebay::otlp::Signal;
use forebay::pack::{self, Batch, BatchId, OutputName, Spool, pack_records};
use forebay::receive::Export;
use forebay::units::ByteSize;
use forebay::upload::bucket::FolderBucket;
use forebay::upload::{Clock, Delivery, Options, Uploader};

/// A request for logs with one log record, which is empty, and one for traces with a span.
const BODY: &[u8] = &[0x0a, 4, 0x12, 2, 0x12, 0];
/// More steps than dropping takes.
const STEPS: u64 = 8;

/// One operation in the data folder fails: the one after so many.
#[derive(Debug)]
struct FailsOnce(u64);

impl Failing for FailsOnce {
    fn error(&mut self, _operation: &str, path: &str) -> Option<io::Error> {
        if path.starts_with("/bucket") {
            return None;
        }
        let fails = self.0 == 0;
        self.0 = self.0.wrapping_sub(1);
        fails.then(|| io::Error::other("bad sector"))
    }
}

/// Nothing can be put into this bucket.
#[derive(Debug)]
struct NothingWorks;

impl Failing for NothingWorks {
    fn error(&mut self, _operation: &str, _path: &str) -> Option<io::Error> {
        Some(io::Error::other("no bucket"))
    }
}

fn outcomes() -> impl Iterator<Item = AfterPowerLoss> {
    [AfterPowerLoss::Lost, AfterPowerLoss::Kept].into_iter().chain((0..6).map(AfterPowerLoss::Torn))
}

fn spool_on(disk: &SimulatedDisk) -> (Spool, Vec<Batch>) {
    let (spool, batches, damage) =
        Spool::open(Arc::new(disk.clone()), "/data/spool".into(), Budget::new(1 << 30)).unwrap();
    assert_eq!(damage, [], "{}", disk.trace());
    (spool, batches)
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_a_failing_disk_drops_by_halves_are_counted_and_go() {
    let mut kept = 0;
    for step in 0..STEPS {
        let disk = SimulatedDisk::default();
        let (spool, _) = spool_on(&disk);
        let record = |signal| Record {
            seq: 1,
            signal,
            received_at: 1,
            items: 1,
            tenant: String::new(),
            body: Bytes::from_static(BODY),
        };
        let signals = [Signal::Logs, Signal::Traces];
        let read = || Ok::<_, Infallible>(signals.map(|signal| Ok(Item::Record(record(signal)))).into_iter());
        let options = pack::Options { format: pack::Format::OtlpJsonl, ..pack::Options::default() };
        let batch = pack_records(
            &BatchId { segment: SegmentId(1), output: OutputName::main() },
            "0badcafe",
            &options,
            read,
            &spool,
        )
        .unwrap();

        let (spool, catalog, elsewhere) =
            (Arc::new(spool), tempfile::tempdir().unwrap(), SimulatedDisk::default());
        elsewhere.fail(NothingWorks);
        let uploader = Uploader::start(
            OutputName::main(),
            Delivery {
                options: Options::default(),
                bucket: Arc::new(FolderBucket::new(Arc::new(elsewhere), "/bucket".into())),
                receipts: None,
                clock: Clock::default(),
            },
            Arc::clone(&spool),
            Arc::new(Catalog::open(&catalog.path().join("catalog"))),
            vec![batch.clone()],
        );
        disk.fail(FailsOnce(step));
        let deadline = Instant::now() + Duration::from_mins(1);
        // A batch of which a put is under way is not dropped.
        let dropped = loop {
            let steps = disk.steps();
            let dropped = uploader.drop_oldest();
            if dropped.is_some() || disk.steps() > steps {
                break dropped;
            }
            assert!(Instant::now() < deadline, "nothing is dropped");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        for outcome in outcomes() {
            let (_, found) = spool_on(&disk.reboot(outcome));
            assert!(
                found == [batch.clone()] || dropped.is_some(),
                "not there and not counted: {step}, {outcome:?}"
            );
        }
        match dropped {
            Some(dropped) => {
                assert_eq!(dropped.items, [1, 0, 1, 0]);
                tokio::time::timeout(Duration::from_mins(1), uploader.drained()).await.expect("its files go");
                assert_eq!(spool.batches(), []);
                assert_eq!(disk.list("/data/spool".as_ref()).unwrap(), []);
            }
            None => kept += 1,
        }
        uploader.stop(Duration::ZERO).await;
    }
    assert_eq!(kept, 1, "only where its manifest could not be removed it is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_a_failing_disk_drops_by_halves_is_counted() {
    for step in 0..STEPS {
        let disk = SimulatedDisk::default();
        let place = || Place {
            folder: PathBuf::from("/data/log"),
            aside: PathBuf::from("/data/damaged"),
            writer: 7,
            packing: "{}".to_owned(),
            at_least: SegmentId(1),
        };
        let options = log::Options {
            segment_bytes: ByteSize(16 * 1024),
            free_space_floor: ByteSize(0),
            ..log::Options::default()
        };
        let handle: Arc<dyn Disk> = Arc::new(disk.clone());
        let log = Log::open(handle, place(), &options, &Budget::new(1 << 30)).unwrap();
        let export = Export::of(Signal::Logs, 1, Bytes::from_static(BODY));
        log.append(export, Instant::now() + Duration::from_mins(1)).await.unwrap();
        // Nobody else uses the disk from here on.
        let closing = log.clone();
        tokio::task::spawn_blocking(move || closing.close()).await.unwrap();
        disk.fail(FailsOnce(step));
        let dropped = log.drop_oldest();
        for outcome in outcomes() {
            let handle: Arc<dyn Disk> = Arc::new(disk.reboot(outcome));
            let again = Log::open(handle, place(), &options, &Budget::new(1 << 30)).unwrap();
            let is_there = again.sealed_ids() == [SegmentId(1)];
            assert_eq!(again.snapshot().lost.ranges, 0);
            again.close();
            assert!(
                is_there || matches!(dropped, Ok(Some(_))),
                "not there and not counted: {step}, {outcome:?}"
            );
        }
        match dropped {
            Ok(dropped) => {
                assert_eq!(dropped.unwrap().items(), [1, 0, 0, 0]);
                assert_eq!(log.sealed_ids(), []);
            }
            Err(_) => {
                assert!(disk.open("/data/log/00000001.segment".as_ref()).is_ok(), "it can still be packed");
            }
        }
    }
}
