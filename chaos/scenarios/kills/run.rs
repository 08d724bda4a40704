//! One run: lives of the program, one after the other on one data folder, and what they brought into the bucket.

use std::fmt;
use std::time::{Duration, Instant};

use crate::faults::interposer::Interposer;
use crate::support::program::{Program, Said};
use crate::world::clients::{self, Load};
use crate::world::random::Random;
use crate::world::remains::{Tally, is_packing, states};
use crate::world::scene::{Clients, Found, Scene};

use super::plan::{Catalog, Doom, End, Event};

/// An event that has not come by then never will.
const AT_LAST: Duration = Duration::from_mins(2);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_micros(300);

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Processes that were ended by SIGKILL.
    pub(crate) kills: usize,
    /// In which states.
    pub(crate) states: Tally,
    /// What the audit found.
    pub(crate) found: Found,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { acknowledged, unanswered, refused, objects, .. } = &self.found;
        write!(
            f,
            "{} kills met {:?}; {acknowledged} exports acknowledged, each found once and unchanged; {unanswered} found \
             whose answer was lost; {refused} refused; {} objects",
            self.kills, self.states, objects.1
        )
    }
}

/// A scene, and what a run keeps of it.
struct Run {
    scene: Scene,
    interposer: Interposer,
    clients: Clients,
    random: Random,
    lives: usize,
    /// How long a start takes.
    start_takes: Duration,
    kills: usize,
    states: Tally,
}

/// Lives through `dooms`, drains, and audits.
pub(crate) fn run(seed: u64, dooms: &[Doom], load: Load, scene: Scene) -> (Outcome, Scene) {
    let clients = scene.clients(load, seed);
    let interposer = Interposer::new(&scene.data());
    let mut run = Run {
        scene,
        interposer,
        clients,
        random: Random::new(seed),
        lives: 0,
        start_takes: Duration::ZERO,
        kills: 0,
        states: Tally::new(),
    };
    for doom in dooms {
        run.live(doom);
    }
    if load.huge.is_some() {
        // By chance, all of those that the clients sent may have met a kill.
        run.take_in_a_huge_one();
    }
    let Run { scene, clients, kills, states, .. } = run;
    scene.end(clients);
    scene.bucket.play_faults(None);
    let outcome = Outcome { kills, states, found: scene.settle() };
    println!("{outcome}");
    (outcome, scene)
}

impl Run {
    /// Starts the program, ends it as `doom` says, and looks at what it left.
    fn live(&mut self, doom: &Doom) {
        self.prepare(doom);
        let delivered = self.scene.bucket.count();
        let spawned = Instant::now();
        let starting = self.scene.spawn_with(&self.interposer.environment());
        let said = if doom.event == Event::Spawned && !self.start_takes.is_zero() {
            std::thread::sleep(
                self.start_takes.mul_f64(f64::from(u32::try_from(doom.after).unwrap()) / 1000.0),
            );
            starting.kill()
        } else {
            match starting.finish() {
                Ok(program) => {
                    if self.start_takes.is_zero() {
                        self.start_takes = spawned.elapsed();
                    }
                    self.play(doom, delivered, program)
                }
                Err(said) => {
                    assert!(doom.disk.is_some() && said.code == Some(1), "it does not start: {said:?}");
                    said
                }
            }
        };
        self.clients.announce(None);
        self.interposer.heal();
        assert!(
            doom.disk.is_some() || !said.stderr.contains(" ERROR "),
            "a kill is no damage: {}",
            said.stderr
        );
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        if said.code.is_none() {
            self.kills += 1;
            for state in states(&self.scene.data(), said.stdout.contains("admin"), &self.scene.bucket) {
                *self.states.entry(state).or_default() += 1;
            }
        }
        self.spoil(doom.catalog);
    }

    /// Has the faults of a life begin.
    fn prepare(&mut self, doom: &Doom) {
        self.lives += 1;
        let faults = self.lives.is_multiple_of(2).then_some(&mut self.random);
        self.scene.bucket.play_faults(faults);
        if doom.is_store_away {
            self.scene.bucket.go_away();
        }
        if let Some(fault) = doom.disk {
            self.interposer.rule(fault.pattern, fault.times, fault.action);
        }
    }

    /// A life from the time at which it has started.
    fn play(&self, doom: &Doom, delivered: usize, program: Program) -> Said {
        self.clients.announce(Some(self.scene.life(&program)));
        // A disk that fails may have it take nothing in, and a store that is away nothing come.
        let may_fail = doom.disk.is_some() || doom.is_store_away;
        let patience = if may_fail { Duration::from_secs(2) } else { AT_LAST };
        let has_happened = self.wait_for(doom.event, delivered, patience);
        assert!(has_happened || may_fail, "{:?} does not come: {}", doom.event, program.stderr());
        self.interposer.set_clock(doom.clock);
        std::thread::sleep(Duration::from_micros(doom.after));
        if let Some(stop) = doom.stop {
            program.pause();
            std::thread::sleep(stop);
            program.resume();
        }
        end(program, doom.end)
    }

    /// Has the program acknowledge an export of 8 MB, and kills it.
    fn take_in_a_huge_one(&self) {
        self.scene.bucket.play_faults(None);
        let program = self.scene.start();
        let life = self.scene.life(&program);
        self.scene.runtime().block_on(clients::send_huge(&self.scene.ledger, life, 1));
        program.kill();
    }

    fn wait_for(&self, event: Event, delivered: usize, patience: Duration) -> bool {
        let (data, began) = (self.scene.data(), Instant::now());
        let happened = |event: &dyn Fn() -> bool| {
            while !event() {
                if began.elapsed() > patience {
                    return false;
                }
                std::thread::sleep(LOOK_EVERY);
            }
            true
        };
        match event {
            Event::Spawned => true,
            Event::Acknowledgements(count) => {
                self.scene.ledger.wait_for(self.scene.ledger.acknowledgements() + count, patience)
            }
            Event::Packing => happened(&|| is_packing(&data)),
            Event::Delivered => happened(&|| self.scene.bucket.count() > delivered),
        }
    }

    /// Does to the catalog what nobody should.
    fn spoil(&mut self, catalog: Catalog) {
        let folder = self.scene.data().join("catalog");
        match catalog {
            Catalog::Kept => {}
            // There is none if the first process was killed before it made one.
            Catalog::Deleted => drop(std::fs::remove_dir_all(&folder)),
            Catalog::Garbage => {
                for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                    let path = entry.unwrap().path();
                    if path.is_file() {
                        let garbage: Vec<u8> =
                            (0..512).flat_map(|_| self.random.next().to_le_bytes()).collect();
                        std::fs::write(path, garbage).unwrap();
                    }
                }
            }
        }
    }
}

/// Ends a process.
fn end(program: Program, end: End) -> Said {
    let End::Terminate { patience } = end else { return program.kill() };
    program.ask_to_end();
    std::thread::sleep(patience);
    // To a process that has ended and was not waited for, the signal does nothing.
    program.kill()
}
