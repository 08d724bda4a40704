//! What can happen to a process, beside a kill at random.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, prlimit};

use crate::arguments::Options;
use crate::support::program::Program;
use crate::world::clients::Load;
use crate::world::random::Random;
use crate::world::scene::Scene;

use super::Scenario;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);

const LOAD: Load = Load { large: 6, huge: None, sends_again: true };

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("a_process_that_is_stopped_for_a_while_goes_on", stopped),
        Scenario::short("a_process_that_is_asked_to_end_under_load_ends_in_order", ended_under_load),
        Scenario::short("a_process_that_may_not_have_more_memory_loses_nothing", without_memory),
        Scenario::short("a_second_process_on_a_data_folder_is_refused_and_disturbs_nobody", twice),
    ]
}

fn stopped(options: &Options) {
    let mut random = Random::new(options.seed);
    let scene = Scene::with_store();
    let program = scene.start();
    let clients = scene.clients(LOAD, options.seed);
    clients.announce(Some(scene.life(&program)));
    for _ in 0..3 {
        wait_for(&scene, 20, &program);
        program.pause();
        std::thread::sleep(Duration::from_millis(random.within(200, 700)));
        program.resume();
    }
    wait_for(&scene, 20, &program);
    // A process that was killed while it was stopped is one that the system could not write the pages of.
    program.pause();
    clients.announce(None);
    program.kill();
    scene.end(clients);
    scene.settle();
}

fn ended_under_load(options: &Options) {
    let scene = Scene::with_folder();
    let clients = scene.clients(LOAD, options.seed);
    for _ in 0..3 {
        let program = scene.start();
        clients.announce(Some(scene.life(&program)));
        wait_for(&scene, 30, &program);
        let said = program.terminate();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(!said.stderr.contains(" ERROR "), "{}", said.stderr);
    }
    clients.announce(None);
    scene.end(clients);
    let found = scene.settle();
    assert_eq!(found.unanswered, 0, "what it has taken in it answers before it ends: {found:?}");
}

/// As if the system had no memory left for it. An allocation that fails ends the process at once, as SIGKILL does.
fn without_memory(options: &Options) {
    let scene = Scene::with_folder();
    let clients = scene.clients(Load { large: 2, huge: Some(4), sends_again: true }, options.seed);
    let mut ended = 0;
    for more in [0, 1 << 20, 6 << 20] {
        // One heap, for what many have set aside in advance would last too long.
        let program = scene.start_with(&[("MALLOC_ARENA_MAX", "1")]);
        clients.announce(Some(scene.life(&program)));
        wait_for(&scene, 10, &program);
        let bytes = Some(address_space(&program) + more);
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(program.id()), Resource::As, limit).unwrap();
        // With so little it may live on, and refuse or answer as it can.
        program.ends_within(Duration::from_secs(2));
        let said = program.kill();
        clients.announce(None);
        ended += usize::from(said.stderr.contains("memory allocation"));
    }
    scene.end(clients);
    assert!(ended > 0, "none was short of memory");
    println!("{ended} of 3 processes ended for lack of memory; {:?}", scene.settle());
}

/// The bytes of addresses that a process uses.
fn address_space(program: &Program) -> u64 {
    let path = format!("/proc/{}/statm", program.id().as_raw_nonzero());
    let pages: u64 = std::fs::read_to_string(path).unwrap().split(' ').next().unwrap().parse().unwrap();
    pages * 4096
}

fn twice(_: &Options) {
    let scene = Scene::with_folder();
    let program = scene.start();
    scene.send(&program, 3);
    for _ in 0..3 {
        let said = scene.spawn_with(&[]).finish().unwrap_err();
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains("another forebay uses the data folder"), "{said:?}");
        let drained = scene.run(&["drain"]);
        assert!(drained.code != Some(0) && drained.stderr.contains("another forebay"), "{drained:?}");
        scene.send(&program, 3);
    }
    assert!(scene.flush(&program), "it still delivers");
    program.kill();
    assert_eq!(scene.settle().acknowledged, 12);
}

/// Waits for so many more acknowledgements.
fn wait_for(scene: &Scene, more: u64, program: &Program) {
    let wanted = scene.ledger.acknowledgements() + more;
    assert!(scene.ledger.wait_for(wanted, AT_LAST), "none comes: {}", program.stderr());
}
