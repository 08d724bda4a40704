//! Without a bucket nothing is lost; with one again, nothing is there twice. The same without a catalog.

use std::fs;
use std::path::Path;

use forebay::units::Span;

use crate::admin::flush;
use crate::bucket;
use crate::numbers::{assert_each_once, send_all};
use crate::settings::Settings;
use crate::support::program::{Program, data, forebay};
use crate::support::s3::FakeS3;

#[tokio::test]
async fn what_a_bucket_does_not_take_is_delivered_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (file, bucket) = (folder.path().join("file"), folder.path().join("bucket"));
    fs::write(&file, "no folder").unwrap();
    let settings = Settings::small().with("UPLOAD_FINISH_WITHIN", "0s");

    let program = Program::start(folder.path(), &settings.clone().with_folder(&file).environment());
    send_all(&program, 0..10).await;
    let report = program.client().flush(Span::seconds(1)).await.unwrap();
    assert!(!report.complete && report.items == 10, "{report:?}");
    let remaining = report.remaining.unwrap();
    assert!(remaining.starts_with("10 items still wait: cannot make the folder of"), "{remaining}");
    // Killed with some of it in the spool and some in the log.
    send_all(&program, 10..20).await;
    program.kill();

    let program = Program::start(folder.path(), &settings.clone().with_dead_store().environment());
    send_all(&program, 20..30).await;
    assert_eq!(program.terminate().code, Some(0));

    let program = Program::start(folder.path(), &settings.with_folder(&bucket).environment());
    send_all(&program, 30..40).await;
    flush(&program).await;
    assert_eq!(program.terminate().code, Some(0));
    assert_each_once(0..40, &bucket::decoded(&bucket::in_folder(&bucket)));
    assert_eq!(fs::read_to_string(file).unwrap(), "no folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_delivers_what_is_left_or_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = FakeS3::start().await;
    let (right, wrong) = (Settings::small().with_store(&store), Settings::small().with_dead_store());
    let program = Program::start(folder.path(), &wrong.environment());
    send_all(&program, 0..10).await;
    let while_running = forebay(folder.path(), &["drain"], &right.environment());
    assert_eq!(while_running.code, Some(1));
    assert!(while_running.stderr.contains("another forebay uses the data folder"), "{while_running:?}");
    program.kill();

    let in_vain = forebay(folder.path(), &["drain", "--wait", "1s"], &wrong.environment());
    assert_eq!(in_vain.code, Some(1));
    let said = &in_vain.stdout;
    assert!(said.starts_with("delivered 0 objects; 1 object left in ./forebay-data: "), "{said}");
    assert!(said.contains("onnect"), "it says why: {said}");
    assert!(store.objects().is_empty());

    let drained = forebay(folder.path(), &["drain"], &right.environment());
    assert_eq!((drained.code, drained.stdout.as_str()), (Some(0), "delivered 1 object; nothing is left\n"));
    let again = forebay(folder.path(), &["drain"], &right.environment());
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "delivered 0 objects; nothing is left\n"));
    assert_each_once(0..10, &bucket::decoded(&bucket::in_store(&store)));
}

/// What may become of the catalog between two lives.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Deleted,
    ReplacedByAFile,
    Garbage,
    Truncated,
    Emptied,
}

impl Mishap {
    const ALL: [Self; 5] =
        [Self::Deleted, Self::ReplacedByAFile, Self::Garbage, Self::Truncated, Self::Emptied];

    fn befall(self, catalog: &Path) {
        match self {
            Self::Deleted => fs::remove_dir_all(catalog).unwrap(),
            Self::ReplacedByAFile => {
                fs::remove_dir_all(catalog).unwrap();
                fs::write(catalog, "no folder").unwrap();
            }
            Self::Garbage => change_files(catalog, &|content| {
                let mut state = 0x9e37_79b9_u32;
                content.iter().map(|_| noise(&mut state)).collect()
            }),
            Self::Truncated => change_files(catalog, &|content| content[..content.len() / 2].to_vec()),
            Self::Emptied => change_files(catalog, &|_| Vec::new()),
        }
    }
}

/// The next byte of a fixed row (xorshift).
fn noise(state: &mut u32) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    state.to_le_bytes()[0]
}

/// Changes the content of every file in a folder.
fn change_files(folder: &Path, change: &dyn Fn(&[u8]) -> Vec<u8>) {
    let mut changed = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                fs::write(&path, change(&content)).unwrap();
                changed += 1;
            }
        }
    }
    assert!(changed > 0, "there was something to change");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_the_catalog_nothing_is_lost_and_nothing_delivered_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = FakeS3::start().await;
    let settings = Settings::small().with("UPLOAD_FINISH_WITHIN", "0s");
    let (right, wrong) = (settings.clone().with_store(&store), settings.with_dead_store());
    let catalog = data(folder.path()).join("catalog");
    let mut sent = 0;
    for mishap in Mishap::ALL {
        // Some of it delivered.
        let program = Program::start(folder.path(), &right.environment());
        send_all(&program, sent..sent + 5).await;
        flush(&program).await;
        assert_eq!(program.terminate().code, Some(0));
        mishap.befall(&catalog);

        // Some of it waiting in the spool, and some in the log.
        let program = Program::start(folder.path(), &wrong.environment());
        send_all(&program, sent + 5..sent + 10).await;
        assert_eq!(program.terminate().code, Some(0));
        let program = Program::start(folder.path(), &wrong.environment());
        send_all(&program, sent + 10..sent + 15).await;
        program.kill();
        mishap.befall(&catalog);

        let program = Program::start(folder.path(), &right.environment());
        flush(&program).await;
        assert_eq!(program.terminate().code, Some(0));
        sent += 15;
        let objects = bucket::in_store(&store);
        assert_each_once(0..sent, &bucket::decoded(&objects));
        let ledger = forebay(folder.path(), &["inspect", "ledger"], &right.environment());
        assert_eq!((ledger.code, ledger.stderr.as_str()), (Some(0), ""), "{mishap:?}");
        assert!(ledger.stdout.contains("delivered"), "{mishap:?}: {}", ledger.stdout);
    }
}
