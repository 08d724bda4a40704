//! A data folder is copied, as with a disk's image, and both machines run on against one bucket: they have one writer id,
//! give the same segment numbers, and have the same things to deliver.

use crate::arguments::Options;
use crate::support::program::{Program, Starting};
use crate::support::s3::Fault;
use crate::world::bucket::Bucket;
use crate::world::scene::{Scene, copy};

use super::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("copies_of_a_machine_lose_and_repeat_nothing_in_a_store", |options| {
            copies(options, &Scene::with_store());
        }),
        Scenario::short("copies_of_a_machine_lose_and_repeat_nothing_in_a_folder", |options| {
            let mut scene = Scene::with_folder();
            let shared = scene.folder().join("shared");
            scene.set("FOREBAY_UPLOAD_TO", &format!("file://{}", shared.display()));
            scene.bucket = Bucket::Folder(shared);
            copies(options, &scene);
        }),
    ]
}

fn copies(_: &Options, scene: &Scene) {
    let program = scene.start();
    scene.send(&program, 6);
    assert!(scene.flush(&program), "some is delivered");
    if let Bucket::S3(store) = &scene.bucket {
        // What is sealed now waits in the spool, what is not in the log.
        store.poison("/", Fault::Answer(503, "SlowDown"));
    }
    scene.send(&program, 6);
    program.kill();
    let other = tempfile::tempdir().unwrap();
    copy(&scene.data(), &other.path().join("forebay-data"));
    if let Bucket::S3(store) = &scene.bucket {
        store.heal();
    }
    let start_other = || Starting::spawn(other.path(), &scene.environment(&[])).finish().unwrap();
    let (mut one, mut two) = (scene.start(), start_other());
    for round in 0..4 {
        // Each takes in what the other does not.
        scene.send(&one, 4);
        scene.send(&two, 4);
        if round % 2 == 0 {
            assert!(scene.flush(&two) && scene.flush(&one));
        } else {
            one.kill();
            two.kill();
            (one, two) = (scene.start(), start_other());
        }
    }
    end(one);
    end(two);
    let found = scene.settle_with(&[other.path()]);
    assert_eq!(found.acknowledged, 12 + 4 * 8, "{found:?}");
}

fn end(program: Program) {
    let said = program.terminate();
    assert!(said.code == Some(0) && !said.stderr.contains(" ERROR "), "{said:?}");
}
