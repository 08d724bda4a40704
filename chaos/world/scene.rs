//! A data folder, its bucket, and the ledger of what is sent to the program that runs on it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay::otlp::Signal;
use forebay::units::Span;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::faults::proxy::Proxy;
use crate::support::program::{self, Program, Said, Starting, forebay};
use crate::support::s3::FakeS3;

use super::audit::{Machines, audit, count};
use super::bucket::Bucket;
use super::clients::{self, Life, Listening, Load, Sent, Unanswered};
use super::ledger::Ledger;
use super::outputs;
use super::seaweedfs::SeaweedFs;

/// Segments so small, and sealed so soon, that every stage has work all the time.
const SETTINGS: [(&str, &str); 4] = [
    ("FOREBAY_LOG_SEGMENT_BYTES", "1MiB"),
    ("FOREBAY_LOG_SEAL_AFTER", "1s"),
    ("FOREBAY_LOG_FREE_SPACE_FLOOR", "0B"),
    ("FOREBAY_UPLOAD_FINISH_WITHIN", "0s"),
];

/// Where a scenario plays. Clients, and buckets that are servers, run on its runtime.
pub(crate) struct Scene {
    folder: TempDir,
    pub(crate) bucket: Bucket,
    pub(crate) ledger: Arc<Ledger>,
    settings: BTreeMap<String, String>,
    lives: Cell<usize>,
    unanswered: RefCell<Option<Unanswered>>,
    runtime: Runtime,
}

/// What an audit found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Exports that were acknowledged; each was found once.
    pub(crate) acknowledged: u64,
    /// Exports that were not, and are in the bucket: their answers were lost.
    pub(crate) unanswered: u64,
    /// Exports that were refused.
    pub(crate) refused: u64,
    /// Objects in the bucket, before and after it was drained.
    pub(crate) objects: (usize, usize),
    /// The objects, by signal.
    pub(crate) by_signal: BTreeMap<Signal, usize>,
    /// The object with the most bytes.
    pub(crate) largest_object: usize,
}

impl Scene {
    /// With a bucket that is a folder in the data folder.
    pub(crate) fn with_folder() -> Self {
        Self::new(async |folder| Bucket::in_folder(folder))
    }

    /// With a bucket that is a folder in the data folder, and two outputs beside the main one: a copy of it, and rows.
    pub(crate) fn with_outputs() -> Self {
        Self::with_folder().and_outputs()
    }

    /// With a bucket in a store that plays faults by script, and the same outputs.
    pub(crate) fn with_outputs_in_store() -> Self {
        Self::with_store().and_outputs()
    }

    fn and_outputs(self) -> Self {
        std::fs::write(self.folder().join("forebay.yaml"), outputs::CONFIGURATION).unwrap();
        self
    }

    /// With a bucket in a store that plays faults by script.
    pub(crate) fn with_store() -> Self {
        Self::new(async |_| Bucket::S3(FakeS3::start().await))
    }

    /// With a bucket in a store behind a line that plays faults.
    pub(crate) fn with_proxy() -> Self {
        Self::new(async |_| {
            let store = FakeS3::start().await;
            let proxy = Proxy::start(store.address());
            Bucket::Proxied(store, proxy)
        })
    }

    /// With the bucket that is made for this folder.
    pub(crate) fn new(bucket: impl AsyncFnOnce(&Path) -> Bucket) -> Self {
        Self::with(|folder, runtime| runtime.block_on(bucket(folder)))
    }

    /// With SeaweedFS, which `weed` starts.
    pub(crate) fn with_seaweedfs(weed: &Path) -> Self {
        Self::with(|folder, runtime| Bucket::SeaweedFs(SeaweedFs::start(weed, folder, runtime.handle())))
    }

    /// With SeaweedFS behind a line that plays faults.
    pub(crate) fn with_proxied_seaweedfs(weed: &Path) -> Self {
        Self::with(|folder, runtime| {
            let store = SeaweedFs::start(weed, folder, runtime.handle());
            let _inside = runtime.enter();
            let proxy = Proxy::start(store.address());
            Bucket::ProxiedSeaweedFs(store, proxy)
        })
    }

    fn with(bucket: impl FnOnce(&Path, &Runtime) -> Bucket) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let bucket = bucket(folder.path(), &runtime);
        let mut settings: BTreeMap<_, _> =
            SETTINGS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        settings.extend(bucket.settings().into_iter().map(|(key, value)| (key.to_owned(), value)));
        Self {
            folder,
            bucket,
            ledger: Arc::default(),
            settings,
            lives: Cell::new(0),
            unanswered: RefCell::default(),
            runtime,
        }
    }

    /// With a copy of what lies in this one's folders, bucket included, and of its ledger. Its bucket must be a folder.
    pub(crate) fn copied(&self) -> Self {
        let mut scene = Self::with_folder();
        copy(&self.data(), &scene.data());
        scene.ledger = Arc::new(self.ledger.copied());
        scene.settings.clone_from(&self.settings);
        scene.lives.set(self.lives.get());
        scene
    }

    /// Sets a variable of the program's environment, such as `FOREBAY_LOG_SEAL_AFTER`.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(key.to_owned(), value.to_owned());
    }

    /// The line to the bucket, and the store behind it.
    pub(crate) fn line(&self) -> (&Proxy, &FakeS3) {
        let Bucket::Proxied(store, proxy) = &self.bucket else { panic!("there is no proxy") };
        (proxy, store)
    }

    /// Leaves a variable of the program's environment out.
    pub(crate) fn unset(&mut self, key: &str) {
        self.settings.remove(key);
    }

    /// The folder in which the program runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder in which it keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        program::data(self.folder())
    }

    /// The runtime of clients and servers.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Starts the program, and waits until it has started.
    pub(crate) fn start(&self) -> Program {
        self.start_with(&[])
    }

    /// Starts it with these variables besides its own.
    pub(crate) fn start_with(&self, more: &[(&str, &str)]) -> Program {
        self.spawn_with(more).finish().unwrap_or_else(|said| panic!("it does not start: {said:?}"))
    }

    /// Starts it, and does not wait.
    pub(crate) fn spawn_with(&self, more: &[(&str, &str)]) -> Starting {
        Starting::spawn(self.folder(), &self.environment(more))
    }

    /// Runs a command of the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        forebay(self.folder(), arguments, &self.environment(&[]))
    }

    /// This process, for clients.
    pub(crate) fn life(&self, program: &Program) -> Life {
        self.lives.set(self.lives.get() + 1);
        Life { number: self.lives.get(), grpc: program.grpc(), http: program.http() }
    }

    /// Sends so many small exports one after the other, each of which must be acknowledged.
    pub(crate) fn send(&self, program: &Program, exports: usize) {
        for _ in 0..exports {
            let sent = self.try_send(program);
            assert_eq!(sent, Sent::Acknowledged, "it has room and time; it wrote:\n{}", program.stderr());
        }
    }

    /// Sends one small export, and notes what came of it; before it, what nobody answered the last time.
    pub(crate) fn try_send(&self, program: &Program) -> Sent {
        let sent = self.send_again(program);
        if sent == Sent::Unanswered {
            return sent;
        }
        let sending = clients::send_small(&self.ledger, self.life(program));
        let (sent, unanswered) = self.runtime.block_on(sending);
        self.unanswered.replace(unanswered);
        sent
    }

    /// Sends what nobody answered the last time, if there is something.
    pub(crate) fn send_again(&self, program: &Program) -> Sent {
        let Some(again) = self.unanswered.take() else { return Sent::Acknowledged };
        let sending = clients::send_again(&self.ledger, self.life(program), again);
        let (sent, unanswered) = self.runtime.block_on(sending);
        self.unanswered.replace(unanswered);
        sent
    }

    /// Sends one export of so many times 8 MB, which is a segment of its own and an object in parts.
    pub(crate) fn send_huge(&self, program: &Program, items: u64) {
        self.runtime.block_on(clients::send_huge(&self.ledger, self.life(program), items));
    }

    /// Has the program seal and deliver everything; `false` if it has ended or cannot.
    pub(crate) fn flush(&self, program: &Program) -> bool {
        let report = self.runtime.block_on(program.client().flush(Span::seconds(600)));
        report.is_ok_and(|report| report.complete)
    }

    /// Has the program seal what it has, and does not wait for anything else.
    pub(crate) fn seal(&self, program: &Program) {
        self.runtime.block_on(program.client().flush(Span::seconds(0))).unwrap();
    }

    /// Starts clients, which send to whoever is announced until they are ended.
    pub(crate) fn clients(&self, load: Load, seed: u64) -> Clients {
        let _inside = self.runtime.enter();
        let (lives, listening) = watch::channel(None);
        Clients { lives, senders: clients::spawn(&listening, &self.ledger, load, seed) }
    }

    /// Waits until clients have ended by themselves.
    pub(crate) fn end(&self, clients: Clients) {
        drop(clients.lives);
        self.runtime.block_on(clients.senders.join_all());
    }

    /// Drains the data folder, in which nothing may be left, and audits the bucket.
    pub(crate) fn settle(&self) -> Found {
        self.settle_with(&[])
    }

    /// As [`Scene::settle`], of this folder and others that are copies of it.
    pub(crate) fn settle_with(&self, copies: &[&Path]) -> Found {
        let before = self.bucket.count();
        let folders: Vec<&Path> = copies.iter().copied().chain([self.folder()]).collect();
        for folder in &folders {
            let drained = self.drain(folder);
            assert_eq!(drained.code, Some(0), "{drained:?}");
            assert!(!drained.stderr.contains(" ERROR "), "nothing was damaged: {}", drained.stderr);
        }
        let objects = self.bucket.objects();
        // Nobody may have left anything undone that one more start would repeat.
        for folder in &folders {
            let again = self.drain(folder);
            assert_eq!(again.stdout, "delivered 0 objects; nothing is left\n", "{again:?}");
            assert_eq!(remaining(folder), Vec::<PathBuf>::new(), "nothing is left");
        }
        assert_eq!(self.bucket.objects().keys().collect::<Vec<_>>(), objects.keys().collect::<Vec<_>>());
        self.audited(before, &objects, if copies.is_empty() { Machines::One } else { Machines::Copies })
    }

    pub(super) fn drain(&self, folder: &Path) -> Said {
        forebay(folder, &["drain", "--wait", "20m"], &self.environment(&[]))
    }

    /// How many exports are in the bucket.
    pub(crate) fn count_delivered(&self) -> u64 {
        count(&self.bucket.objects())
    }

    fn audited(&self, before: usize, objects: &BTreeMap<String, Vec<u8>>, machines: Machines) -> Found {
        let others = outputs::split(objects);
        let objects = &others.main;
        let found = audit(&self.ledger.exports(), objects, machines);
        if self.folder().join("forebay.yaml").exists() {
            others.audit(&self.ledger.exports(), found, machines);
        }
        let mut by_signal = BTreeMap::new();
        for key in objects.keys() {
            let signal = Signal::ALL.into_iter().find(|signal| key.starts_with(signal.name())).unwrap();
            *by_signal.entry(signal).or_default() += 1;
        }
        let acknowledged = self.ledger.acknowledgements();
        Found {
            acknowledged,
            unanswered: found - acknowledged,
            refused: self.ledger.refusals(),
            objects: (before, objects.len()),
            by_signal,
            largest_object: objects.values().map(Vec::len).max().unwrap_or(0),
        }
    }

    /// The program's own variables, and more.
    pub(crate) fn environment<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        own.chain(more.iter().copied()).collect()
    }
}

/// Copies a folder and all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files in spool and in `damaged`, which a data folder in order has none of.
fn remaining(folder: &Path) -> Vec<PathBuf> {
    let files = |name: &str| std::fs::read_dir(program::data(folder).join(name)).into_iter().flatten();
    files("spool").chain(files("damaged")).map(|entry| entry.unwrap().path()).collect()
}

/// Clients that send all the time.
pub(crate) struct Clients {
    lives: watch::Sender<Listening>,
    senders: JoinSet<()>,
}

impl Clients {
    /// Has them send to this process, or to nobody.
    pub(crate) fn announce(&self, life: Listening) {
        self.lives.send_replace(life);
    }
}
