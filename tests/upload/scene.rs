//! A data folder, a store, and what the store must have in the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::support::s3::{BUCKET, FakeS3, Fault, On};
use crate::support::spool::DataFolder;
use bytes::Bytes;
use forebay::catalog::Catalog;
use forebay::disk::{Budget, Disk, RealDisk};
use forebay::pack::{Batch, OutputName, Spool};
use forebay::units::{ByteSize, Span};
use forebay::upload::{
    Clock, Delivery, Environment, MultipartOptions, Options, Receipts, RetryOptions, S3Options, Uploader,
    bucket, receipts,
};

/// Longer than any of these tests takes; a test that waits as long as that has failed.
pub(crate) const FAILED: Duration = Duration::from_mins(1);

/// A data folder and a store, and what the store must have in the end.
pub(crate) struct Scene {
    pub(crate) data: DataFolder,
    pub(crate) store: FakeS3,
    pub(crate) options: Options,
    pub(crate) environment: Environment,
    pub(crate) clock: Clock,
    pub(crate) expected: BTreeMap<String, Bytes>,
}

/// One life of the process.
pub(crate) struct Life {
    pub(crate) spool: Arc<Spool>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) uploader: Uploader,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let store = FakeS3::start().await;
        let options = Options {
            to: format!("s3://{BUCKET}/in"),
            retry: RetryOptions { first_wait: milliseconds(1), longest_wait: milliseconds(20) },
            attempt_timeout: Span::seconds(20),
            multipart: MultipartOptions { threshold: ByteSize::mib(6), part_bytes: ByteSize::mib(5) },
            s3: S3Options {
                endpoint: Some(store.endpoint()),
                allow_http: true,
                access_key_id: Some("AKIATEST".into()),
                secret_access_key: Some("hunter2".into()),
                ..S3Options::default()
            },
            ..Options::default()
        };
        let (environment, clock) = (Environment::default(), Clock::default());
        Self { data: DataFolder::new(), store, options, environment, clock, expected: BTreeMap::new() }
    }

    /// Starts the process on what the data folder has.
    pub(crate) fn live(&mut self) -> Life {
        self.live_after(|| {})
    }

    /// Starts the process, and does `mischief` after its spool was opened.
    pub(crate) fn live_after(&mut self, mischief: impl FnOnce()) -> Life {
        let (spool, batches) = self.data.open();
        self.expect(&batches);
        mischief();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let bucket = bucket::open(&self.options, &self.environment, &disk, "a1b2c3d4").unwrap();
        let catalog = Arc::new(Catalog::open(&self.data.catalog_folder()));
        let place = receipts::Place {
            folder: self.data.folder.path().join("receipts"),
            writer: "a1b2c3d4".into(),
            output: "default".into(),
        };
        let budget = Budget::new(1 << 30);
        let receipts = Receipts::open(&disk, place, &self.options, &budget, &batches).unwrap();
        let delivery =
            Delivery { options: self.options.clone(), bucket, receipts, clock: self.clock.clone() };
        let uploader =
            Uploader::start(OutputName::main(), delivery, Arc::clone(&spool), Arc::clone(&catalog), batches);
        Life { spool, catalog, uploader }
    }

    /// Packs segments before the process starts.
    pub(crate) fn spool(&mut self, segments: std::ops::Range<u64>) {
        let (spool, _) = self.data.open();
        for segment in segments {
            self.data.pack(&spool, segment);
        }
    }

    /// Packs a segment with a log record of each of these tenants, each of which has a bucket `lake-` and its name; the
    /// main bucket has those of none.
    pub(crate) fn spool_for(&mut self, segment: u64, tenants: &[&str]) {
        self.data.packing.bucket = "lake-{tenant}".into();
        let (spool, _) = self.data.open();
        self.data.pack_for(&spool, segment, tenants);
    }

    pub(crate) fn spool_large(&mut self, segment: u64, bytes: usize) {
        let (spool, _) = self.data.open();
        self.data.pack_large(&spool, segment, bytes);
    }

    pub(crate) fn expect(&mut self, batches: &[Batch]) {
        self.expected.extend(self.data.contents(batches, "in/"));
    }

    /// Every object exactly once and to the byte, and nothing left.
    pub(crate) fn check(&self) {
        let stored = self.store.objects();
        let keys: Vec<_> = stored.keys().collect();
        assert_eq!(keys, self.expected.keys().collect::<Vec<_>>());
        for (key, object) in &stored {
            assert_eq!(object.bytes, self.expected[key], "{key}");
            assert_eq!(object.writes, 1, "{key} was written again");
        }
        assert_eq!(self.data.spooled_files(), Vec::<String>::new());
        assert_eq!(self.store.unused_faults(), 0, "the script was not played to its end");
    }

    /// Delivers `segments` segments while the store plays `faults`.
    pub(crate) async fn deliver_through(faults: impl IntoIterator<Item = (On, Fault)>) -> Self {
        let mut scene = Self::new().await;
        scene.spool(1..4);
        scene.store.script(faults);
        let life = scene.live();
        life.finish().await;
        scene.check();
        scene
    }
}

impl Life {
    /// Waits until all is delivered, and ends the process.
    pub(crate) async fn finish(self) {
        let drained = tokio::time::timeout(FAILED, self.uploader.drained()).await;
        assert!(drained.is_ok(), "not delivered: {:#?}", self.uploader.status());
        self.end().await;
    }

    /// Ends the process as it is.
    pub(crate) async fn end(self) {
        self.uploader.stop(Duration::ZERO).await;
        drop(self.spool);
        // Closing the ledger blocks.
        tokio::task::spawn_blocking(move || drop(self.catalog)).await.unwrap();
    }

    /// Waits until this holds, without counting on time.
    pub(crate) async fn until(&self, what: &str, mut holds: impl FnMut(&Uploader) -> bool) {
        let waited = tokio::time::timeout(FAILED, async {
            while !holds(&self.uploader) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        assert!(waited.await.is_ok(), "{what}: {:#?}", self.uploader.status());
    }
}

pub(crate) const fn milliseconds(count: u64) -> Span {
    Span(Duration::from_millis(count))
}

pub(crate) fn times(count: usize, on: On, fault: Fault) -> impl Iterator<Item = (On, Fault)> {
    std::iter::repeat_n((on, fault), count)
}
