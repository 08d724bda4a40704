//! The folder bucket when the process is killed and when the power fails.

use std::io::IoSlice;

use super::*;
use crate::disk::{AfterPowerLoss, Failing, RealDisk, SimulatedDisk};
use crate::upload::testing::spooled;

const ROOT: &str = "/data/bucket";
const CONTENT: &[u8] = &[7; 2000];

/// A spooled object, on a disk that keeps its power.
fn object() -> (tempfile::TempDir, Object, Body) {
    let folder = tempfile::tempdir().unwrap();
    let (object, body) = spooled(&RealDisk, folder.path(), "object", CONTENT);
    (folder, object, body)
}

fn bucket(disk: &SimulatedDisk) -> FolderBucket {
    FolderBucket::new(Arc::new(disk.clone()), ROOT.into())
}

/// What has the object's name, if anything has.
fn content(disk: &SimulatedDisk, object: &Object) -> Option<Vec<u8>> {
    let file = disk.open(&Path::new(ROOT).join(&object.key)).ok()?;
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    Some(bytes)
}

fn outcomes() -> impl Iterator<Item = AfterPowerLoss> {
    let torn = (0..20).map(AfterPowerLoss::Torn);
    [AfterPowerLoss::Lost, AfterPowerLoss::Kept].into_iter().chain(torn)
}

/// The steps of a put that nothing disturbs.
fn steps() -> u64 {
    let (_folder, object, body) = object();
    let disk = SimulatedDisk::default();
    bucket(&disk).put_blocking(&object, &body).unwrap();
    disk.steps()
}

/// Lets `left` more operations through and no further, as for a process that is killed.
#[derive(Debug)]
struct KilledAfter(u64);

impl Failing for KilledAfter {
    fn error(&mut self, _: &str, _: &str) -> Option<io::Error> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                None
            }
            None => Some(io::Error::other("killed")),
        }
    }
}

#[test]
fn a_confirmed_object_survives_power_loss_and_no_part_of_one_is_ever_seen() {
    let (_folder, object, body) = object();
    let steps = steps();
    assert!(steps > 8, "{steps}");
    for step in 0..=steps {
        let disk = SimulatedDisk::default().losing_power_after(step);
        let confirmed = bucket(&disk).put_blocking(&object, &body).is_ok();
        assert!(confirmed || step < steps);
        for outcome in outcomes() {
            let after = disk.reboot(outcome);
            let found = content(&after, &object);
            assert!(found.as_deref().is_none_or(|bytes| bytes == CONTENT), "step {step}, {outcome:?}: torn");
            assert!(found.is_some() || !confirmed, "step {step}, {outcome:?}: a confirmed object is gone");
            let receipt = bucket(&after).put_blocking(&object, &body).unwrap();
            assert_eq!(receipt.was_there(), found.is_some(), "step {step}, {outcome:?}");
            assert_eq!(content(&after, &object).as_deref(), Some(CONTENT));
        }
    }
}

#[test]
fn a_kill_at_any_step_leaves_nothing_that_the_next_process_confirms_too_soon() {
    let (_folder, object, body) = object();
    for step in 0..=steps() {
        let disk = SimulatedDisk::default();
        disk.fail(KilledAfter(step));
        let _ = bucket(&disk).put_blocking(&object, &body);
        disk.fail(KilledAfter(u64::MAX));
        let receipt = bucket(&disk).put_blocking(&object, &body).unwrap();
        for outcome in outcomes() {
            let found = content(&disk.reboot(outcome), &object);
            let was_there = receipt.was_there();
            assert_eq!(found.as_deref(), Some(CONTENT), "step {step}, {outcome:?}, was there: {was_there}");
        }
    }
}

#[test]
fn another_content_under_the_name_is_an_error_and_stays_as_it_is() {
    let (_folder, object, body) = object();
    for foreign in [&[8; 2000][..], &[7; 1999], b""] {
        let disk = SimulatedDisk::default();
        let path = Path::new(ROOT).join(&object.key);
        create_folders(&disk, path.parent().unwrap()).unwrap();
        disk.create(&path).unwrap().write_at(&[IoSlice::new(foreign)], 0).unwrap();
        match bucket(&disk).put_blocking(&object, &body) {
            Err(PutError::Trouble(trouble)) => {
                assert_eq!(trouble.kind, Kind::Foreign);
                assert!(trouble.words.ends_with("exists with another content; move it away"), "{trouble}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(content(&disk, &object).as_deref(), Some(foreign));
    }
}

#[test]
fn the_same_content_that_another_program_put_there_is_made_durable_before_it_is_confirmed() {
    let (_folder, object, body) = object();
    let disk = SimulatedDisk::default();
    let path = Path::new(ROOT).join(&object.key);
    create_folders(&disk, path.parent().unwrap()).unwrap();
    disk.create(&path).unwrap().write_at(&[IoSlice::new(CONTENT)], 0).unwrap();
    assert!(bucket(&disk).put_blocking(&object, &body).unwrap().was_there());
    assert_eq!(content(&disk.reboot(AfterPowerLoss::Lost), &object).as_deref(), Some(CONTENT));
}

#[test]
fn damaged_bytes_are_never_put() {
    let (folder, object, body) = object();
    std::fs::write(folder.path().join("object"), [9; 2000]).unwrap();
    let disk = SimulatedDisk::default();
    let outcome = bucket(&disk).put_blocking(&object, &body);
    assert!(matches!(outcome, Err(PutError::Damaged(_))), "{outcome:?}");
    assert_eq!(content(&disk, &object), None);
}

#[test]
fn a_full_disk_and_a_failed_sync_are_trouble_and_pass() {
    let (_folder, object, body) = object();
    let disk = SimulatedDisk::default();
    disk.set_free_bytes(10);
    match bucket(&disk).put_blocking(&object, &body) {
        Err(PutError::Trouble(trouble)) => assert!(trouble.words.contains("make room"), "{trouble}"),
        other => panic!("{other:?}"),
    }
    disk.set_free_bytes(1 << 20);
    assert!(!bucket(&disk).put_blocking(&object, &body).unwrap().was_there());
}

#[test]
fn a_key_does_not_lead_out_of_the_bucket() {
    let (_folder, mut object, body) = object();
    for key in ["../x", "a/../../x", "/etc/x", "a//b", "."] {
        object.key = key.into();
        let outcome = bucket(&SimulatedDisk::default()).put_blocking(&object, &body);
        assert!(matches!(outcome, Err(PutError::Trouble(_))), "{key}");
    }
}
