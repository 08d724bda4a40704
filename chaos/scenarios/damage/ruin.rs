//! A data folder in which there is one of everything: what a killed process can leave behind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::faults::interposer::{Action, Error, Interposer, Times};
use crate::support::program::Program;
use crate::world::scene::Scene;
use crate::world::segment::Segment;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);
/// Records that fill some pages.
const MANY: usize = 40;

/// Builds one. It has objects in the bucket; two batches of objects in the spool, whose segments are gone; one whose
/// segment is still in the log; two segments that are sealed and not packed; and one that was active.
pub(super) fn build() -> Scene {
    let mut scene = Scene::with_folder();
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1h");
    let interposer = Interposer::new(&scene.data());
    let program = scene.start_with(&interposer.environment());
    scene.send(&program, 6);
    assert!(scene.flush(&program));
    interposer.rule("bucket/object/create_unnamed/before", Times::ALWAYS, Action::Fail(Error::InputOutput));
    for batches in 1..=2 {
        scene.send(&program, 12);
        scene.seal(&program);
        wait_for(&program, || packed(&scene.data()).len() == batches && is_retired(&scene.data()));
    }
    // What is packed stays in the log then, and nothing behind it is packed.
    interposer.rule("log/numbers.new/create/before", Times::ALWAYS, Action::Fail(Error::InputOutput));
    scene.send(&program, 12);
    scene.seal(&program);
    wait_for(&program, || packed(&scene.data()).len() == 3);
    for _ in 0..2 {
        scene.send(&program, MANY);
        scene.seal(&program);
    }
    scene.send(&program, MANY);
    program.kill();
    scene
}

fn wait_for(program: &Program, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < AT_LAST, "it does not come: {}", program.stderr());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The segments that have a manifest.
fn packed(data: &Path) -> BTreeSet<String> {
    let manifests = named(&data.join("spool"), ".manifest");
    let segment = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap()[..8].to_owned();
    manifests.iter().map(segment).collect()
}

/// Whether the log has no segment that is packed.
fn is_retired(data: &Path) -> bool {
    packed(data).iter().all(|segment| !data.join(format!("log/{segment}.segment")).exists())
}

/// Whether a segment is the one that a manifest was made of.
fn is_covered_by(manifest: &Path, segment: &Path) -> bool {
    let [manifest, segment] = [manifest, segment].map(|path| path.file_stem().unwrap().to_str().unwrap());
    manifest[..8] == *segment
}

/// The files in a folder whose names end like this, in the order of their names.
pub(super) fn named(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.to_str().unwrap().ends_with(end)).collect();
    paths.sort();
    paths
}

/// The files of one.
pub(super) struct Files {
    pub(super) sealed: Vec<PathBuf>,
    pub(super) active: PathBuf,
    /// Objects whose segment is gone.
    pub(super) objects: Vec<PathBuf>,
    pub(super) manifests: Vec<PathBuf>,
    /// Those of the batch whose segment is still in the log.
    pub(super) covered_objects: Vec<PathBuf>,
    pub(super) covered_manifest: PathBuf,
    pub(super) spares: Vec<PathBuf>,
    pub(super) ledger: Vec<PathBuf>,
}

impl Files {
    pub(super) fn of(data: &Path) -> Self {
        let (log, spool) = (data.join("log"), data.join("spool"));
        let is_covered = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            log.join(format!("{}.segment", &name[..8])).exists()
        };
        let (covered_objects, objects) = named(&spool, ".object").into_iter().partition(is_covered);
        let (mut covered, manifests): (Vec<_>, _) =
            named(&spool, ".manifest").into_iter().partition(is_covered);
        let covered_manifest = covered.pop().unwrap();
        let is_spare = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("spare-");
        let (spares, segments): (Vec<_>, Vec<_>) = named(&log, ".segment").into_iter().partition(is_spare);
        let waiting = segments.into_iter().filter(|path| !is_covered_by(&covered_manifest, path));
        let (sealed, mut active): (Vec<_>, Vec<_>) =
            waiting.partition(|path| Segment(&std::fs::read(path).unwrap()).is_sealed());
        assert_eq!((sealed.len(), active.len(), manifests.len()), (2, 1, 2), "there is one of everything");
        Self {
            sealed,
            active: active.pop().unwrap(),
            objects,
            manifests,
            covered_objects,
            covered_manifest,
            spares,
            ledger: named(&data.join("catalog"), "").into_iter().filter(|path| path.is_file()).collect(),
        }
    }
}
