//! A machine on which the whole way from a client to the bucket runs, step by step and in the same order in every run:
//! append, seal, pack, put, confirm, remove, recycle. Its disk can lose power, and fail.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use forebay::disk::{AfterPowerLoss, Budget, Disk, SimulatedDisk};
use forebay::log::{self, Place, SealedSegment, SegmentId, Stepwise, Unreadable};
use forebay::otlp::{Signal, read_json};
use forebay::pack::{self, Batch, BatchId, OutputName, Outputs, Spool, pack_records};
use forebay::receive::Export;
use forebay::units::ByteSize;
use forebay::upload::Body;
use forebay::upload::bucket::FolderBucket;

const SEGMENT_BYTES: u64 = 12 * 1024;
const BUCKET: &str = "/bucket";
/// 2027-01-15T08:00:00Z, in nanoseconds since 1970.
const RECEIVED_AT: u64 = 1_800_000_000_000_000_000;

/// Where objects go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// A folder of the disk that loses power.
    Folder,
    /// A store elsewhere, which keeps what it confirmed.
    Store,
}

/// A machine, the store that does not share its power, and what its clients know.
#[derive(Clone, Debug)]
pub struct Machine {
    pub disk: SimulatedDisk,
    pub bucket: Bucket,
    /// The prefixes of its outputs, the main one first.
    outputs: Vec<&'static str>,
    /// What happened to it so far, for the message of a test that fails.
    pub told: String,
    /// Numbers that were sent, each with the step of the disk after which it was acknowledged.
    sent: BTreeMap<u32, Option<u64>>,
    /// The objects in the store, each with the step of the disk after which it was put.
    store: BTreeMap<String, (u64, Vec<u8>)>,
}

/// What runs on it.
pub struct Running {
    pub log: Stepwise,
    pub spool: Spool,
    folder: FolderBucket,
    /// Segments that are packed, and not durably retired: their objects stay until they are.
    in_log: BTreeSet<SegmentId>,
    /// Segments that are packed: only giving their files free is tried again, until it works.
    packed: BTreeSet<SegmentId>,
    /// Batches whose objects are all delivered, and whose files are being removed.
    delivered: BTreeSet<BatchId>,
}

impl Machine {
    pub fn new(bucket: Bucket) -> Self {
        let (sent, store) = (BTreeMap::new(), BTreeMap::new());
        let (disk, told) = (SimulatedDisk::default(), format!("{bucket:?}"));
        Self { disk, bucket, outputs: vec!["main"], told, sent, store }
    }

    /// With a second output.
    pub fn with_archive(bucket: Bucket) -> Self {
        Self {
            outputs: vec!["main", "archive"],
            told: format!("{bucket:?}, two outputs"),
            ..Self::new(bucket)
        }
    }

    /// The machine as it was after so many steps, its power lost and back; or its process killed, without `outcome`. A
    /// put for which no more was needed than the last of these steps may have been done or not.
    pub fn interrupted_after(&self, steps: u64, outcome: Option<AfterPowerLoss>) -> Self {
        let disk = self.disk.as_it_was_after(steps);
        let disk = outcome.map_or(disk.clone(), |outcome| disk.reboot(outcome));
        let was_put = |step: u64| step < steps || (step == steps && steps.is_multiple_of(2));
        let told = outcome.map_or("killed".to_owned(), |outcome| format!("{outcome:?}"));
        let acknowledged = |step: &Option<u64>| step.filter(|step| *step <= steps).map(|_| 0);
        Self {
            disk,
            bucket: self.bucket,
            outputs: self.outputs.clone(),
            told: format!("{}, after step {steps} {told}", self.told),
            sent: self.sent.iter().map(|(number, step)| (*number, acknowledged(step))).collect(),
            store: self
                .store
                .iter()
                .filter(|(_, (step, _))| was_put(*step))
                .map(|(key, (_, bytes))| (key.clone(), (0, bytes.clone())))
                .collect(),
        }
    }

    /// The same machine, whose disk remembers each step.
    pub fn remembering(mut self) -> Self {
        self.disk = self.disk.remembering_each_step();
        self
    }

    /// Starts the program: spool first, for its segments' numbers must not be given again.
    pub fn start(&self) -> Option<Running> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let budget = Budget::new(100 * SEGMENT_BYTES);
        let (spool, batches, damage) =
            Spool::open(Arc::clone(&disk), PathBuf::from("/data/spool"), Arc::clone(&budget)).ok()?;
        assert!(damage.is_empty(), "{}: this is no damage: {damage:?}\n{}", self.told, self.disk.trace());
        let place = Place {
            folder: PathBuf::from("/data/log"),
            aside: PathBuf::from("/data/damaged"),
            writer: 7,
            packing: self.outputs.iter().map(|name| output(name)).collect::<Outputs>().pinned(),
            at_least: batches.iter().map(|batch| batch.segment).max().unwrap_or(SegmentId(0)).next(),
        };
        let options = log::Options {
            segment_bytes: ByteSize(SEGMENT_BYTES),
            free_space_floor: ByteSize(0),
            ..log::Options::default()
        };
        let log = Stepwise::open(&disk, place, &options, &budget).ok()?;
        let lost = log.records_lost();
        assert_eq!(lost, 0, "{}: no record is lost\n{}", self.told, self.disk.trace());
        let in_log = log.sealed_ids().into_iter().collect();
        let folder = FolderBucket::new(disk, PathBuf::from(BUCKET));
        Some(Running { log, spool, folder, in_log, packed: BTreeSet::new(), delivered: BTreeSet::new() })
    }

    /// Sends a group of exports; says whether it was acknowledged.
    pub fn send(&mut self, running: &mut Running, numbers: impl Iterator<Item = u32> + Clone) -> bool {
        let exports: Vec<Export> = numbers.clone().map(export).collect();
        let is_acknowledged = running.log.append(&exports, RECEIVED_AT).is_ok();
        let step = is_acknowledged.then(|| self.disk.steps());
        self.sent.extend(numbers.map(|number| (number, step)));
        is_acknowledged
    }

    /// Starts, and `rounds` times takes in two groups, seals and delivers, as far as the power lasts.
    pub fn live(&mut self, rounds: u32) -> Option<()> {
        let mut running = self.start()?;
        let first = self.sent.keys().last().map_or(0, |last| last + 1);
        self.deliver_all(&mut running)?;
        for round in 0..rounds {
            for group in 0..2 {
                let first = first + round * 10 + group * 5;
                self.send(&mut running, first..first + 5);
            }
            running.log.seal();
            self.deliver_all(&mut running)?;
        }
        Some(())
    }

    /// Packs all that is sealed and delivers all that is packed. What fails is left for the next call; says whether
    /// nothing did.
    pub fn deliver_all(&mut self, running: &mut Running) -> Option<()> {
        let mut failed = Vec::new();
        while let Some(segment) = running.log.next_sealed() {
            running.in_log.insert(segment.id());
            if self.pack(running, &segment).is_none() {
                failed.push(segment);
            } else {
                running.in_log.remove(&segment.id());
            }
        }
        for segment in &failed {
            running.log.put_back(segment);
        }
        let mut outcome = failed.is_empty().then_some(());
        for batch in running.spool.batches() {
            if !running.in_log.contains(&batch.segment) && self.deliver(running, &batch).is_none() {
                outcome = None;
            }
        }
        outcome
    }

    /// Packs a segment and gives its file free, in the order in which the program does.
    fn pack(&self, running: &mut Running, segment: &SealedSegment) -> Option<()> {
        if running.packed.contains(&segment.id()) {
            return running.log.retire(segment).ok();
        }
        for (output, options) in Outputs::from_pinned(segment.packing()).unwrap().iter() {
            let id = BatchId { segment: segment.id(), output: output.clone() };
            let read = || segment.records(Unreadable::Fail);
            pack_records(&id, &segment.writer(), options, read, &running.spool).ok()?;
        }
        let mut records = segment.records(Unreadable::Fail).ok()?;
        for item in records.by_ref() {
            item.ok()?;
        }
        assert_eq!(
            records.lost(),
            0,
            "{}: no record of a sealed segment is lost\n{}",
            self.told,
            self.disk.trace()
        );
        running.packed.insert(segment.id());
        running.log.retire(segment).ok()
    }

    fn deliver(&mut self, running: &mut Running, batch: &Batch) -> Option<()> {
        let is_delivered = running.delivered.contains(&batch.id());
        for object in batch.objects.iter().filter(|_| !is_delivered) {
            let file = running.spool.open_object(object).ok()?;
            match self.bucket {
                Bucket::Folder => drop(running.folder.put_blocking(object, &Body::new(file, object)).ok()?),
                Bucket::Store => {
                    let bytes = file.read(0..file.bytes()).ok()?.to_vec();
                    let step = self.disk.steps();
                    let (_, there) = self.store.entry(object.key.clone()).or_insert((step, bytes.clone()));
                    assert!(*there == bytes, "{}: the same name means the same bytes", self.told);
                }
            }
        }
        // From here on only this is tried again, until it works.
        running.delivered.insert(batch.id());
        running.spool.remove(batch).ok()
    }

    /// Starts again, delivers everything, and looks into the bucket: all that was acknowledged is there once, nothing
    /// is there twice, nothing that was never sent, every object is whole.
    pub fn audit(mut self) {
        // Nobody may have left anything undone that one more start would repeat.
        for _ in 0..2 {
            let told = self.told.clone();
            let mut running = self.start().unwrap_or_else(|| panic!("{told}: it does not start again"));
            self.deliver_all(&mut running).unwrap_or_else(|| panic!("{told}: it does not deliver"));
        }
        self.audit_bucket();
    }

    /// The same, of a bucket to which everything was delivered.
    pub fn audit_bucket(&self) {
        for output in &self.outputs {
            self.audit_output(output);
        }
    }

    fn audit_output(&self, output: &str) {
        let told = &self.told;
        let mut found = BTreeSet::new();
        let of_output = |key: &String| key.split('/').any(|part| part == output);
        for (key, bytes) in self.objects().into_iter().filter(|(key, _)| of_output(key)) {
            for number in numbers(&key, &bytes).unwrap_or_else(|error| panic!("{told}: {key}: {error}")) {
                assert!(found.insert(number), "{told}: {number} is in {output} twice");
                assert!(self.sent.contains_key(&number), "{told}: {number} was never sent");
            }
        }
        let is_lost = |(number, step): &(&u32, &Option<u64>)| step.is_some() && !found.contains(number);
        let lost: Vec<u32> = self.sent.iter().filter(is_lost).map(|(number, _)| *number).collect();
        assert!(lost.is_empty(), "{told}: {output} lost {lost:?}\n{}", self.disk.trace());
    }

    /// Every object in the bucket, by its key.
    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        match self.bucket {
            Bucket::Store => {
                objects.extend(self.store.iter().map(|(key, (_, bytes))| (key.clone(), bytes.clone())));
            }
            Bucket::Folder => collect(&self.disk, Path::new(BUCKET), &mut objects),
        }
        objects
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
    Export::of(signal, 1, Bytes::from(read_json(signal, json.as_bytes(), 1 << 20).unwrap()))
}

/// The numbers in an object.
///
/// # Errors
/// If it is not whole, or a record in it is not what was sent.
fn numbers(key: &str, bytes: &[u8]) -> Result<Vec<u32>, String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if !text.ends_with('\n') {
        return Err("it is cut off".to_owned());
    }
    let number = |line: &str| {
        let document: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let log_record = document.pointer("/resourceLogs/0/scopeLogs/0/logRecords/0");
        let span = document.pointer("/resourceSpans/0/scopeSpans/0/spans/0");
        let record = log_record.or(span).ok_or("a line without a record")?;
        let name = record.get("severityText").or(record.get("name")).and_then(|name| name.as_str());
        let number = name.and_then(|name| name[1..].parse().ok()).ok_or("a record without a number")?;
        let padding = record.pointer("/body/stringValue").or(record.get("traceState"));
        let length = padding.and_then(|padding| padding.as_str()).map_or(0, str::len);
        let is_as_sent = length == 400 + (number as usize % 3) * 500 && key.contains(kind(number));
        if is_as_sent { Ok(number) } else { Err(format!("{number} is not what was sent")) }
    };
    text.lines().map(number).collect()
}

/// What the keys of a number's objects say of its signal.
fn kind(number: u32) -> &'static str {
    if number.is_multiple_of(2) { "logs" } else { "traces" }
}

/// An output of lines of OTLP JSON, which tests can look into, under a prefix of its name.
fn output(name: &str) -> (OutputName, pack::Options) {
    let prefix = name.to_owned();
    let options = pack::Options { format: pack::Format::OtlpJsonl, prefix, ..pack::Options::default() };
    (OutputName::parse(name).unwrap(), options)
}
