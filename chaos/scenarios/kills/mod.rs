//! The program is killed by SIGKILL again and again, while clients send.
//!
//! A seed decides when: some time after an acknowledgement, while it starts, while it packs, while it puts objects; some
//! lives end by SIGTERM, and by SIGKILL if that takes too long. What a machine's other work does to it is not in the
//! seed, so a failure may need some runs to come again.

mod plan;
mod run;

use std::time::Instant;

use crate::arguments::Options;
use crate::support::s3::On;
use crate::world::bucket::Bucket;
use crate::world::clients::Load;
use crate::world::scene::Scene;

use plan::{Catalog, End, Mix};
use run::{Outcome, run};

use super::Scenario;

/// Lives of a round.
const ROUND: usize = 100;
/// What few kills cannot show.
const ENOUGH: usize = 25;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("what_was_acknowledged_before_a_kill_is_in_a_folder_exactly_once", |options| {
            killed(
                options,
                Load { large: 6, huge: None, sends_again: true },
                Mix::Kills,
                Scene::with_folder(),
            );
        }),
        Scenario::short(
            "what_was_acknowledged_before_a_kill_is_in_a_store_that_fails_exactly_once",
            |options| {
                let load = Load { large: 8, huge: Some(150), sends_again: true };
                let (outcome, scene) = killed(options, load, Mix::Kills, Scene::with_store());
                let Bucket::S3(store) = &scene.bucket else { unreachable!() };
                assert!(outcome.found.largest_object > 5 << 20, "{outcome:?}");
                assert!(store.count(On::Complete) > 0, "large objects go in parts");
            },
        ),
        Scenario::short(
            "each_of_several_outputs_has_what_was_acknowledged_before_a_kill_exactly_once",
            |options| {
                killed(
                    options,
                    Load { large: 6, huge: None, sends_again: true },
                    Mix::Kills,
                    Scene::with_outputs_in_store(),
                );
            },
        ),
        Scenario::long("kills_among_faults_of_everything_lose_and_repeat_nothing", among_everything),
        Scenario::short("a_catalog_that_is_spoilt_after_a_kill_loses_and_repeats_nothing", |options| {
            killed(
                options,
                Load { large: 6, huge: Some(200), sends_again: true },
                Mix::Catalogs,
                Scene::with_store(),
            );
        }),
    ]
}

/// Rounds of a hundred lives, each on a data folder of its own, so that one can be played again by itself.
fn among_everything(options: &Options) {
    let began = Instant::now();
    let (mut kills, mut acknowledged, mut unanswered, mut refused, mut objects) = (0, 0, 0, 0, 0);
    for round in 0.. {
        let dooms = plan::lives(options.seed + round, (options.kills - kills).min(ROUND), Mix::Everything);
        println!("round {round}, which is --seed {} --kills {}", options.seed + round, dooms.len());
        let (outcome, _) = run(
            options.seed + round,
            &dooms,
            Load { large: 8, huge: Some(200), sends_again: false },
            Scene::with_store(),
        );
        kills += outcome.kills;
        acknowledged += outcome.found.acknowledged;
        unanswered += outcome.found.unanswered;
        refused += outcome.found.refused;
        objects += outcome.found.objects.1;
        if kills >= options.kills {
            break;
        }
    }
    println!(
        "{kills} kills in {} s; {acknowledged} exports acknowledged and found, 0 lost, 0 repeated, in {objects} objects; \
         {unanswered} found whose answer was lost; {refused} refused",
        began.elapsed().as_secs()
    );
}

fn killed(options: &Options, load: Load, mix: Mix, scene: Scene) -> (Outcome, Scene) {
    let dooms = plan::lives(options.seed, options.kills, mix);
    if mix == Mix::Catalogs && options.kills >= ENOUGH {
        for catalog in [Catalog::Deleted, Catalog::Garbage] {
            assert!(dooms.iter().any(|doom| doom.catalog == catalog), "{catalog:?}");
        }
    }
    let (outcome, scene) = run(options.seed, &dooms, load, scene);
    // In which states the kills met it, which a run prints, is up to the machine's speed; this is not.
    let planned = dooms.iter().filter(|doom| doom.end == End::Kill).count();
    assert!(outcome.kills >= planned, "{outcome:?}");
    assert!(outcome.found.objects.0 > 0, "objects were delivered between the kills: {outcome:?}");
    assert!(outcome.found.acknowledged > 0, "{outcome:?}");
    assert_eq!(outcome.found.by_signal.len(), forebay::otlp::Signal::COUNT, "{outcome:?}");
    (outcome, scene)
}
