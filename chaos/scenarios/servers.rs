//! A real store, SeaweedFS, which is killed and started again while objects come.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::arguments::Options;
use crate::world::bucket::Bucket;
use crate::world::clients::{self, Load};
use crate::world::random::Random;
use crate::world::scene::Scene;

use super::Scenario;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);

pub(crate) fn scenarios(options: &Options) -> Vec<Scenario> {
    if options.weed.is_none() {
        return Vec::new();
    }
    vec![Scenario::long(
        "a_real_store_and_forebay_are_killed_in_turn_and_nothing_is_lost_or_repeated",
        killed_in_turn,
    )]
}

fn weed(options: &Options) -> &Path {
    options.weed.as_deref().expect("it is only played with one")
}

/// Kills forebay, the store, or both, at times that the seed decides; objects of which some go in parts are on their way.
fn killed_in_turn(options: &Options) {
    let mut random = Random::new(options.seed);
    let mut scene = Scene::with_seaweedfs(weed(options));
    scene.set("FOREBAY_UPLOAD_MULTIPART_THRESHOLD", "5MiB");
    scene.set("FOREBAY_UPLOAD_MULTIPART_PART_BYTES", "5MiB");
    let load = Load { large: 6, huge: Some(100), sends_again: true };
    let clients = scene.clients(load, options.seed);
    let (mut kills, mut store_kills) = (0, 0);
    for _ in 0..options.kills {
        let program = scene.start();
        clients.announce(Some(scene.life(&program)));
        let (began, delivered) = (Instant::now(), scene.bucket.count());
        // Something is delivered in every life, so that neither is only ever starting.
        while scene.bucket.count() == delivered {
            assert!(began.elapsed() < AT_LAST, "nothing comes: {}", program.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(random.within(0, 300)));
        let Bucket::SeaweedFs(store) = &scene.bucket else { unreachable!() };
        let who = random.within(0, 3);
        if who != 0 {
            store.kill();
            store_kills += 1;
        }
        if who == 1 {
            // It is away for a while, which forebay lives through.
            let wanted = scene.ledger.acknowledgements() + 20;
            assert!(scene.ledger.wait_for(wanted, AT_LAST), "intake goes on: {}", program.stderr());
        }
        clients.announce(None);
        let said = program.kill();
        kills += 1;
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        if who != 0 {
            store.start_again();
        }
    }
    let program = scene.start();
    let life = scene.life(&program);
    scene.runtime().block_on(clients::send_huge(&scene.ledger, life, 1));
    assert!(scene.flush(&program), "everything comes in the end: {}", program.stderr());
    program.kill();
    scene.end(clients);
    let found = scene.settle();
    assert!(found.largest_object > 5 << 20, "{found:?}");
    println!("SeaweedFS: {kills} kills of forebay, {store_kills} of the store; {found:?}");
}
