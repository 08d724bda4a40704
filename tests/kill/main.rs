//! The real program is killed by SIGKILL again and again, while clients send, and loses nothing and repeats nothing.
//!
//! Every export has numbers of its own; a ledger outside of the program notes what was sent and what was acknowledged.
//! When all kills are over, the data folder is drained and the bucket is held against the ledger: every acknowledged
//! export is there exactly once and unchanged, every other at most once, and every object is whole.
//!
//! A seed decides when the program is killed: some time after an acknowledgement, while it starts, while it packs, while
//! it puts objects; some lives end by SIGTERM, and by SIGKILL if that takes too long. What a machine's other work does
//! to it is not in the seed, so a failure may need some runs to come again. Two variables choose other runs:
//!
//! ```text
//! FOREBAY_KILLS=500 FOREBAY_KILL_SEED=7 cargo test --test kill -- --nocapture
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../support/decoded.rs"]
mod decoded;
#[path = "../support/mod.rs"]
mod support;

mod audit;
mod bucket;
mod clients;
mod ledger;
mod plan;
mod random;
mod remains;
mod run;
mod spares;
mod telemetry;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use bucket::Bucket;
use clients::Load;
use plan::{Catalog, End};
use run::{Outcome, run};
use support::s3::{FakeS3, On};

/// Lives of the program in one test, if `FOREBAY_KILLS` does not say another number.
const LIVES: usize = 32;
/// Where the seeds begin, if `FOREBAY_KILL_SEED` does not say another.
const SEED: u64 = 20_260_822;
/// What few kills cannot show.
const ENOUGH: usize = 25;

fn variable<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let given = std::env::var(name).ok();
    given.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Runs on a runtime of its own, and says what replays it when it fails.
fn killed(
    load: Load,
    is_catalog_spoilt: bool,
    bucket: impl AsyncFnOnce(&TempDir) -> Bucket,
) -> (Outcome, Bucket) {
    let (lives, seed) = (variable("FOREBAY_KILLS", LIVES), variable("FOREBAY_KILL_SEED", SEED));
    let _replay = Replay(format!("FOREBAY_KILLS={lives} FOREBAY_KILL_SEED={seed}"));
    let dooms = plan::lives(seed, lives, is_catalog_spoilt);
    if is_catalog_spoilt && lives >= ENOUGH {
        for catalog in [Catalog::Deleted, Catalog::Garbage] {
            assert!(dooms.iter().any(|doom| doom.catalog == catalog), "{catalog:?}");
        }
    }
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bucket = runtime.block_on(bucket(&folder));
    let _inside = runtime.enter();
    let (outcome, bucket) = run(seed, &dooms, load, folder, bucket);
    // In which states the kills met it, which a run prints, is up to the machine's speed; this is not.
    let planned = dooms.iter().filter(|doom| doom.end == End::Kill).count();
    assert!(outcome.kills >= planned, "{outcome:?}");
    assert!(lives < LIVES || planned >= ENOUGH, "only {planned} kills are planned");
    assert!(outcome.objects.0 > 0, "objects were delivered between the kills: {outcome:?}");
    assert!(outcome.acknowledged > 0, "{outcome:?}");
    assert_eq!(outcome.by_signal.len(), 3, "{outcome:?}");
    (outcome, bucket)
}

/// Says what replays a failure.
struct Replay(String);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to try it again: {} cargo test --test kill", self.0);
        }
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_in_a_folder_exactly_once() {
    let load = Load { large: 6, huge: None };
    killed(load, false, async |folder| Bucket::in_folder(folder.path()));
}

#[test]
fn what_was_acknowledged_before_a_kill_is_in_a_store_exactly_once_though_it_fails_now_and_then() {
    let load = Load { large: 8, huge: Some(150) };
    let (outcome, bucket) = killed(load, false, async |_| Bucket::S3(FakeS3::start().await));
    let Bucket::S3(store) = bucket else { unreachable!() };
    assert!(outcome.largest_object > 5 << 20, "{outcome:?}");
    assert!(store.count(On::Complete) > 0, "large objects go in parts");
}

#[test]
fn a_catalog_that_is_deleted_or_garbage_after_a_kill_loses_and_repeats_nothing() {
    let load = Load { large: 6, huge: Some(200) };
    killed(load, true, async |_| Bucket::S3(FakeS3::start().await));
}
