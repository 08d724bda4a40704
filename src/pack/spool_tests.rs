use std::fs;
use std::io;
use std::path::Path;

use super::*;
use crate::disk::{AfterPowerLoss, Failing, RealDisk, SimulatedDisk};
use crate::log::Record;
use crate::pack::testing::{RealSpool, SECOND, WRITER, batch_id, items, open, otlp_jsonl, records};
use crate::pack::{Compression, Options, pack_records};

#[test]
fn packing_and_delivery_may_share_the_spool() {
    fn shared<T: Send + Sync>() {}
    shared::<Spool>();
    shared::<ObjectFile>();
}

fn files_of(batch: &Batch) -> Vec<String> {
    let mut files: Vec<_> = batch.objects.iter().map(|object| object.file.clone()).collect();
    files.push(names::manifest(&batch.id()));
    files.sort();
    files
}

#[test]
fn what_was_committed_is_found_again_oldest_first() {
    let spool = RealSpool::new();
    let batches = [7, 8, 100_000_000].map(|segment| spool.pack(segment, &otlp_jsonl(), &records(9, SECOND)));
    let (spool, found, damage) = spool.reopen();
    assert_eq!((found.as_slice(), damage), (batches.as_slice(), vec![]));
    assert_eq!(spool.spool.batches(), batches);
    assert_eq!(spool.budget.used(), batches.iter().map(Batch::bytes).sum::<u64>());
    assert_eq!(spool.spool.batch(&batch_id(8)).as_ref(), Some(&batches[1]));
}

#[test]
fn a_removed_batch_is_gone_and_gives_its_bytes_back() {
    let spool = RealSpool::new();
    let [one, other] = [1, 2].map(|segment| spool.pack(segment, &otlp_jsonl(), &records(9, SECOND)));
    spool.spool.remove(&one).unwrap();
    assert_eq!(spool.spool.batches(), std::slice::from_ref(&other));
    assert_eq!(spool.budget.used(), other.bytes());
    assert_eq!(spool.files(), files_of(&other));
    spool.spool.remove(&one).unwrap();
    let (_, found, damage) = spool.reopen();
    assert_eq!((found, damage), (vec![other], vec![]));
}

#[test]
fn leftovers_are_removed_and_what_is_not_ours_is_left_alone() {
    let spool = RealSpool::new();
    let batch = spool.pack(1, &otlp_jsonl(), &records(9, SECOND));
    for name in ["00000002-main-0.logs.object", "00000001-main-9.logs.object", "00000002-main.manifest.new"] {
        fs::write(spool.path(name), "left").unwrap();
    }
    let others = ["00000003-main-0.logs.object.damaged", "README", "notes.manifest", "x-0.logs.object"];
    for name in others {
        fs::write(spool.path(name), "not ours to remove").unwrap();
    }
    let (spool, found, damage) = spool.reopen();
    assert_eq!((found.as_slice(), damage), ([batch.clone()].as_slice(), vec![]));
    let mut expected = files_of(&batch);
    expected.extend(others.map(String::from));
    expected.sort();
    assert_eq!(spool.files(), expected);
}

#[test]
fn packing_writes_over_leftovers_of_the_same_names() {
    let spool = RealSpool::new();
    for name in ["00000001-main-0.logs.object", "00000001-main.manifest.new"] {
        fs::write(spool.path(name), vec![b'x'; 100_000]).unwrap();
    }
    let batch = spool.pack(1, &otlp_jsonl(), &records(9, SECOND));
    assert_eq!(batch, RealSpool::new().pack(1, &otlp_jsonl(), &records(9, SECOND)));
    batch.objects.iter().for_each(|object| drop(spool.content(object)));
    assert_eq!(spool.files(), files_of(&batch));
}

#[test]
fn a_damaged_manifest_and_its_objects_are_kept_and_reported() {
    let spool = RealSpool::new();
    let [one, other] = [1, 2].map(|segment| spool.pack(segment, &otlp_jsonl(), &records(9, SECOND)));
    let path = spool.path("00000001-main.manifest");
    let mut content = fs::read(&path).unwrap();
    content[100] ^= 1;
    fs::write(&path, &content).unwrap();

    let (spool, found, damage) = spool.reopen();
    assert_eq!(found, std::slice::from_ref(&other));
    let objects: Vec<_> = one.objects.iter().map(|object| object.file.clone()).collect();
    let reason = "its checksum is wrong".into();
    let expected = SpoolDamage::Manifest { batch: batch_id(1), path, reason, objects };
    assert_eq!(damage, [expected]);
    let mut kept = files_of(&other);
    kept.extend(files_of(&one).iter().map(|name| names::damaged(name)));
    kept.sort();
    assert_eq!(spool.files(), kept);
    assert_eq!(fs::read(spool.path("00000001-main.manifest.damaged")).unwrap(), content);

    // Where the log still has the segment, it is simply packed again.
    assert_eq!(spool.pack(1, &otlp_jsonl(), &records(9, SECOND)), one);
    let (spool, found, damage) = spool.reopen();
    assert_eq!((found.as_slice(), damage), ([one, other].as_slice(), vec![]));
    assert!(kept.iter().all(|name| spool.files().contains(name)));
}

#[test]
fn a_lost_or_cut_object_is_reported_with_its_items_and_the_others_are_kept() {
    let spool = RealSpool::new();
    let batch = spool.pack(1, &otlp_jsonl(), &records(9, SECOND));
    let [lost, cut, whole] = batch.objects.as_slice() else { panic!("{batch:?}") };
    fs::remove_file(spool.path(&lost.file)).unwrap();
    fs::File::options().write(true).open(spool.path(&cut.file)).unwrap().set_len(10).unwrap();

    let (spool, found, damage) = spool.reopen();
    assert_eq!(found, [Batch { objects: vec![whole.clone()], ..batch.clone() }]);
    let damage: Vec<_> = damage.iter().map(ToString::to_string).collect();
    assert!(damage[0].contains(&lost.key) && damage[0].contains("6 items (logs)"), "{damage:?}");
    assert!(damage[1].contains("it is 10 bytes long, not"), "{damage:?}");
    assert_eq!(damage.len(), 2);
    assert_eq!(spool.budget.used(), whole.bytes);
    spool.content(whole);

    let (spool, found, damage) = spool.reopen();
    assert_eq!(damage.len(), 1, "what is kept as damaged was reported, what is missing is missing still");
    spool.spool.remove(&found[0]).unwrap();
    assert_eq!(spool.files(), [names::damaged(&cut.file)]);
}

#[test]
fn a_batch_of_which_nothing_is_left_is_no_longer_delivered() {
    let spool = RealSpool::new();
    let batch = spool.pack(1, &otlp_jsonl(), &records(9, SECOND));
    for object in &batch.objects {
        fs::remove_file(spool.path(&object.file)).unwrap();
    }
    let (spool, found, damage) = spool.reopen();
    assert_eq!((found, damage.len()), (vec![], 3));
    assert_eq!(spool.files(), ["00000001-main.manifest.damaged"]);
    let (_, found, damage) = spool.reopen();
    assert_eq!((found, damage), (vec![], vec![]));
}

#[test]
fn an_object_whose_bytes_changed_does_not_verify_and_is_kept_aside() {
    let spool = RealSpool::new();
    let batch = spool.pack(1, &otlp_jsonl(), &records(9, SECOND));
    let object = &batch.objects[1];
    let mut content = fs::read(spool.path(&object.file)).unwrap();
    content[20] ^= 1;
    fs::write(spool.path(&object.file), &content).unwrap();

    let error = spool.spool.open_object(object).unwrap().verify().unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let left = spool.spool.set_aside(&batch, object, &error.to_string()).unwrap();
    assert_eq!(left.objects, [batch.objects[0].clone(), batch.objects[2].clone()]);
    assert_eq!(spool.spool.batches(), std::slice::from_ref(&left));
    assert_eq!(spool.budget.used(), left.bytes());
    assert_eq!(fs::read(spool.path(&names::damaged(&object.file))).unwrap(), content);

    let (spool, found, damage) = spool.reopen();
    assert_eq!((found, damage), (vec![left.clone()], vec![]));
    // Also with the batch as it was.
    spool.spool.remove(&batch).unwrap();
    assert_eq!(spool.files(), [names::damaged(&object.file)]);
}

#[test]
fn an_object_is_read_in_parts() {
    let spool = RealSpool::new();
    let batch = spool.pack(1, &otlp_jsonl(), &records(9, SECOND));
    let file = spool.spool.open_object(&batch.objects[0]).unwrap();
    let content = fs::read(spool.path(&batch.objects[0].file)).unwrap();
    assert_eq!(file.read(3..9).unwrap(), content[3..9]);
    assert_eq!(file.read(5..5).unwrap().len(), 0);
    let error = file.read(0..file.bytes() + 1).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    fs::remove_file(spool.path(&batch.objects[0].file)).unwrap();
    let error = spool.spool.open_object(&batch.objects[0]).unwrap_err();
    assert!(error.to_string().ends_with("is damaged: the file is missing"), "{error}");
}

#[test]
fn a_spool_of_a_newer_version_is_not_touched() {
    let spool = RealSpool::new();
    let batch = spool.pack(1, &otlp_jsonl(), &records(9, SECOND));
    let lines = "forebay manifest 3\n{}\n";
    let content = format!("{lines}blake3 {}\n", blake3::hash(lines.as_bytes()).to_hex());
    fs::write(spool.path("00000001-main.manifest"), content).unwrap();
    let folder = spool.path("");
    let error = Spool::open(Arc::new(RealDisk), folder, Arc::clone(&spool.budget)).unwrap_err();
    assert!(error.to_string().contains("a newer version of forebay wrote it"), "{error}");
    assert_eq!(spool.files(), files_of(&batch));
}

#[test]
fn a_survey_changes_nothing_and_there_is_nothing_in_a_folder_that_is_missing() {
    let spool = RealSpool::new();
    let batch = spool.pack(1, &otlp_jsonl(), &records(9, SECOND));
    fs::write(spool.path("00000002-main-0.logs.object"), "left").unwrap();
    let before = spool.files();
    assert_eq!(survey(&RealDisk, &spool.path("")).unwrap().batches, [batch]);
    assert_eq!(spool.files(), before);
    assert_eq!(survey(&RealDisk, &spool.path("nowhere")).unwrap().batches, []);
}

const FOLDER: &str = "/data/spool";

/// What a run of the scenario knows to be done.
#[derive(Debug, Default)]
struct Done {
    /// Segments whose packing returned.
    packed: Vec<u64>,
    /// Segments whose removal was begun, and those for which it returned.
    removing: Vec<u64>,
    removed: Vec<u64>,
    damaged_kept: bool,
}

fn records_of(segment: u64) -> Vec<Record> {
    // Objects of several sectors, some of them in two hours.
    let mut records = records(9 + segment * 3, 300 * SECOND);
    if segment == 3 {
        let body = &mut records[4].body;
        body.truncate(body.len() - 1);
    }
    records
}

fn options() -> Options {
    Options { compression: Some(Compression::None), ..otlp_jsonl() }
}

fn pack_on(spool: &Spool, segment: u64) -> Result<Batch, Error> {
    pack_records(
        &batch_id(segment),
        WRITER,
        &options(),
        || Ok(items(&records_of(segment)).collect::<Vec<_>>().into_iter()),
        spool,
    )
}

/// Packs three segments, one with a record that cannot be packed, removes one in between, and keeps one object aside.
fn scenario(disk: &SimulatedDisk, done: &mut Done) -> Result<(), Error> {
    let (spool, _, _) = Spool::open(Arc::new(disk.clone()), FOLDER.into(), Budget::new(1 << 30))?;
    let one = pack_on(&spool, 1)?;
    done.packed.push(1);
    pack_on(&spool, 2)?;
    done.packed.push(2);
    done.removing.push(1);
    let left = spool.set_aside(&one, &one.objects[0], "for the test")?;
    done.damaged_kept = true;
    spool.remove(&left)?;
    done.removed.push(1);
    pack_on(&spool, 3)?;
    done.packed.push(3);
    Ok(())
}

/// What must hold after any interruption of the scenario; returns what is to be delivered.
fn assert_recovered(disk: &SimulatedDisk, done: &Done, told: &str) -> Vec<Batch> {
    let budget = Budget::new(1 << 30);
    let (spool, mut batches, damage) = open(Arc::new(disk.clone()), Path::new(FOLDER), &budget);
    assert_eq!(damage, [], "{told}");
    let found: Vec<_> = batches.iter().map(|batch| batch.segment.0).collect();
    for segment in &done.packed {
        let expected = found.contains(segment) || done.removing.contains(segment);
        assert!(expected, "packed, and its segment recycled, but not in the spool: {segment} {told}");
    }
    assert!(done.removed.iter().all(|segment| !found.contains(segment)), "delivered, and back again: {told}");
    let kept = disk.open(Path::new("/data/damaged/00000003-main-4.metrics.binpb"));
    if done.packed.contains(&3) {
        let bytes = kept.unwrap().length().unwrap();
        assert_eq!(bytes, records_of(3)[4].body.len() as u64, "a record that could not be packed: {told}");
    }
    // The log still has those that were not committed.
    for segment in (1..=3).filter(|segment| !found.contains(segment) && !done.removed.contains(segment)) {
        batches.push(pack_on(&spool, segment).unwrap());
    }
    for batch in &batches {
        let mut expected = reference(batch.segment.0);
        if batch.objects.len() < expected.objects.len() {
            assert!(done.removing.contains(&batch.segment.0), "{told}");
            expected.objects.remove(0);
        }
        assert_eq!(*batch, expected, "the same bytes under the same names: {told}");
        for object in &batch.objects {
            spool.open_object(object).unwrap().verify().unwrap();
        }
    }
    let mut files: Vec<_> = batches.iter().flat_map(files_of).collect();
    files.sort();
    let mut there: Vec<_> =
        disk.list(Path::new(FOLDER)).unwrap().into_iter().map(|entry| entry.name).collect();
    let damaged = there.iter().any(|name| name.ends_with(".damaged"));
    assert!(damaged || !done.damaged_kept, "a damaged object is never deleted: {told}");
    there.retain(|name| !name.ends_with(".damaged"));
    assert_eq!(there, files, "nothing else is left: {told}");
    assert_eq!(budget.used(), batches.iter().map(Batch::bytes).sum::<u64>(), "{told}");
    batches
}

fn reference(segment: u64) -> Batch {
    static REFERENCE: std::sync::OnceLock<Vec<Batch>> = std::sync::OnceLock::new();
    let pack = |segment| RealSpool::new().pack(segment, &options(), &records_of(segment));
    REFERENCE.get_or_init(|| (1..=3).map(pack).collect())[usize::try_from(segment).unwrap() - 1].clone()
}

#[test]
fn the_spool_keeps_its_promises_through_a_power_loss_at_every_step() {
    let whole = SimulatedDisk::default();
    scenario(&whole, &mut Done::default()).unwrap();
    for steps in 0..=whole.steps() {
        let disk = SimulatedDisk::default().losing_power_after(steps);
        let mut done = Done::default();
        let ended = scenario(&disk, &mut done);
        assert_eq!(ended.is_ok(), steps == whole.steps());
        let outcomes = (0..12).map(AfterPowerLoss::Torn).chain([AfterPowerLoss::Lost, AfterPowerLoss::Kept]);
        for outcome in outcomes {
            let told = format!("{outcome:?} after step {steps}:\n{}", disk.trace());
            assert_recovered(&disk.reboot(outcome), &done, &told);
        }
    }
}

/// A process that is killed: nothing it asks for is done any more.
#[derive(Debug)]
struct KilledAfter(u64);

impl Failing for KilledAfter {
    fn error(&mut self, _operation: &str, _path: &str) -> Option<io::Error> {
        let alive = self.0.checked_sub(1);
        self.0 = alive.unwrap_or_default();
        alive.is_none().then(|| io::Error::other("killed"))
    }
}

#[test]
fn what_a_start_after_a_kill_finds_survives_a_power_loss_right_after_it() {
    let whole = SimulatedDisk::default();
    scenario(&whole, &mut Done::default()).unwrap();
    for steps in 0..=whole.steps() {
        let disk = SimulatedDisk::default();
        disk.fail(KilledAfter(steps));
        let mut done = Done::default();
        let _ = scenario(&disk, &mut done);
        disk.fail(KilledAfter(u64::MAX));

        let budget = Budget::new(1 << 30);
        let (spool, found, _) = open(Arc::new(disk.clone()), Path::new(FOLDER), &budget);
        drop(spool);
        // All that it found may be recycled in the log.
        let recycled: Vec<_> = found.iter().map(|batch| batch.segment.0).collect();
        done.packed = recycled.clone();
        for seed in 0..12 {
            let told = format!("seed {seed}, killed after step {steps}:\n{}", disk.trace());
            let batches = assert_recovered(&disk.reboot(AfterPowerLoss::Torn(seed)), &done, &told);
            let after: Vec<_> = batches.iter().map(|batch| batch.segment.0).collect();
            assert!(recycled.iter().all(|segment| after.contains(segment)), "{told}");
        }
    }
}

/// The number of steps that packing segment 1 into an empty spool takes.
fn steps_of_packing() -> u64 {
    let disk = SimulatedDisk::default();
    let (spool, _, _) = open(Arc::new(disk.clone()), Path::new(FOLDER), &Budget::new(1 << 30));
    let before = disk.steps();
    pack_on(&spool, 1).unwrap();
    disk.steps() - before
}

#[test]
fn packing_that_fails_at_any_step_is_done_by_trying_again() {
    for step in 0..steps_of_packing() {
        let (disk, budget) = (SimulatedDisk::default(), Budget::new(1 << 30));
        let (spool, _, _) = open(Arc::new(disk.clone()), Path::new(FOLDER), &budget);
        disk.fail(FailsOnce(step));
        pack_on(&spool, 1).unwrap_err();
        assert_eq!(budget.used(), 0, "{}", disk.trace());
        let batch = pack_on(&spool, 1).unwrap();
        assert_eq!(batch, reference(1), "{}", disk.trace());
        assert_eq!(budget.used(), batch.bytes());
        let done = Done { packed: vec![1], ..Done::default() };
        assert_recovered(&disk.reboot(AfterPowerLoss::Lost), &done, &disk.trace());
    }
}

#[test]
fn packing_again_after_a_commit_that_only_seemed_to_fail_survives_a_power_loss_at_every_step() {
    for steps in 0..steps_of_packing() + 3 {
        for seed in 0..12 {
            let disk = SimulatedDisk::default();
            // The second spool is in the place of the first, had its last sync failed after doing its work: there is a
            // durable manifest of which it does not know.
            let [first, second] =
                [(); 2].map(|()| open(Arc::new(disk.clone()), Path::new(FOLDER), &Budget::new(1 << 30)).0);
            pack_on(&first, 1).unwrap();
            let disk = disk.losing_power_after(steps);
            let packed = pack_on(&second, 1).map(|batch| batch.segment.0);
            let told = format!("seed {seed}, dark after step {steps}:\n{}", disk.trace());
            let done = Done { packed: packed.into_iter().collect(), ..Done::default() };
            assert_recovered(&disk.reboot(AfterPowerLoss::Torn(seed)), &done, &told);
        }
    }
}

/// The syncs of folders from this number to before that one fail.
#[derive(Debug)]
struct FolderSyncsFail(std::ops::Range<u64>, u64);

impl Failing for FolderSyncsFail {
    fn error(&mut self, operation: &str, _path: &str) -> Option<io::Error> {
        if operation != "sync_folder" {
            return None;
        }
        self.1 += 1;
        self.0.contains(&(self.1 - 1)).then(|| io::Error::other("bad sector"))
    }
}

#[test]
fn a_manifest_whose_removal_could_not_be_synced_is_durably_gone_before_its_objects_are() {
    let disk = SimulatedDisk::default();
    let (spool, _, _) = open(Arc::new(disk.clone()), Path::new(FOLDER), &Budget::new(1 << 30));
    // The sync behind the rename of the manifest fails, and so does the one behind its removal.
    disk.fail(FolderSyncsFail(1..3, 0));
    pack_on(&spool, 1).unwrap_err();
    pack_on(&spool, 1).unwrap_err();
    let disk = disk.losing_power_after(3);
    pack_on(&spool, 1).unwrap_err();
    for seed in 0..24 {
        let told = format!("seed {seed}:\n{}", disk.trace());
        assert_recovered(&disk.reboot(AfterPowerLoss::Torn(seed)), &Done::default(), &told);
    }
}

#[test]
fn damaged_files_survive_a_power_loss_while_they_are_kept_aside() {
    let damaged = || {
        let disk = SimulatedDisk::default();
        let (spool, _, _) = open(Arc::new(disk.clone()), Path::new(FOLDER), &Budget::new(1 << 30));
        pack_on(&spool, 1).unwrap();
        disk.flip_bit(&Path::new(FOLDER).join("00000001-main.manifest"), 77).unwrap();
        (disk.reboot(AfterPowerLoss::Lost), files_of(&reference(1)))
    };
    for steps in 0..20 {
        for seed in 0..12 {
            let (disk, files) = damaged();
            let disk = disk.losing_power_after(steps);
            let _ = Spool::open(Arc::new(disk.clone()), FOLDER.into(), Budget::new(1 << 30));
            let disk = disk.reboot(AfterPowerLoss::Torn(seed));
            let (_, found, _) = open(Arc::new(disk.clone()), Path::new(FOLDER), &Budget::new(1 << 30));
            assert_eq!(found, []);
            let there = disk.list(Path::new(FOLDER)).unwrap().into_iter().map(|entry| entry.name);
            let expected: Vec<_> = files.iter().map(|name| names::damaged(name)).collect();
            assert_eq!(
                there.collect::<Vec<_>>(),
                expected,
                "seed {seed}, dark after {steps}:\n{}",
                disk.trace()
            );
        }
    }
}

/// One operation fails, those before and after it do not.
#[derive(Debug)]
struct FailsOnce(u64);

impl Failing for FailsOnce {
    fn error(&mut self, _operation: &str, _path: &str) -> Option<io::Error> {
        let fails = self.0 == 0;
        self.0 = self.0.wrapping_sub(1);
        fails.then(|| io::ErrorKind::StorageFull.into())
    }
}
