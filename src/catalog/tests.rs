//! The ledger before and after every mischief.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::log::SegmentId;
use crate::otlp::Signal;

const KEY: &str = "logs/date=2026-08-22/hour=10/logs_x.jsonl.gz";
const DAY: u64 = 86_400_000_000_000;

fn object(key: &str) -> Object {
    Object {
        bucket: None,
        key: key.into(),
        file: "file".into(),
        signal: Signal::Logs,
        records: 1,
        items: 7,
        bytes: 100,
        blake3: String::new(),
        first_received_at: 1,
        last_received_at: 2,
        content_type: "application/gzip".into(),
        content_encoding: None,
    }
}

fn id(segment: u64) -> BatchId {
    BatchId { segment: SegmentId(segment), output: OutputName::main() }
}

fn batch(segment: u64, keys: &[&str]) -> Batch {
    Batch {
        segment: SegmentId(segment),
        output: OutputName::main(),
        objects: keys.iter().map(|key| object(key)).collect(),
    }
}

/// A folder for ledgers, and one that has known a delivery and lies closed in it.
fn used_ledger() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog");
    let catalog = Catalog::open(&path);
    for number in 0..200 {
        catalog.note_delivered(&object(&format!("{KEY}{number}")), &id(1), None, DAY + number);
    }
    assert!(!catalog.is_degraded());
    (folder, path)
}

/// Whatever was done to it, the ledger works and fills itself from the spool.
fn works(path: &Path) -> bool {
    let catalog = Catalog::open(path);
    catalog.reconcile(&OutputName::main(), &[batch(2, &["a", "b"])]);
    catalog.note_delivered(&object("a"), &id(2), Some("e".into()), 2 * DAY);
    let delivered =
        catalog.entry(&OutputName::main(), "a").is_some_and(|entry| entry.state == State::Delivered);
    let spooled = catalog.entry(&OutputName::main(), "b").is_some_and(|entry| entry.state == State::Spooled);
    delivered && spooled && !catalog.is_degraded()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_objects_life_is_written_down_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog");
    let one = object(KEY);
    let catalog = Catalog::open(&path);
    catalog.note_spooled(&batch(3, &[KEY]));
    assert_eq!(catalog.entry(&OutputName::main(), KEY), Some(Entry::spooled(&one, &id(3))));
    catalog.note_attempt(&one, &id(3), 10);
    catalog.note_attempt(&one, &id(3), 20);
    catalog.note_failure(&one, &id(3), "503 Slow Down");
    let upload = PartialUpload {
        id: "u".into(),
        part_bytes: 5,
        parts: vec![Part { index: 0, content_id: "e".into(), bytes: 5 }],
        is_needless: false,
    };
    catalog.note_upload(&one, &id(3), Some(upload.clone()));
    let retrying = catalog.retrying();
    assert_eq!(retrying.len(), 1);
    let entry = &retrying[0];
    assert_eq!((entry.attempts, entry.first_attempt_at, entry.last_attempt_at), (2, Some(10), Some(20)));
    assert_eq!((entry.last_error.as_deref(), entry.upload.as_ref()), (Some("503 Slow Down"), Some(&upload)));
    drop(catalog);

    let catalog = Catalog::open(&path);
    assert_eq!(catalog.entry(&OutputName::main(), KEY).and_then(|entry| entry.upload), Some(upload));
    catalog.note_delivered(&one, &id(3), Some("etag".into()), 30);
    drop(catalog);

    let catalog = Catalog::open(&path);
    let entry = catalog.entry(&OutputName::main(), KEY).unwrap();
    assert_eq!((entry.state, entry.delivered_at, entry.upload), (State::Delivered, Some(30), None));
    assert_eq!((catalog.retrying(), catalog.last_delivered(5).len()), (vec![], 1));
}

#[test]
fn deliveries_are_forgotten_by_number_and_by_age_the_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { delivered_entries: 3, delivered_age: Duration::from_hours(24) };
    let catalog = Catalog::open_with(&folder.path().join("catalog"), options);
    catalog.note_spooled(&batch(9, &["waits"]));
    for (number, key) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        catalog.note_delivered(&object(key), &id(1), None, DAY + number as u64);
    }
    let keys = |catalog: &Catalog| catalog.entries().into_iter().map(|entry| entry.key).collect::<Vec<_>>();
    assert_eq!(keys(&catalog), ["c", "d", "e", "waits"]);
    let last: Vec<String> = catalog.last_delivered(2).into_iter().map(|entry| entry.key).collect();
    assert_eq!(last, ["e", "d"]);
    catalog.note_delivered(&object("f"), &id(2), None, 2 * DAY + 4);
    assert_eq!(keys(&catalog), ["e", "f", "waits"], "c and d are older than a day");
    catalog.note_delivered(&object("f"), &id(2), None, 2 * DAY + 3);
    assert_eq!(catalog.last_delivered(9).len(), 2, "the same object is one delivery");
}

#[test]
fn what_the_spool_has_not_is_struck_out_and_deliveries_stay() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&folder.path().join("catalog"));
    catalog.note_spooled(&batch(1, &["gone", "stays"]));
    catalog.note_delivered(&object("done"), &id(1), None, 1);
    catalog.reconcile(&OutputName::main(), &[batch(1, &["stays", "new"])]);
    let keys: Vec<String> = catalog.entries().into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["done", "new", "stays"]);
    catalog.forget(&batch(1, &["stays", "done"]));
    let keys: Vec<String> = catalog.entries().into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["done", "new"], "what was delivered was delivered");
}

#[test]
fn a_deleted_ledger_fills_itself_again() {
    let (_folder, path) = used_ledger();
    fs::remove_dir_all(&path).unwrap();
    assert!(works(&path));
}

#[test]
fn a_file_in_the_place_of_its_folder_is_moved_aside() {
    let (folder, path) = used_ledger();
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "no folder").unwrap();
    assert!(works(&path));
    assert_eq!(names(folder.path()), ["catalog", "catalog.damaged-1"]);
}

#[test]
fn damage_anywhere_in_its_files_is_survived() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 6] = [
        ("garbage", |bytes| bytes.fill(0xAB)),
        ("zeros", |bytes| bytes.fill(0)),
        ("empty", Vec::clear),
        ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("a hole in the middle", |bytes| {
            let middle = bytes.len() / 2;
            let end = (middle + 4096).min(bytes.len());
            bytes[middle..end].fill(0x5A);
        }),
        ("every 97th byte", |bytes| bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 0x55)),
    ];
    for (name, damage) in damages {
        for file in ["db", "conf"] {
            let (_folder, path) = used_ledger();
            let mut bytes = fs::read(path.join(file)).unwrap();
            damage(&mut bytes);
            fs::write(path.join(file), &bytes).unwrap();
            assert!(works(&path), "{name} in {file}");
        }
    }
}

#[test]
fn two_damaged_ledgers_are_kept_and_no_more() {
    let (folder, path) = used_ledger();
    for _ in 0..4 {
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "no folder").unwrap();
        drop(Catalog::open(&path));
    }
    assert_eq!(names(folder.path()), ["catalog", "catalog.damaged-3", "catalog.damaged-4"]);
}

#[test]
fn a_panic_or_an_error_inside_makes_it_anew_and_at_last_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&folder.path().join("catalog"));
    for round in 0..3 {
        let panicked: Option<()> = catalog.guard.call(|_| panic!("as sled does"));
        assert_eq!(panicked, None);
        catalog.note_spooled(&batch(1, &[KEY]));
        assert!(catalog.entry(&OutputName::main(), KEY).is_some(), "round {round}");
    }
    let failed: Option<()> =
        catalog.guard.call(|_| Err(StoreError::Sync(std::io::ErrorKind::StorageFull.into())));
    assert_eq!(failed, None);
    // The thread that gives up does so after it has answered.
    let given_up = (0..5000).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        catalog.is_degraded()
    });
    assert!(given_up);
    catalog.note_delivered(&object(KEY), &id(1), None, 1);
    assert_eq!(
        (catalog.entry(&OutputName::main(), KEY), catalog.entries(), catalog.last_delivered(1)),
        (None, vec![], vec![])
    );
}

#[test]
fn a_place_where_nothing_can_be_made_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let catalog = Catalog::open(&file.join("catalog"));
    assert!(catalog.is_degraded());
    catalog.reconcile(&OutputName::main(), &[batch(1, &[KEY])]);
    assert_eq!(catalog.entries(), []);
}
