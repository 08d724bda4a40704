//! Sectors that the disk cannot read.

use std::path::Path;

use crate::arguments::Options;
use crate::faults::interposer::{Action, Error, Interposer, Times};
use crate::world::audit::Machines;
use crate::world::damaged::Damaged;
use crate::world::random::Random;
use crate::world::scene::Scene;
use crate::world::segment::Segment;

use super::ruin;
use super::spot::Spot;

const PAGE: u64 = 4096;

/// In the places where reading is not tried again; it costs nothing there, as all of that stands elsewhere too.
pub(super) fn where_the_start_reads(options: &Options) {
    let mut random = Random::new(options.seed);
    let ruin = ruin::build();
    for spot in
        [Spot::SealedHeader, Spot::SealedTail, Spot::ActiveHeader, Spot::CoveredManifest, Spot::Numbers]
    {
        let scene = ruin.copied();
        let (found, _) = settle(spot, &scene, Times::ALWAYS, &mut random);
        let is_free = found.lost.is_empty() && found.counted.records == 0 && found.status.is_none();
        assert!(is_free, "{spot:?} {found:#?}");
    }
}

/// Anywhere, for a moment: then nothing is given up, whatever stands there.
pub(super) fn for_a_moment(options: &Options) {
    let mut random = Random::new(options.seed);
    let ruin = ruin::build();
    for spot in [Spot::Manifest, Spot::Object, Spot::SealedRecords, Spot::ActiveRecords] {
        let (found, _) = settle(spot, &ruin.copied(), Times { from: 1, to: 2 }, &mut random);
        let is_free = found.lost.is_empty() && found.counted.records == 0 && found.kept.is_empty();
        assert!(is_free && found.status.is_none(), "{spot:?} {found:#?}");
    }
}

/// Among the records, where it is tried a dozen times before it is packed without them: it may pass.
pub(super) fn among_the_records(options: &Options) {
    let mut random = Random::new(options.seed);
    let ruin = ruin::build();
    for spot in [Spot::SealedRecords, Spot::ActiveRecords] {
        let (found, most) = settle(spot, &ruin.copied(), Times::ALWAYS, &mut random);
        let lost = found.lost.len() as u64;
        println!("a page of {spot:?} that cannot be read costs {lost} exports");
        assert!(lost > 0 && lost <= most && lost == found.counted.records, "{spot:?} {found:#?}");
        assert!(found.status.is_some() && !found.kept.is_empty(), "{spot:?} {found:#?}");
    }
}

/// Has a page at this spot be unreadable for a process, and settles. Returns also how many records may be gone with it.
fn settle(spot: Spot, scene: &Scene, times: Times, random: &mut Random) -> (Damaged, u64) {
    let data = scene.data();
    let (path, _, part) = spot.choose(&data, random);
    let bytes = std::fs::read(&path).unwrap();
    let part = part.start..part.end.min(bytes.len() as u64);
    let at = match spot {
        // The last page of the records may also be that of the last write, of which nobody knows.
        Spot::ActiveRecords => part.start,
        Spot::SealedTail => part.end - 1,
        _ => random.within(part.start, part.end),
    };
    let page = at - at % PAGE..at - at % PAGE + PAGE;
    let most =
        if path.extension().is_some_and(|last| last == "segment") { near(&bytes, page.start) } else { 0 };
    let interposer = Interposer::new(&data);
    let file = below(&data, &path);
    let rule =
        interposer.rule_about(&format!("{file}/read/before"), page, times, Action::Fail(Error::InputOutput));
    let program = scene.start_with(&interposer.environment());
    scene.send(&program, 3);
    let machines = if spot == Spot::Numbers { Machines::Copies } else { Machines::One };
    let found = scene.settle_after_damage(program, machines);
    assert!(interposer.met(rule) > 0, "{spot:?}: nobody reads it");
    (found, most)
}

/// How many records touch the page, or one of its neighbours.
fn near(bytes: &[u8], page: u64) -> u64 {
    let near = usize::try_from(page.saturating_sub(PAGE)).unwrap()..usize::try_from(page + 2 * PAGE).unwrap();
    let touches = |record: &std::ops::Range<usize>| record.start < near.end && near.start < record.end;
    Segment(bytes).records().into_iter().filter(touches).count() as u64
}

fn below(data: &Path, path: &Path) -> String {
    path.strip_prefix(data).unwrap().to_str().unwrap().to_owned()
}
