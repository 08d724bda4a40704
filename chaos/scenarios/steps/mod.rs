//! The program is killed in front of and behind every single operation on its files, those of its ledger too.
//!
//! A history of two lives is played once while every point is noted. Then it is played again for each point, and the
//! process is killed there; what is left is taken up by the next process, of which some are killed once more.

mod history;

use std::collections::BTreeMap;

use crate::arguments::Options;
use crate::faults::interposer::{Action, Interposer, Times};
use crate::world::cases::play_each;
use crate::world::random::Random;
use crate::world::scene::{Found, Scene};

use super::Scenario;

/// Points at which the short scenario kills.
const SAMPLE: usize = 14;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("files_and_folders_are_synced_on_the_real_disk", |_| {
            let points = points(Scene::with_folder);
            for synced in SYNCED {
                assert!(points.iter().any(|point| point.name == synced), "{synced} is not among {points:?}");
            }
        }),
        Scenario::short("kills_at_some_points_lose_and_repeat_nothing", |options| {
            let mut random = Random::new(options.seed);
            let points = points(Scene::with_folder);
            let chosen = (0..SAMPLE).map(|_| random.one_of(&points)).collect();
            kill_at(chosen, &mut random, Scene::with_folder);
        }),
        Scenario::short("kills_at_some_points_of_several_outputs_lose_and_repeat_nothing", |options| {
            let mut random = Random::new(options.seed);
            let points: Vec<_> = points(Scene::with_outputs)
                .into_iter()
                .filter(|point| point.name.starts_with("spool/"))
                .collect();
            let chosen = (0..SAMPLE).map(|_| random.one_of(&points)).collect();
            kill_at(chosen, &mut random, Scene::with_outputs);
        }),
        Scenario::long(
            "kills_at_every_point_of_the_spool_of_several_outputs_lose_and_repeat_nothing",
            |options| {
                let is_meant = |point: &Point| point.name.starts_with("spool/");
                let points = points(Scene::with_outputs).into_iter().filter(is_meant).collect();
                kill_at(points, &mut Random::new(options.seed), Scene::with_outputs);
            },
        ),
        Scenario::long("kills_at_every_point_of_the_log_lose_and_repeat_nothing", |options| {
            every(options, "log/");
        }),
        Scenario::long("kills_at_every_point_of_the_spool_lose_and_repeat_nothing", |options| {
            every(options, "spool/");
        }),
        Scenario::long("kills_at_every_point_of_the_bucket_lose_and_repeat_nothing", |options| {
            every(options, "bucket/");
        }),
        Scenario::long("kills_at_every_point_of_the_catalog_lose_and_repeat_nothing", |options| {
            every(options, "catalog/");
        }),
        Scenario::long("kills_at_every_other_point_lose_and_repeat_nothing", |options| every(options, "")),
    ]
}

/// What has to be synced in every history; in which order, the simulated disk tells.
const SYNCED: [&str; 10] = [
    "./fsync/after",
    "writer.new/fdatasync/after",
    "log/#.segment/fdatasync/after",
    "log/fsync/after",
    "log/numbers.new/fdatasync/after",
    "log/#.resends.new/fdatasync/after",
    "spool/#-main.manifest.new/fdatasync/after",
    "spool/fsync/after",
    "bucket/object/fdatasync/after",
    "bucket/folder/fsync/after",
];

/// Folders that have a scenario of their own.
const FOLDERS: [&str; 4] = ["log/", "spool/", "bucket/", "catalog/"];

/// Where to kill.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// The life that meets it, from 0.
    life: usize,
    name: &'static str,
    /// Which time in that life, from 1.
    time: u64,
}

/// Every point of the history: each name in each life, the first time and the last.
fn points(scene: fn() -> Scene) -> Vec<Point> {
    let scene = scene();
    let interposer = Interposer::new(&scene.data());
    interposer.trace();
    let mut noted = 0;
    let mut points = Vec::new();
    for life in 0..history::LIVES {
        assert!(history::live(&scene, &interposer, life), "nobody kills it");
        let traced = interposer.traced();
        let mut times: BTreeMap<&str, u64> = BTreeMap::new();
        for name in &traced[noted..] {
            *times.entry(name).or_default() += 1;
        }
        noted = traced.len();
        for (name, count) in times {
            let name: &'static str = name.to_owned().leak();
            points.push(Point { life, name, time: 1 });
            if count > 1 {
                points.push(Point { life, name, time: count });
            }
        }
    }
    scene.settle();
    points
}

fn every(options: &Options, folder: &str) {
    let is_meant = |point: &Point| match folder {
        "" => !FOLDERS.iter().any(|folder| point.name.starts_with(folder)),
        folder => point.name.starts_with(folder),
    };
    let points = points(Scene::with_folder).into_iter().filter(is_meant).collect();
    kill_at(points, &mut Random::new(options.seed), Scene::with_folder);
}

/// Plays the history once for each point. How often a thread comes by a point is its own affair, so that the last time
/// may not come.
fn kill_at(points: Vec<Point>, random: &mut Random, scene: fn() -> Scene) {
    let planned = points.len();
    let played = play_each(points, random, |point, seed| {
        let scene = scene();
        let interposer = Interposer::new(&scene.data());
        // The process after it is killed too, while it takes up what was left.
        let second = Random::new(seed).within(1, 40);
        let killed = kill(&scene, &interposer, point, second);
        (killed, scene.settle())
    });
    let kills = played.iter().filter(|(_, ((once, _), _))| *once).count();
    let again = played.iter().filter(|(_, ((_, again), _))| *again).count();
    let never: Vec<_> = played.iter().filter(|(_, ((once, _), _))| !once).map(|(point, _)| *point).collect();
    let sum = |of: fn(&Found) -> u64| played.iter().map(|(_, (_, found))| of(found)).sum::<u64>();
    println!(
        "{planned} points: killed at {kills}, and {again} times once more; {} exports acknowledged, each found once; {} \
         found whose answer was lost; not met: {never:?}",
        sum(|found| found.acknowledged),
        sum(|found| found.unanswered)
    );
    assert!(never.iter().all(|point| point.time > 1 || point.life > 0), "not met: {never:?}");
    assert!(never.len() * 8 <= planned, "not met: {never:?}");
}

/// Whether the process was killed at the point, and the next one once more.
fn kill(scene: &Scene, interposer: &Interposer, point: Point, second: u64) -> (bool, bool) {
    for life in 0..point.life {
        history::live(scene, interposer, life);
    }
    interposer.rule(point.name, Times::once(point.time), Action::Kill);
    let is_killed = !history::live(scene, interposer, point.life);
    interposer.heal();
    interposer.rule("*/after", Times::once(second), Action::Kill);
    let is_killed_again = !history::start_and_end(scene, interposer);
    interposer.heal();
    history::start_and_send_again(scene, interposer);
    (is_killed, is_killed_again)
}
