//! A real file system under the data folder that is full for a while, or read-only.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::arguments::Options;
use crate::faults::mount::{self, Mount};
use crate::support::program::Program;
use crate::world::admin::{get, wait_until_not_ready, why_not_ready};
use crate::world::bucket::Bucket;
use crate::world::clients::{Load, Sent};
use crate::world::scene::Scene;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);
const LOAD: Load = Load { large: 6, huge: None, sends_again: true };

pub(super) const FULL: &str = "a_disk_that_somebody_else_fills_holds_clients_up_until_it_is_freed";
pub(super) const READ_ONLY: &str =
    "a_disk_that_becomes_read_only_loses_nothing_and_the_restart_it_wants_is_told";

/// Somebody else fills the disk, and makes room again, twice; the second time the process is killed in between.
pub(super) fn full(options: &Options) {
    let scene = scene();
    let _mount = match Mount::memory(&scene.data(), 24) {
        Ok(mount) => mount,
        Err(why) => return elsewhere(FULL, options, &why),
    };
    let filler = scene.data().join("of-somebody-else");
    let program = scene.start();
    let clients = scene.clients(LOAD, options.seed);
    clients.announce(Some(scene.life(&program)));
    wait_for(&scene, 20, &program);
    let refusals = scene.ledger.refusals();
    fill(&filler);
    let why = wait_until_not_ready(&program);
    assert!(
        why.starts_with("not ready: no room on disk: ") && why.contains(" of the disk are free"),
        "{why}"
    );
    let status = scene.run(&["status", "--admin", &program.admin().to_string()]);
    assert!(status.code == Some(2) && status.stdout.contains("NO: no room on disk"), "{status:?}");
    wait_for_refusals(&scene, refusals + 5);
    std::fs::remove_file(&filler).unwrap();
    wait_for(&scene, 20, &program);
    assert_eq!(why_not_ready(&program), None, "it goes on by itself");
    assert!(get(&program, "/metrics").1.contains("\nforebay_log_stopped 0\n"), "full is not failing");

    fill(&filler);
    wait_until_not_ready(&program);
    clients.announce(None);
    program.kill();
    // It may not have the room to start, and says so.
    match scene.spawn_with(&[]).finish() {
        Ok(program) => drop(program.kill()),
        Err(said) => {
            let is_told =
                said.stderr.contains("no room for a segment") || said.stderr.contains("No space left");
            assert!(said.code == Some(1) && is_told, "{said:?}");
        }
    }
    std::fs::remove_file(&filler).unwrap();
    let program = scene.start();
    clients.announce(Some(scene.life(&program)));
    wait_for(&scene, 20, &program);
    clients.announce(None);
    assert_eq!(program.terminate().code, Some(0));
    scene.end(clients);
    println!("{:?}", scene.settle());
}

/// The file system fails, as the system's own writes to a failing disk make it fail.
pub(super) fn read_only(options: &Options) {
    let scene = scene();
    let mount = match Mount::ext4(&scene.data(), &scene.folder().join("image"), 64) {
        Ok(mount) => mount,
        Err(why) => return elsewhere(READ_ONLY, options, &why),
    };
    let program = scene.start();
    let clients = scene.clients(LOAD, options.seed);
    clients.announce(Some(scene.life(&program)));
    wait_for(&scene, 50, &program);
    mount.fail_to_read_only();
    let why = wait_until_not_ready(&program);
    assert!(why.contains("the disk under the log failed twice") && why.contains("until a restart"), "{why}");
    let status = scene.run(&["status", "--admin", &program.admin().to_string()]);
    assert!(status.code == Some(2) && status.stdout.contains("until a restart"), "{status:?}");
    assert_eq!(scene.try_send(&program), Sent::Refused);
    clients.announce(None);
    let said = program.terminate();
    assert!(said.code.is_some(), "it ends in order: {said:?}");
    let said = scene.spawn_with(&[]).finish().unwrap_err();
    assert!(said.code == Some(1) && said.stderr.contains("Read-only file system"), "{said:?}");

    mount.mount_again();
    let program = scene.start();
    clients.announce(Some(scene.life(&program)));
    wait_for(&scene, 20, &program);
    clients.announce(None);
    program.kill();
    scene.end(clients);
    println!("{:?}", scene.settle());
}

/// With a bucket on another file system than the data folder.
fn scene() -> Scene {
    let mut scene = Scene::with_folder();
    let bucket = scene.folder().join("bucket");
    scene.set("FOREBAY_UPLOAD_TO", &format!("file://{}", bucket.display()));
    scene.set("FOREBAY_RECEIVE_HOLD_BEFORE_REFUSING", "50ms");
    scene.bucket = Bucket::Folder(bucket);
    scene
}

/// Where this process may not mount.
fn elsewhere(scenario: &str, options: &Options, why: &str) {
    if let Err(why_not) = mount::in_namespace(scenario, options.seed) {
        println!("SKIPPED: {scenario}: {why}; {why_not}");
    }
}

/// Writes until there is no room.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for piece in [1 << 20, 1 << 12] {
        while file.write(&vec![1; piece]).is_ok_and(|written| written > 0) {}
    }
}

fn wait_for_refusals(scene: &Scene, wanted: u64) {
    let began = std::time::Instant::now();
    while scene.ledger.refusals() < wanted {
        assert!(began.elapsed() < AT_LAST, "nobody is refused");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for so many more acknowledgements.
fn wait_for(scene: &Scene, more: u64, program: &Program) {
    let wanted = scene.ledger.acknowledgements() + more;
    assert!(scene.ledger.wait_for(wanted, AT_LAST), "none comes: {}", program.stderr());
}
