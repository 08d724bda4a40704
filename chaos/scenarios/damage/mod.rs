//! Files of a stopped process are damaged: bits turn, sectors are zeros, pages change places, files are cut or extended.
//!
//! A data folder in which there is one of everything is damaged in one way, at one spot; the next process must start, say
//! what is lost, and deliver everything else. What is lost must be what was in the damaged bytes, to the record, and no
//! less must be counted.

mod cost;
mod ledger;
mod ruin;
mod sectors;
mod spot;

use std::sync::Mutex;

use crate::faults::damage::Damage;
use crate::support::program::Program;
use crate::world::audit::Machines;
use crate::world::cases::play_each;
use crate::world::random::Random;
use crate::world::scene::Scene;

use self::cost::Contents;
use self::ruin::Files;
use self::spot::Spot;
use super::Scenario;

/// Cases that the short scenario always plays: each is noticed by another part of the program.
const ALWAYS: [Case; 8] = [
    (Spot::SealedRecords, Damage::Flip),
    (Spot::SealedHeader, Damage::SwapBetween),
    (Spot::ActiveRecords, Damage::Flip),
    (Spot::Object, Damage::Flip),
    (Spot::Object, Damage::Cut),
    (Spot::Manifest, Damage::Flip),
    (Spot::CoveredObject, Damage::Flip),
    (Spot::Writer, Damage::Cut),
];
/// Cases that it plays beside them.
const SAMPLE: usize = 2;
/// How often the long one plays each, at another place.
const ROUNDS: usize = 4;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("some_damage_costs_what_was_in_the_damaged_part_which_is_told", |options| {
            let mut random = Random::new(options.seed);
            let all = cases();
            let some: Vec<_> = (0..SAMPLE).map(|_| random.one_of(&all)).collect();
            play([&ALWAYS[..], &some].concat(), &mut random);
        }),
        Scenario::short(
            "sectors_that_a_start_cannot_read_cost_nothing_where_it_is_known_otherwise",
            sectors::where_the_start_reads,
        ),
        Scenario::short("sectors_that_cannot_be_read_for_a_moment_cost_nothing", sectors::for_a_moment),
        Scenario::short("a_ledger_that_is_gone_or_something_else_costs_nothing", ledger::replaced),
        Scenario::long(
            "records_on_a_page_that_cannot_be_read_are_given_up_after_a_while",
            sectors::among_the_records,
        ),
        Scenario::long(
            "every_kind_of_damage_to_every_kind_of_file_costs_what_was_in_the_damaged_part",
            |options| {
                let rounds = (0..ROUNDS).flat_map(|_| cases()).collect();
                play(rounds, &mut Random::new(options.seed));
            },
        ),
    ]
}

/// What is damaged how.
type Case = (Spot, Damage);

fn cases() -> Vec<Case> {
    Spot::ALL.into_iter().flat_map(|spot| Damage::ALL.map(|damage| (spot, damage))).collect()
}

/// Plays each case on a copy of one folder; fails at the end if one of them did.
fn play(cases: Vec<Case>, random: &mut Random) {
    let ruin = Mutex::new(ruin::build());
    let count = cases.len();
    let played = play_each(cases, random, |case, seed| {
        let scene = ruin.lock().unwrap().copied();
        strike(case, &scene, &mut Random::new(seed))
    });
    let costs: Vec<u64> = played.into_iter().map(|(_, cost)| cost).collect();
    let (some, all) = (costs.iter().filter(|cost| **cost > 0).count(), costs.iter().sum::<u64>());
    println!("{count} cases of damage: {some} cost something, {all} exports together, all of them told");
}

/// Damages a folder, starts a process on it and settles; returns how many exports it cost.
fn strike((spot, damage): Case, scene: &Scene, random: &mut Random) -> u64 {
    let data = scene.data();
    let (before, files) = (Contents::of(&data), Files::of(&data));
    let (path, other, part) = spot.choose(&data, random);
    damage.strike(&path, &other, part, random);
    let cost = before.cost_of_damage(&files);
    let program = start(scene);
    scene.send(&program, 3);
    // Without the numbers that were noted, segments may be given some that were given before.
    let machines = if spot == Spot::Numbers { Machines::Copies } else { Machines::One };
    let found = scene.settle_after_damage(program, machines);
    cost.assert_is(&found);
    cost.lost
}

/// Starts it. Where it refuses to, it says what to do, and that helps.
fn start(scene: &Scene) -> Program {
    match scene.spawn_with(&[]).finish() {
        Ok(program) => program,
        Err(said) => {
            assert_eq!(said.code, Some(1), "{said:?}");
            assert!(said.stderr.contains("write eight hexadecimal digits into it"), "{said:?}");
            std::fs::write(scene.data().join("writer"), "0badcafe").unwrap();
            scene.start()
        }
    }
}
