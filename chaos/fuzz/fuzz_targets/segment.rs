//! What lies in the log's folder: segments that were written and then damaged, segments that are forged with checksums
//! that are right, and bytes as they come. The first byte chooses.
#![no_main]

use std::collections::BTreeMap;

use forebay::disk::{AfterPowerLoss, SimulatedDisk};
use forebay::log::{Error, Stepwise};
use forebay::otlp::Signal;
use forebay::receive::Export;
use forebay_fuzz::log::{Written, content, files, look, open, read_all, replace};
use forebay_fuzz::{Input, forged};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    match first {
        0 => raw(rest),
        1..=100 => forged_segments(&mut Input(rest)),
        _ => damaged(&mut Input(rest)),
    }
});

/// Bytes that should be a segment. The number in the header is that of the name, if it may be one.
fn raw(bytes: &[u8]) {
    let disk = SimulatedDisk::default();
    let id = bytes.get(16..24).map_or(1, |id| u64::from_le_bytes(id.try_into().unwrap()));
    replace(&disk, &format!("{id:08}.segment"), bytes);
    let golden = Written { signal: Signal::Metrics, items: 3, body: "hello".into() };
    read(&disk, &BTreeMap::from([(1000, golden)]));
}

/// Segments that nobody wrote.
fn forged_segments(input: &mut Input<'_>) {
    let disk = SimulatedDisk::default();
    let mut written = BTreeMap::new();
    for id in 1..=u64::from(input.byte() & 3) {
        let forged = forged::forged(id, input);
        replace(&disk, &format!("{id:08}.segment"), &forged.content);
        written = forged.written.into_iter().chain(written).collect();
    }
    if input.byte() & 1 == 1 {
        replace(&disk, "numbers", input.rest());
    }
    // A number that is there in two segments is read from both, so what was read is not compared.
    look(&disk);
    if let Ok(mut log) = open(&disk) {
        log.seal();
        while let Some(segment) = log.next_sealed() {
            let Ok(records) = segment.records(forebay::log::Unreadable::Skip) else { break };
            assert!(records.take(100_000).count() < 100_000, "a segment has an end");
            if log.retire(&segment).is_err() {
                break;
            }
        }
    }
}

/// Reads what may only be `written`.
fn read(disk: &SimulatedDisk, written: &BTreeMap<u64, Written>) {
    look(disk);
    if let Ok(mut log) = open(disk) {
        let _ = read_all(&mut log, written);
    }
}

/// A log that was written by the program itself and damaged afterwards.
fn damaged(input: &mut Input<'_>) {
    let mut history = History::new();
    for _ in 0..input.byte() & 7 {
        history.happen(input);
    }
    history.log.seal();
    let before = history.disk.clone();
    let segments: Vec<_> = files(&before)
        .into_iter()
        .filter(|(name, _)| !name.starts_with("spare") && name != "numbers")
        .collect();
    let disk = before.reboot(AfterPowerLoss::Kept);
    let mut only_records = true;
    for _ in 0..=input.byte() & 7 {
        only_records &= damage(&disk, &segments, input);
    }
    look(&disk);
    let mut log = match open(&disk) {
        Ok(log) => log,
        Err(Error::Version { .. }) if !only_records => return,
        Err(error) => panic!("a damaged segment keeps the others from being read: {error}"),
    };
    let read = read_all(&mut log, &history.written).unwrap();
    let missing = history.written.len() - read.seqs.len();
    if only_records {
        assert_eq!(missing as u64, read.told_lost, "what is lost is told");
    }
}

/// What happens to a log before it is damaged.
struct History {
    disk: SimulatedDisk,
    log: Stepwise,
    written: BTreeMap<u64, Written>,
}

impl History {
    fn new() -> Self {
        let disk = SimulatedDisk::default();
        let log = open(&disk).unwrap();
        Self { disk, log, written: BTreeMap::new() }
    }

    /// A group of exports, or an end of the segment, the process or the power.
    fn happen(&mut self, input: &mut Input<'_>) {
        match input.byte() {
            0..=31 => self.log.seal(),
            32..=47 => self.restart(AfterPowerLoss::Kept),
            48..=63 => self.restart(AfterPowerLoss::Torn(input.byte().into())),
            kind => {
                let exports: Vec<Export> =
                    (0..=kind & 3).map(|_| export(input, self.written.len())).collect();
                self.log.append(&exports, u64::from(kind)).unwrap();
                for Export { signal, items, body, .. } in exports {
                    self.written.insert(self.written.len() as u64, Written { signal, items, body });
                }
            }
        }
    }

    fn restart(&mut self, after: AfterPowerLoss) {
        self.disk = self.disk.reboot(after);
        self.log = open(&self.disk).unwrap();
        assert_eq!(self.log.records_lost(), 0, "nothing is damaged yet");
    }
}

/// An export whose body is what the input says, or what may be taken for the headers of other records.
fn export(input: &mut Input<'_>, next_seq: usize) -> Export {
    let signal = Signal::ALL[usize::from(input.byte()) % Signal::COUNT];
    let items = u32::from(input.byte());
    let length = usize::from(input.byte()) * 8;
    let body = match input.byte() {
        0..=99 => input.take(length).to_vec(),
        100..=199 => hostile(length, next_seq as u64 + u64::from(input.byte() & 15), input.byte()),
        byte => vec![byte; length],
    };
    Export::of(signal, items, body.into())
}

/// Headers of records, one behind the other, that promise bodies as long as they may be.
fn hostile(length: usize, seq: u64, body_len: u8) -> Vec<u8> {
    let mut header = [0; 56];
    header[4..6].copy_from_slice(&(u16::from(body_len) * 16).to_le_bytes());
    header[8..16].copy_from_slice(&seq.to_le_bytes());
    header[32] = 1;
    header.into_iter().cycle().take(length).collect()
}

/// Damages one of the segments; says whether it was only where its records lie.
fn damage(disk: &SimulatedDisk, segments: &[(String, u64)], input: &mut Input<'_>) -> bool {
    let Some((name, _)) = segments.get(input.below(segments.len())) else { return true };
    let before = content(disk, name);
    if before.is_empty() {
        return false;
    }
    let mut after = before.clone();
    let at = input.below(before.len());
    match input.byte() {
        0..=99 => after[at] ^= 1 << (input.byte() & 7),
        100..=149 => {
            let bytes = input.take(16);
            let end = after.len().min(at + bytes.len());
            after[at..end].copy_from_slice(&bytes[..end - at]);
        }
        150..=179 => after.iter_mut().skip(at & !511).take(512).for_each(|byte| *byte = 0),
        180..=209 => {
            let from = &content(disk, &segments[input.below(segments.len())].0);
            let (from_at, to_at) = (input.below(from.len()) & !511, at & !511);
            let sector = &from[from_at.min(from.len())..from.len().min(from_at + 512)];
            let end = after.len().min(to_at + sector.len());
            after[to_at..end].copy_from_slice(&sector[..end - to_at]);
        }
        _ => after.truncate(at),
    }
    replace(disk, name, &after);
    let tail = before.len().saturating_sub(2 * 4096);
    let differs = |at: usize| after.get(at) != Some(&before[at]);
    !(0..4096.min(before.len())).chain(tail..before.len()).any(differs)
}
