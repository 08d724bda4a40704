//! The log against a model: whatever happens to it, what it gives back is what was acknowledged, and a loss is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use forebay::disk::{AfterPowerLoss, Disk, SimulatedDisk};
use forebay::log::{Item, Stepwise, Unreadable};
use forebay::otlp::Signal;
use forebay::receive::Export;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

#[path = "support/log.rs"]
mod support_log;

use support_log::try_open;

const SEGMENT_BYTES: u64 = 12 * 1024;

/// One thing that happens to a log.
#[derive(Clone, Debug)]
enum Event {
    /// A group of exports with bodies of these lengths.
    Append(Vec<usize>),
    /// The active segment is sealed.
    Seal,
    /// The oldest sealed segment is read and retired.
    Pack,
    /// SIGKILL: what was written stays.
    Kill,
    /// The power fails.
    PowerLoss(u64),
    /// The power fails in the middle of a group.
    PowerLossIn { after: u64, lengths: Vec<usize>, seed: u64 },
    /// A bit of a sealed segment flips: which segment, and where.
    FlipBit(usize, u64),
}

fn event() -> impl Strategy<Value = Event> {
    let lengths = || prop::collection::vec(prop_oneof![8 => 4..1500_usize, 1 => 6000..20_000_usize], 1..5);
    prop_oneof![
        8 => lengths().prop_map(Event::Append),
        2 => Just(Event::Seal),
        2 => Just(Event::Pack),
        1 => Just(Event::Kill),
        1 => any::<u64>().prop_map(Event::PowerLoss),
        1 => (0..12_u64, lengths(), any::<u64>())
            .prop_map(|(after, lengths, seed)| Event::PowerLossIn { after, lengths, seed }),
        1 => (any::<usize>(), 0..SEGMENT_BYTES).prop_map(|(segment, at)| Event::FlipBit(segment, at)),
    ]
}

/// A log and what must be in it.
struct Model {
    disk: SimulatedDisk,
    log: Stepwise,
    next: u32,
    /// Acknowledged and not yet packed: the bodies by number.
    acknowledged: BTreeMap<u32, Bytes>,
    /// Sent, not acknowledged: may be there or not.
    uncertain: BTreeMap<u32, Bytes>,
    bits_flipped: bool,
    told_lost: u64,
    missing: u64,
}

impl Model {
    fn new() -> Self {
        let disk = SimulatedDisk::default();
        let log = open(&disk);
        Self {
            disk,
            log,
            next: 0,
            acknowledged: BTreeMap::new(),
            uncertain: BTreeMap::new(),
            bits_flipped: false,
            told_lost: 0,
            missing: 0,
        }
    }

    fn exports(&mut self, lengths: &[usize]) -> Vec<(u32, Export)> {
        let export = |length: &usize| {
            self.next += 1;
            let body: Vec<u8> = self.next.to_le_bytes().into_iter().cycle().take((*length).max(4)).collect();
            let export = Export::of(Signal::Traces, 1, body.into());
            (self.next, Export { tenant: tenant(self.next).into(), ..export })
        };
        lengths.iter().map(export).collect()
    }

    fn append(&mut self, lengths: &[usize]) {
        let exports = self.exports(lengths);
        let (_, group): (Vec<u32>, Vec<Export>) = exports.iter().cloned().unzip();
        let outcome = self.log.append(&group, 1);
        let into = if outcome.is_ok() { &mut self.acknowledged } else { &mut self.uncertain };
        into.extend(exports.into_iter().map(|(number, export)| (number, export.body)));
    }

    /// Reads the oldest sealed segment and retires it; says whether there was one.
    fn pack(&mut self) -> bool {
        let Some(segment) = self.log.next_sealed() else { return false };
        let mut records = segment.records(Unreadable::Fail).unwrap();
        for item in &mut records {
            let Item::Record(record) = item.unwrap() else { continue };
            let number = u32::from_le_bytes(record.body[..4].try_into().unwrap());
            let body = self.acknowledged.remove(&number).or_else(|| self.uncertain.remove(&number));
            assert_eq!(body.as_ref(), Some(&record.body), "{number} is as it was sent, and there once");
            assert_eq!(record.tenant, tenant(number), "{number} belongs to whom it belonged to");
        }
        self.told_lost += records.lost();
        self.log.retire(&segment).unwrap();
        true
    }

    fn restart(&mut self, disk: SimulatedDisk) {
        self.disk = disk;
        self.log = open(&self.disk);
        self.told_lost += self.log.records_lost();
    }

    fn flip_bit(&mut self, segment: usize, at: u64) {
        // What is sealed was durable for sure; of what is not, nobody could tell damage from a torn tail.
        self.log.seal();
        let names: Vec<String> =
            self.disk.list("/data/log".as_ref()).unwrap().into_iter().map(|entry| entry.name).collect();
        let sealed: Vec<&String> = names.iter().filter(|name| !name.starts_with("spare")).collect();
        if !sealed.is_empty() {
            let path = PathBuf::from("/data/log").join(sealed[segment % sealed.len()]);
            self.disk.flip_bit(&path, at).unwrap();
            self.bits_flipped = true;
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Append(lengths) => self.append(lengths),
            Event::Seal => self.log.seal(),
            Event::Pack => drop(self.pack()),
            Event::Kill => self.restart(self.disk.reboot(AfterPowerLoss::Kept)),
            Event::PowerLoss(seed) => self.restart(self.disk.reboot(AfterPowerLoss::Torn(*seed))),
            Event::PowerLossIn { after, lengths, seed } => {
                self.disk = self.disk.clone().losing_power_after(*after);
                self.append(lengths);
                self.restart(self.disk.reboot(AfterPowerLoss::Torn(*seed)));
            }
            Event::FlipBit(segment, at) => self.flip_bit(*segment, *at),
        }
    }

    /// All that was acknowledged is there, or its loss was told.
    fn finish(mut self) {
        self.log.seal();
        while self.pack() {}
        self.missing += self.acknowledged.len() as u64;
        if !self.bits_flipped {
            assert_eq!((self.missing, self.told_lost), (0, 0), "without damage nothing is missing");
        }
        let kept_aside = self.disk.list("/data/log".as_ref()).unwrap();
        if !kept_aside.iter().any(|entry| entry.name.ends_with(".damaged")) {
            assert!(self.missing <= self.told_lost, "{} missing, {} told", self.missing, self.told_lost);
        }
    }
}

/// Whose an export is: of several lengths, and nobody's now and then.
fn tenant(number: u32) -> String {
    "tenant-ä".chars().cycle().take(number as usize % 12).collect()
}

fn open(disk: &SimulatedDisk) -> Stepwise {
    try_open(disk, SEGMENT_BYTES).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(20_261_122),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_acknowledged_comes_back_or_its_loss_is_told(events in prop::collection::vec(event(), 1..40)) {
        let mut model = Model::new();
        for event in &events {
            model.happen(event);
        }
        model.finish();
    }
}
