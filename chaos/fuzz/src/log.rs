//! A log on a simulated disk, and what is promised of whatever lies in its folder.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use forebay::disk::{Budget, Disk, SimulatedDisk};
use forebay::log::{Error, Item, Options, Place, SegmentId, Stepwise, Unreadable, survey};
use forebay::otlp::Signal;
use forebay::units::ByteSize;

/// The folder of the segments.
pub const FOLDER: &str = "/data/log";

/// The size of a segment's file.
pub const SEGMENT_BYTES: u64 = 12 << 10;

/// More than any input makes.
const ITEMS_MAX: usize = 100_000;

/// What one record must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What it carries.
    pub signal: Signal,
    /// Items in it.
    pub items: u32,
    /// Its bytes.
    pub body: Bytes,
}

/// What was read of a log.
#[derive(Debug, Default)]
pub struct Read {
    /// The sequence numbers of the records.
    pub seqs: Vec<u64>,
    /// Records that were told to be lost.
    pub told_lost: u64,
}

/// Opens the log on `disk`.
pub fn open(disk: &SimulatedDisk) -> Result<Stepwise, Error> {
    let options = Options {
        segment_bytes: ByteSize(SEGMENT_BYTES),
        free_space_floor: ByteSize(0),
        ..Options::default()
    };
    let place = Place {
        folder: PathBuf::from(FOLDER),
        aside: PathBuf::from("/data/damaged"),
        writer: 7,
        packing: "{}".to_owned(),
        at_least: SegmentId(1),
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Stepwise::open(&disk, place, &options, &Budget::new(1 << 30))
}

/// Looks at the log as `forebay inspect` and `forebay verify` do, reading all that can be read. Nothing may change.
pub fn look(disk: &SimulatedDisk) {
    let before = (disk.steps(), files(disk));
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    if let Ok((segments, _)) = survey(&shared, Path::new(FOLDER)) {
        for surveyed in segments {
            if let Ok(records) = surveyed.segment.records(Unreadable::Skip) {
                assert!(records.take(ITEMS_MAX).count() < ITEMS_MAX, "a segment has an end");
            }
        }
    }
    assert_eq!((disk.steps(), files(disk)), before, "looking changes nothing");
}

/// Reads and retires all segments. Each record must be `written`, and be there once.
pub fn read_all(log: &mut Stepwise, written: &BTreeMap<u64, Written>) -> Result<Read, Error> {
    log.seal();
    let mut read = Read { told_lost: log.records_lost(), ..Read::default() };
    while let Some(segment) = log.next_sealed() {
        let mut records = segment.records(Unreadable::Skip)?;
        let (mut last, mut place) = (None, 0);
        for item in &mut records {
            match item? {
                Item::Record(record) => {
                    let is = Written { signal: record.signal, items: record.items, body: record.body };
                    assert_eq!(
                        written.get(&record.seq),
                        Some(&is),
                        "record {} was never written",
                        record.seq
                    );
                    assert!(last < Some(record.seq), "record {} comes after {last:?}", record.seq);
                    last = Some(record.seq);
                    read.seqs.push(record.seq);
                }
                Item::Damage(damage) => {
                    assert!(damage.from >= place && damage.records_lost > 0, "{damage:?}");
                    place = damage.from;
                }
            }
            assert!(read.seqs.len() < ITEMS_MAX, "a segment has an end");
        }
        read.told_lost = read.told_lost.saturating_add(records.lost());
        log.retire(&segment)?;
    }
    Ok(read)
}

/// The names and lengths of the files in the folder.
pub fn files(disk: &SimulatedDisk) -> Vec<(String, u64)> {
    let entries = disk.list(Path::new(FOLDER)).unwrap_or_default();
    entries.into_iter().map(|entry| (entry.name, entry.bytes)).collect()
}

/// The content of a file in the folder.
pub fn content(disk: &SimulatedDisk, name: &str) -> Vec<u8> {
    let file = disk.open(&Path::new(FOLDER).join(name)).unwrap();
    let mut content = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut content, 0).unwrap();
    content
}

/// Gives a file in the folder another content, durably.
pub fn replace(disk: &SimulatedDisk, name: &str, content: &[u8]) {
    let path = Path::new(FOLDER).join(name);
    forebay::disk::create_folders(disk, Path::new(FOLDER)).unwrap();
    let _ = disk.remove(&path);
    let file = disk.create(&path).unwrap();
    file.write_at(&[IoSlice::new(content)], 0).and_then(|()| file.sync()).unwrap();
    disk.sync_folder(Path::new(FOLDER)).unwrap();
}
