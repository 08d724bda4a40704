//! The power fails after every single step of the way from a client to the bucket: append, seal, pack, put, confirm,
//! remove, recycle. Nothing acknowledged is lost, nothing is in two objects, every object is whole.
//!
//! The steps are those of the program in their order, on a disk that takes POSIX at its word. The bucket is a folder of
//! that disk, or a store elsewhere that keeps what it confirmed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use forebay::disk::{AfterPowerLoss, Budget, Disk, SimulatedDisk};
use forebay::log::{self, Place, SegmentId, Stepwise, Unreadable};
use forebay::otlp::{Signal, read_json};
use forebay::pack::{self, Batch, Spool, pack_records};
use forebay::receive::Export;
use forebay::units::ByteSize;
use forebay::upload::Body;
use forebay::upload::bucket::FolderBucket;

const SEGMENT_BYTES: u64 = 12 * 1024;
const BUCKET: &str = "/bucket";

/// Where objects go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bucket {
    /// A folder of the disk that loses power.
    Folder,
    /// A store elsewhere.
    Store,
}

/// A machine, and the store that does not share its power.
struct Machine {
    disk: SimulatedDisk,
    bucket: Bucket,
    store: BTreeMap<String, Vec<u8>>,
}

/// What runs on it.
struct Running {
    log: Stepwise,
    spool: Spool,
}

impl Machine {
    fn new(bucket: Bucket) -> Self {
        Self { disk: SimulatedDisk::default(), bucket, store: BTreeMap::new() }
    }

    /// The machine after a power loss; the store has what it had.
    fn reboot(&self, outcome: AfterPowerLoss) -> Self {
        Self { disk: self.disk.reboot(outcome), bucket: self.bucket, store: self.store.clone() }
    }

    /// Starts the program: spool first, for its segments' numbers must not be given again.
    fn start(&self) -> Option<Running> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let budget = Budget::new(100 * SEGMENT_BYTES);
        let (spool, batches, damage) =
            Spool::open(Arc::clone(&disk), PathBuf::from("/data/spool"), Arc::clone(&budget)).ok()?;
        assert!(damage.is_empty(), "a power loss is no damage: {damage:?}\n{}", self.disk.trace());
        let at_least = batches.iter().map(|batch| batch.segment).max().unwrap_or(SegmentId(0)).next();
        let place = Place {
            folder: PathBuf::from("/data/log"),
            aside: PathBuf::from("/data/damaged"),
            writer: 7,
            packing: pack::Options::default().pinned(),
            at_least,
        };
        let options = log::Options {
            segment_bytes: ByteSize(SEGMENT_BYTES),
            free_space_floor: ByteSize(0),
            ..log::Options::default()
        };
        let log = Stepwise::open(&disk, place, &options, &budget).ok()?;
        assert_eq!(log.records_lost(), 0, "a power loss is no damage\n{}", self.disk.trace());
        Some(Running { log, spool })
    }

    /// Packs all that is sealed and delivers all that is packed, as far as the power lasts.
    fn deliver_all(&mut self, running: &Running) -> Option<()> {
        while let Some(segment) = running.log.next_sealed() {
            let options = pack::Options::from_pinned(segment.packing()).unwrap();
            let records = segment.records(Unreadable::Fail).ok()?;
            let writer = segment.writer();
            pack_records(segment.id(), &writer, &options, records, &running.spool).ok()?;
            running.log.retire(&segment).ok()?;
        }
        for batch in running.spool.batches() {
            self.deliver(running, &batch)?;
        }
        Some(())
    }

    fn deliver(&mut self, running: &Running, batch: &Batch) -> Option<()> {
        for object in &batch.objects {
            let file = running.spool.open_object(object).ok()?;
            match self.bucket {
                Bucket::Folder => {
                    let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
                    let folder = FolderBucket::new(disk, PathBuf::from(BUCKET));
                    folder.put_blocking(object, &Body::new(file, object)).ok()?;
                }
                Bucket::Store => {
                    let bytes = file.read(0..file.bytes()).ok()?.to_vec();
                    let before = self.store.insert(object.key.clone(), bytes.clone());
                    assert!(
                        before.is_none_or(|before| before == bytes),
                        "the same name means the same bytes"
                    );
                }
            }
        }
        running.spool.remove(batch).ok()
    }

    /// Every object in the bucket, by its key.
    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        match self.bucket {
            Bucket::Store => self.store.clone(),
            Bucket::Folder => {
                let mut objects = BTreeMap::new();
                collect(&self.disk, Path::new(BUCKET), &mut objects);
                objects
            }
        }
    }
}

fn collect(disk: &SimulatedDisk, folder: &Path, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in disk.list(folder).unwrap_or_default() {
        let path = folder.join(&entry.name);
        if entry.is_folder {
            collect(disk, &path, objects);
            continue;
        }
        let mut bytes = vec![0; usize::try_from(entry.bytes).unwrap()];
        disk.open(&path).unwrap().read_at(&mut bytes, 0).unwrap();
        objects.insert(path.display().to_string(), bytes);
    }
}

/// One log record, or one span, that carries a number.
fn export(number: u32) -> Export {
    let padding = "x".repeat(400 + (number as usize % 3) * 500);
    let (signal, json) = if number.is_multiple_of(2) {
        let record = format!(r#"{{"body":{{"stringValue":"{padding}"}},"severityText":"n{number}"}}"#);
        (Signal::Logs, format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#))
    } else {
        let span = format!(r#"{{"name":"n{number}","traceState":"{padding}"}}"#);
        (Signal::Traces, format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#))
    };
    Export { signal, items: 1, body: Bytes::from(read_json(signal, json.as_bytes(), 1 << 20).unwrap()) }
}

/// The numbers in an object, which must be whole.
fn numbers(key: &str, bytes: &[u8]) -> Vec<u32> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_string(&mut text)
        .unwrap_or_else(|error| panic!("{key}: {error}"));
    assert!(text.ends_with('\n'), "{key} is whole");
    let number = |line: &str| {
        let document: serde_json::Value = serde_json::from_str(line).unwrap();
        let record = document.pointer("/resourceLogs/0/scopeLogs/0/logRecords/0/severityText");
        let span = document.pointer("/resourceSpans/0/scopeSpans/0/spans/0/name");
        record.or(span).unwrap().as_str().unwrap()[1..].parse().unwrap()
    };
    text.lines().map(number).collect()
}

/// Numbers that were sent, and whether each was acknowledged.
type Sent = BTreeMap<u32, bool>;

/// Takes in, seals and delivers, three times over, as far as the power lasts.
fn scenario(machine: &mut Machine, from: u32, sent: &mut Sent) -> Option<()> {
    let mut running = machine.start()?;
    for round in 0..3 {
        for group in 0..2 {
            let first = from + round * 10 + group * 5;
            let exports: Vec<Export> = (first..first + 5).map(export).collect();
            sent.extend((first..first + 5).map(|number| (number, false)));
            if running.log.append(&exports, 1_800_000_000_000_000_000).is_ok() {
                sent.extend((first..first + 5).map(|number| (number, true)));
            }
        }
        running.log.seal();
        machine.deliver_all(&running)?;
    }
    Some(())
}

/// Starts again, delivers everything, and looks into the bucket.
fn audit(mut machine: Machine, sent: &Sent, what: &str) {
    let running = machine.start().unwrap_or_else(|| panic!("{what}: it does not start again"));
    machine.deliver_all(&running).unwrap_or_else(|| panic!("{what}: it does not deliver"));
    drop(running);
    // Nobody may have left anything undone that one more start would repeat.
    let running = machine.start().unwrap();
    machine.deliver_all(&running).unwrap();
    let mut found = BTreeSet::new();
    for (key, bytes) in machine.objects() {
        for number in numbers(&key, &bytes) {
            assert!(found.insert(number), "{what}: {number} is in the bucket twice");
            assert!(sent.contains_key(&number), "{what}: {number} was never sent");
        }
    }
    let lost: Vec<u32> = sent
        .iter()
        .filter(|(number, acknowledged)| **acknowledged && !found.contains(number))
        .map(|(n, _)| *n)
        .collect();
    assert!(lost.is_empty(), "{what}: lost {lost:?}");
}

fn outcomes() -> impl Iterator<Item = AfterPowerLoss> {
    [AfterPowerLoss::Lost, AfterPowerLoss::Kept].into_iter().chain((0..6).map(AfterPowerLoss::Torn))
}

/// The process is killed at every step, starts again and is killed no more, and then the power fails at every later
/// step: what a process left behind without syncing it must not be taken for durable by the next one.
fn survives_a_kill_and_then_a_power_loss(bucket: Bucket, killed_after: u64) {
    for later in (0..64).step_by(7) {
        let mut machine = Machine::new(bucket);
        machine.disk = machine.disk.losing_power_after(killed_after);
        let mut sent = Sent::new();
        scenario(&mut machine, 0, &mut sent);
        machine.disk.only_the_process_was_killed();
        machine.disk = machine.disk.losing_power_after(later);
        scenario(&mut machine, 1000, &mut sent);
        for outcome in [AfterPowerLoss::Lost, AfterPowerLoss::Torn(later)] {
            let what = format!(
                "{bucket:?}, killed after step {killed_after}, power lost {later} later, {outcome:?}"
            );
            audit(machine.reboot(outcome), &sent, &what);
        }
    }
}

fn survives_power_loss_at_every_step(bucket: Bucket) {
    let mut step = 0;
    loop {
        let mut machine = Machine::new(bucket);
        machine.disk = machine.disk.losing_power_after(step);
        let mut sent = Sent::new();
        scenario(&mut machine, 0, &mut sent);
        for outcome in outcomes() {
            let what = format!("{bucket:?}, power lost after step {step}, {outcome:?}");
            audit(machine.reboot(outcome), &sent, &what);
        }
        if !machine.disk.is_dark() {
            break;
        }
        step += 1;
    }
    assert!(step > 100, "the scenario has {step} steps");
}

#[test]
fn everything_acknowledged_reaches_a_folder_once_whenever_the_power_fails() {
    survives_power_loss_at_every_step(Bucket::Folder);
}

#[test]
fn everything_acknowledged_reaches_a_store_once_whenever_the_power_fails() {
    survives_power_loss_at_every_step(Bucket::Store);
}

#[test]
fn a_second_power_loss_while_it_recovers_changes_nothing() {
    for bucket in [Bucket::Folder, Bucket::Store] {
        for first in (0..130).step_by(7) {
            let mut machine = Machine::new(bucket);
            machine.disk = machine.disk.losing_power_after(first);
            let mut sent = Sent::new();
            scenario(&mut machine, 0, &mut sent);
            for second in 0..30 {
                let mut again = machine.reboot(AfterPowerLoss::Torn(first));
                again.disk = again.disk.losing_power_after(second);
                let mut sent = sent.clone();
                scenario(&mut again, 1000, &mut sent);
                let what = format!("{bucket:?}, power lost after step {first}, again after step {second}");
                audit(again.reboot(AfterPowerLoss::Torn(second)), &sent, &what);
            }
        }
    }
}

#[test]
fn a_power_loss_after_a_kill_loses_nothing_that_the_killed_process_left_behind() {
    for killed_after in 0..120 {
        survives_a_kill_and_then_a_power_loss(Bucket::Folder, killed_after);
        survives_a_kill_and_then_a_power_loss(Bucket::Store, killed_after);
    }
}
