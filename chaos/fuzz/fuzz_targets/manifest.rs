//! What lies in the spool's folder: manifests that were written and then damaged, manifests whose checksum is right
//! whatever they say, and bytes as they come. The first byte chooses.
#![no_main]

use std::collections::BTreeSet;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay::disk::{AfterPowerLoss, Budget, Disk, SimulatedDisk, create_folders};
use forebay::log::SegmentId;
use forebay::otlp::Signal;
use forebay::pack::{Batch, Error, Object, OutputName, Spool, SpoolDamage, survey};
use forebay_fuzz::Input;
use libfuzzer_sys::fuzz_target;

const FOLDER: &str = "/data/spool";
const MANIFEST: &str = "00000042-main.manifest";

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let mut input = Input(rest);
    match first {
        0..=63 => {
            let disk = folder(&[("00000042-main-0.logs.object", 5)]);
            write(&disk, MANIFEST, rest);
            let _ = open(&disk, is_sealed(rest));
        }
        64..=127 => {
            let lines = [b"forebay manifest 1\n", rest, b"\n"].concat();
            let disk =
                folder(&[("00000042-main-0.logs.object", 4567), ("00000042-main-1.metrics.object", 4567)]);
            write(&disk, MANIFEST, &sealed(&lines));
            let _ = open(&disk, true);
        }
        _ => damaged(&mut input),
    }
});

/// A batch as packing writes it, of which some files are missing, longer or renamed, and whose manifest is changed.
fn damaged(input: &mut Input<'_>) {
    let batch = batch(input);
    let disk = folder(&[]);
    for object in &batch.objects {
        match input.byte() {
            0..=31 => {}
            32..=63 => write(&disk, &object.file, &vec![7; usize::from(input.byte())]),
            64..=79 => write(&disk, &format!("{}.damaged", object.file), b"before"),
            _ => write(&disk, &object.file, &vec![7; usize::try_from(object.bytes).unwrap()]),
        }
    }
    let json = serde_json::to_string_pretty(&batch).unwrap();
    let whole = sealed(format!("forebay manifest 1\n{json}\n").as_bytes());
    let mut content = whole.clone();
    for _ in 0..input.byte() & 3 {
        if content.is_empty() {
            break;
        }
        let at = input.below(content.len());
        match input.byte() {
            0..=99 => content[at] ^= 1 << (input.byte() & 7),
            100..=149 => content.truncate(at),
            150..=199 => drop(content.splice(at..at, input.take(8).to_vec())),
            _ => drop(content.remove(at)),
        }
    }
    write(&disk, MANIFEST, &content);
    if input.byte() & 1 == 1 {
        write(&disk, "00000042-main.manifest.new", input.take(40));
        write(&disk, "00000041-main-0.logs.object", b"of a packing that was not committed");
    }
    let opened = open(&disk, content == whole);
    if content == whole {
        let (found, damage) =
            opened.unwrap_or_else(|error| panic!("a manifest that was written is read: {error}"));
        let told = damage.iter().filter(|damage| matches!(damage, SpoolDamage::Object { .. })).count();
        let found: usize = found.iter().map(|batch| batch.objects.len()).sum();
        let kept_before = names(&disk).iter().filter(|name| name.ends_with(".object.damaged")).count();
        assert!(found + told + kept_before >= batch.objects.len(), "an object vanished without a word");
    } else if let Ok((found, _)) = opened {
        assert!(found.is_empty(), "a manifest that nobody wrote is believed: {found:?}");
    }
}

/// A batch whose texts are the input's.
fn batch(input: &mut Input<'_>) -> Batch {
    let segment = SegmentId(42);
    let objects = (0..input.byte() & 7).map(|number| {
        let signal = Signal::ALL[usize::from(input.byte()) % Signal::COUNT];
        let length = usize::from(input.byte() & 31);
        let text = String::from_utf8_lossy(input.take(length)).into_owned();
        Object {
            bucket: None,
            key: format!("{signal}/{text}"),
            file: format!("{segment}-main-{number}.{signal}.object"),
            signal,
            records: input.number(1),
            items: input.number(1),
            bytes: input.byte().into(),
            blake3: blake3::hash(text.as_bytes()).to_hex().to_string(),
            first_received_at: input.number(1),
            last_received_at: input.number(1),
            content_type: text.clone(),
            content_encoding: (text.len() & 1 == 1).then_some(text),
        }
    });
    Batch { segment, output: OutputName::main(), objects: objects.collect() }
}

/// Opens the spool, and checks what holds whatever its manifest says.
fn open(disk: &SimulatedDisk, is_sealed: bool) -> Result<(Vec<Batch>, Vec<SpoolDamage>), Error> {
    let before = names(disk);
    let steps = disk.steps();
    let seen = survey(disk, Path::new(FOLDER));
    assert_eq!((disk.steps(), names(disk)), (steps, before.clone()), "looking changes nothing");
    let budget = Budget::new(1 << 40);
    let open = |disk: &SimulatedDisk| {
        Spool::open(Arc::new(disk.clone()), PathBuf::from(FOLDER), Arc::clone(&budget))
    };
    let (spool, found, damage) = match open(disk) {
        Ok(opened) => opened,
        Err(error @ Error::NewerManifest { .. }) => {
            assert!(is_sealed && seen.is_err(), "{error}");
            assert_eq!(names(disk), before, "what is not understood is left alone");
            return Err(error);
        }
        Err(error) => panic!("{error}"),
    };
    assert!(is_sealed || found.is_empty(), "a manifest with a wrong checksum is believed: {found:?}");
    let seen = seen.unwrap();
    assert_eq!((&seen.batches, &seen.damage), (&found, &damage), "opening finds what was seen");
    let after = names(disk);
    for name in before.iter().filter(|name| is_named(name, &found, &damage)) {
        assert!(
            after.contains(name) || after.contains(&format!("{name}.damaged")),
            "{name} was removed, though a manifest names it"
        );
    }
    drop(spool);
    // What was done about damage is durable: the next start, also after a power loss, has nothing new to tell.
    let disk = disk.reboot(AfterPowerLoss::Kept);
    let (spool, again, damage_again) = open(&disk).unwrap();
    assert_eq!(again, found, "the next start finds the same");
    let missing = damage.iter().filter(|damage| is_of_missing_object(damage)).count();
    assert!(damage_again.len() <= missing, "what was told is told again: {damage_again:?}");
    for batch in &again {
        for object in &batch.objects {
            let file = spool.open_object(object).unwrap();
            assert_eq!(file.read(0..file.bytes()).unwrap().len() as u64, object.bytes);
            let _ = file.verify();
        }
        spool.remove(batch).unwrap();
    }
    assert!(spool.batches().is_empty());
    drop(spool);
    assert_eq!(budget.used(), 0, "a closed spool uses nothing");
    Ok((found, damage))
}

/// A file that is missing is told for as long as its manifest has other objects to deliver.
fn is_of_missing_object(damage: &SpoolDamage) -> bool {
    matches!(damage, SpoolDamage::Object { reason, .. } if reason.contains("missing"))
}

fn is_named(name: &str, found: &[Batch], damage: &[SpoolDamage]) -> bool {
    found.iter().flat_map(|batch| &batch.objects).any(|object| object.file == name)
        || damage.iter().any(|damage| match damage {
            SpoolDamage::Manifest { path, objects, .. } => {
                path.ends_with(name) || objects.iter().any(|object| object == name)
            }
            SpoolDamage::Object { object, .. } => object.file == name,
        })
}

/// Whether the last line is the checksum of those above.
fn is_sealed(content: &[u8]) -> bool {
    content.len().checked_sub(72).is_some_and(|lines| sealed(&content[..lines]) == content)
}

/// The lines with their checksum below.
fn sealed(lines: &[u8]) -> Vec<u8> {
    [lines, format!("blake3 {}\n", blake3::hash(lines).to_hex()).as_bytes()].concat()
}

fn folder(files: &[(&str, usize)]) -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    create_folders(&disk, Path::new(FOLDER)).unwrap();
    for (name, length) in files {
        write(&disk, name, &vec![7; *length]);
    }
    disk
}

fn write(disk: &SimulatedDisk, name: &str, content: &[u8]) {
    let file = disk.create(&Path::new(FOLDER).join(name)).unwrap();
    file.write_at(&[IoSlice::new(content)], 0).and_then(|()| file.sync()).unwrap();
    disk.sync_folder(Path::new(FOLDER)).unwrap();
}

fn names(disk: &SimulatedDisk) -> BTreeSet<String> {
    disk.list(Path::new(FOLDER)).unwrap().into_iter().map(|entry| entry.name).collect()
}
