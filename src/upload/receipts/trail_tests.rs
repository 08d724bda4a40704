//! Every delivered object is in exactly one list, wherever the power fails, the process is killed or the disk fails.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::disk::{AfterPowerLoss, Disk, Failing, SimulatedDisk};
use crate::log::{Item, Record};
use crate::pack::{self, Batch, BatchId, OutputName, Spool, pack_records};
use crate::upload::Options;
use crate::upload::receipts::{Place, ReceiptOptions, Receipts};

/// 2026-08-22T10:59:59.9Z: the hour ends amid what is delivered.
const START: u64 = 1_787_396_399_900_000_000;
/// Nanoseconds by which the clock moves with each delivery.
const TICK: u64 = 40_000_000;
const HOUR: u64 = 3_600_000_000_000;

/// A machine that delivers to a store elsewhere, which keeps what it confirmed.
#[derive(Clone)]
struct Machine {
    disk: SimulatedDisk,
    now: u64,
    next_segment: u64,
    /// Objects and lists, each with the step of the disk before which it was put.
    store: BTreeMap<String, (u64, Vec<u8>)>,
    told: String,
}

/// What runs on it.
struct Running {
    spool: Spool,
    receipts: Receipts,
    budget: Arc<Budget>,
}

impl Machine {
    fn new() -> Self {
        let (disk, told) = (SimulatedDisk::default(), "at first".to_owned());
        Self { disk, now: START, next_segment: 1, store: BTreeMap::new(), told }
    }

    fn start(&self) -> Option<Running> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let budget = Budget::new(1 << 30);
        let (spool, batches, damage) =
            Spool::open(Arc::clone(&disk), "/data/spool".into(), Arc::clone(&budget)).ok()?;
        assert!(damage.is_empty(), "{}: this is no damage: {damage:?}", self.told);
        let options = Options {
            to: "s3://lake/in".into(),
            receipts: ReceiptOptions { hourly: true, ..ReceiptOptions::default() },
            ..Options::default()
        };
        let place =
            Place { folder: "/data/receipts".into(), writer: "0badcafe".into(), output: "default".into() };
        let receipts = Receipts::open(&disk, place, &options, &budget, &batches).ok()??;
        Some(Running { spool, receipts, budget })
    }

    /// Puts an object once: the store takes the first one of a name.
    fn put(&mut self, key: &str, bytes: &[u8]) {
        let step = self.disk.steps();
        let (_, there) = self.store.entry(key.to_owned()).or_insert((step, bytes.to_vec()));
        assert!(there == bytes, "{}: {key} with another content", self.told);
    }

    /// Delivers everything that is in the spool, and puts the lists that are due.
    fn deliver_all(&mut self, running: &Running) -> Option<()> {
        for batch in running.spool.batches() {
            self.deliver(running, &batch)?;
        }
        self.carry(running)
    }

    fn deliver(&mut self, running: &Running, batch: &Batch) -> Option<()> {
        self.put_all(running, batch)?;
        self.release(running, batch)
    }

    fn put_all(&mut self, running: &Running, batch: &Batch) -> Option<()> {
        for object in &batch.objects {
            let file = running.spool.open_object(object).ok()?;
            let bytes = file.read(0..file.bytes()).ok()?.to_vec();
            self.put(&format!("in/{}", object.key), &bytes);
            running.receipts.confirmed(object, Some("etag"), self.now);
        }
        Some(())
    }

    /// What the uploader does with a batch that is delivered.
    fn release(&mut self, running: &Running, batch: &Batch) -> Option<()> {
        self.now += TICK;
        let remove = || running.spool.remove(batch).map_err(anyhow::Error::from);
        running.receipts.release(batch, self.now, remove).ok()
    }

    /// Puts the lists of the hours that are over.
    fn carry(&mut self, running: &Running) -> Option<()> {
        for list in running.receipts.seal(self.now).ok()? {
            let (disk, folder) = running.receipts.lists_folder().unwrap();
            let file = pack::ObjectFile::open(&*disk, &folder, &list).ok()?;
            file.verify().unwrap_or_else(|error| panic!("{}: {error}", self.told));
            let bytes = file.read(0..file.bytes()).ok()?.to_vec();
            self.put(&format!("in/{}", list.key), &bytes);
            running.receipts.list_confirmed(&list).ok()?;
        }
        Some(())
    }

    /// Starts, delivers what is left, and then `rounds` new batches, some of them on both sides of an hour's end.
    fn live(&mut self, rounds: u64) -> Option<()> {
        let running = self.start()?;
        self.deliver_all(&running)?;
        for _ in 0..rounds {
            let batch = self.pack(&running)?;
            self.deliver(&running, &batch)?;
            self.carry(&running)?;
        }
        Some(())
    }

    fn pack(&mut self, running: &Running) -> Option<Batch> {
        let segment = SegmentId(self.next_segment);
        self.next_segment += 1;
        let record = |signal| {
            let body = Bytes::from_static(&[0x0a, 4, 0x12, 2, 0x12, 0]);
            Item::Record(Record {
                seq: 1,
                signal,
                received_at: self.now,
                items: 1,
                tenant: String::new(),
                body,
            })
        };
        let read = || Ok::<_, Infallible>([record(Signal::Logs), record(Signal::Traces)].map(Ok).into_iter());
        let id = BatchId { segment, output: OutputName::main() };
        let options = pack::Options { format: pack::Format::OtlpProto, ..pack::Options::default() };
        pack_records(&id, "0badcafe", &options, read, &running.spool).ok()
    }

    /// The machine as it was after so many steps, its power lost and back; or its process killed, without `outcome`.
    fn interrupted_after(&self, steps: u64, outcome: Option<AfterPowerLoss>) -> Self {
        let disk = self.disk.as_it_was_after(steps);
        let disk = outcome.map_or(disk.clone(), |outcome| disk.reboot(outcome));
        let was_put = |step: u64| step < steps || (step == steps && steps.is_multiple_of(2));
        let store = self.store.iter().filter(|(_, (step, _))| was_put(*step));
        Self {
            disk,
            now: self.now,
            next_segment: self.next_segment,
            store: store.map(|(key, (_, bytes))| (key.clone(), (0, bytes.clone()))).collect(),
            told: format!("{}, after step {steps} {outcome:?}", self.told),
        }
    }

    /// Delivers what is left, seals everything, and compares the lists with the objects.
    fn audit(mut self) {
        for _ in 0..2 {
            let told = self.told.clone();
            let running = self.start().unwrap_or_else(|| panic!("{told}: it does not start again"));
            self.deliver_all(&running).unwrap_or_else(|| panic!("{told}: it does not deliver"));
            self.now += HOUR;
            self.carry(&running).unwrap_or_else(|| panic!("{told}: it does not carry its lists"));
            assert_eq!(running.budget.used(), 0, "{told}: nothing is left on the disk");
        }
        let left = self.disk.list("/data/receipts".as_ref()).unwrap();
        assert!(left.is_empty(), "{}: {left:?}", self.told);
        let is_list = |key: &&String| key.starts_with("in/receipts/");
        let mut objects: Vec<&String> = self.store.keys().filter(|key| !is_list(key)).collect();
        let lists = self.store.iter().filter(|(key, _)| is_list(key));
        let lines: Vec<Line> = lists.flat_map(|(_, (_, content))| Line::read_all(content).unwrap()).collect();
        let mut listed: Vec<&String> = lines.iter().map(|line| &line.key).collect();
        objects.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, objects, "{}\n{}", self.told, self.disk.trace());
    }
}

fn outcome(number: u64) -> AfterPowerLoss {
    match number % 8 {
        0 => AfterPowerLoss::Lost,
        1 => AfterPowerLoss::Kept,
        _ => AfterPowerLoss::Torn(number),
    }
}

/// A machine that delivered before and after the end of an hour, and put its lists.
fn machine_after_a_whole_run() -> Machine {
    let mut machine = Machine::new();
    machine.disk = machine.disk.remembering_each_step();
    machine.live(5).unwrap();
    let lists = machine.store.keys().filter(|key| key.starts_with("in/receipts/")).count();
    assert_eq!(lists, 2, "the lists of the first hour are in the store: {:?}", machine.store.keys());
    machine
}

#[test]
fn every_delivered_object_is_in_one_list_whenever_the_power_fails() {
    let machine = machine_after_a_whole_run();
    for step in 0..=machine.disk.steps() {
        for ending in 0..8 {
            let ending = if ending < 2 { outcome(ending) } else { AfterPowerLoss::Torn(step * 8 + ending) };
            machine.interrupted_after(step, Some(ending)).audit();
        }
    }
}

#[test]
fn every_delivered_object_is_in_one_list_whenever_the_process_is_killed_and_killed_again() {
    let machine = machine_after_a_whole_run();
    for step in 0..=machine.disk.steps() {
        machine.interrupted_after(step, None).audit();
        let mut again = machine.interrupted_after(step, None);
        // It lives on, in the same hour or in the next one, and the power fails.
        again.disk = again.disk.remembering_each_step();
        again.now += if step.is_multiple_of(2) { HOUR } else { 0 };
        again.live(1).unwrap();
        for second in 0..=again.disk.steps() {
            // What a killed process left undone matters most while the next one starts.
            let endings = if second < 30 { 4 } else { 1 };
            for ending in 0..endings {
                again.interrupted_after(second, Some(outcome(step + second + 2 * ending))).audit();
            }
        }
    }
}

/// Fails one step after so many, or all from there on.
#[derive(Debug)]
struct FailsAfter {
    steps: u64,
    for_good: bool,
}

impl Failing for FailsAfter {
    fn error(&mut self, _: &str, _: &str) -> Option<std::io::Error> {
        let fails = self.steps == 0;
        self.steps = match self.steps {
            0 if self.for_good => 0,
            0 => u64::MAX,
            steps => steps - 1,
        };
        fails.then(|| std::io::Error::from_raw_os_error(5))
    }
}

#[test]
fn a_disk_that_fails_for_a_while_makes_no_list_wrong() {
    let steps = machine_after_a_whole_run().disk.steps();
    for step in 0..steps {
        for for_good in [false, true] {
            let mut machine = Machine::new();
            machine.told = format!("failing at {step}, for good: {for_good}");
            let running = machine.start().unwrap();
            machine.disk.fail(FailsAfter { steps: step, for_good });
            for _ in 0..5 {
                let Some(batch) = machine.pack(&running) else { continue };
                machine.put_all(&running, &batch).unwrap();
                while machine.release(&running, &batch).is_none() {
                    // An hour later: what is owed must not become another note.
                    machine.now += HOUR;
                    machine.disk.work_again();
                }
            }
            if machine.carry(&running).is_none() {
                machine.disk.work_again();
                machine.carry(&running).unwrap_or_else(|| panic!("{}: it does not carry on", machine.told));
            }
            machine.disk.work_again();
            drop(running);
            machine.disk = machine.disk.reboot(outcome(step));
            machine.audit();
        }
    }
}

#[test]
fn an_hour_is_sealed_only_when_it_is_over_and_its_batches_are_gone_from_the_spool() {
    let mut machine = Machine::new();
    let running = machine.start().unwrap();
    let batch = machine.pack(&running).unwrap();
    for object in &batch.objects {
        running.receipts.confirmed(object, None, machine.now);
    }
    running.receipts.note(&batch, machine.now).unwrap();
    assert!(running.receipts.seal(machine.now + HOUR).unwrap().is_empty(), "its batch is still in the spool");
    running.spool.remove(&batch).unwrap();
    running.receipts.released(&batch);
    assert!(running.receipts.seal(machine.now).unwrap().is_empty(), "its hour is not over");
    let lists = running.receipts.seal(machine.now + HOUR).unwrap();
    let keys: Vec<&str> = lists.iter().map(|list| &list.key[..list.key.rfind('-').unwrap()]).collect();
    assert_eq!(
        keys,
        [
            "receipts/logs/date=2026-08-22/hour=10/logs_20260822T100000000Z-0badcafe",
            "receipts/traces/date=2026-08-22/hour=10/traces_20260822T100000000Z-0badcafe"
        ]
    );
    assert_eq!(
        (lists[0].records, lists[0].items, lists[0].content_type.as_str()),
        (1, 1, "application/x-ndjson")
    );
}

#[test]
fn what_was_not_delivered_is_in_no_list() {
    let mut machine = Machine::new();
    let running = machine.start().unwrap();
    let batch = machine.pack(&running).unwrap();
    // The other object was damaged and set aside, or dropped.
    let object = &batch.objects[1];
    machine.put(&format!("in/{}", object.key), b"");
    running.receipts.confirmed(object, Some("\"0123\""), machine.now);
    machine.release(&running, &batch).unwrap();
    machine.now += HOUR;
    machine.carry(&running).unwrap();
    let (_, (_, content)) = machine.store.iter().find(|(key, _)| key.starts_with("in/receipts/")).unwrap();
    let lines = Line::read_all(content).unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].key, format!("in/{}", object.key));
    assert_eq!(lines[0].etag.as_deref(), Some("\"0123\""));
    drop(running);
    machine.audit();
}

#[test]
fn a_damaged_note_is_kept_aside_and_holds_nothing_up() {
    let mut machine = Machine::new();
    let running = machine.start().unwrap();
    for _ in 0..2 {
        let batch = machine.pack(&running).unwrap();
        machine.deliver(&running, &batch).unwrap();
    }
    let folder = std::path::Path::new("/data/receipts");
    let first = machine.disk.list(folder).unwrap().remove(0).name;
    let file = machine.disk.open(&folder.join(&first)).unwrap();
    file.write_at(&[std::io::IoSlice::new(b"X")], 3).unwrap();
    machine.now += HOUR;
    machine.carry(&running).unwrap();
    let left: Vec<String> = machine.disk.list(folder).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(left, [format!("{first}.damaged")]);
}
