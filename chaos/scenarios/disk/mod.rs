//! The disk fails: one operation, once or for ever, with what was written and not synced gone, half-way, or late.

mod log;
mod mounted;
mod points;

use crate::arguments::Options;
use crate::world::random::Random;

use self::points::{Stage, cases, play};
use super::Scenario;

/// Cases that the short scenario plays.
const SAMPLE: usize = 10;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("some_operations_that_fail_lose_nothing_and_what_can_goes_on", |options| {
            let mut random = Random::new(options.seed);
            let all = cases();
            play((0..SAMPLE).map(|_| random.one_of(&all)).collect(), &mut random, false);
        }),
        Scenario::short("a_sync_that_fails_and_loses_its_pages_loses_nothing_acknowledged", log::loses_pages),
        Scenario::short("a_write_that_fails_half_way_loses_nothing_acknowledged", log::tears_writes),
        Scenario::short("a_write_that_a_kill_has_torn_is_no_damage", log::torn_by_a_kill),
        Scenario::short("syncs_of_half_a_second_come_before_the_answers_and_are_shared", log::is_slow),
        Scenario::short(
            "while_the_disk_of_the_log_fails_clients_are_told_and_deliveries_go_on",
            log::fails_for_ever,
        ),
        Scenario::short(mounted::FULL, mounted::full),
        Scenario::short(mounted::READ_ONLY, mounted::read_only),
        Scenario::long("every_operation_that_fails_while_it_works_loses_nothing", |options| {
            every(options, &[Stage::Work]);
        }),
        Scenario::long("every_operation_that_fails_at_a_start_or_an_end_loses_nothing", |options| {
            every(options, &[Stage::First, Stage::Restart, Stage::End]);
        }),
    ]
}

fn every(options: &Options, stages: &[Stage]) {
    let meant = cases().into_iter().filter(|case| stages.contains(&case.stage)).collect();
    play(meant, &mut Random::new(options.seed), true);
}
