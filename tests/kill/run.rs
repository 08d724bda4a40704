//! One run: lives of the program, one after the other on one data folder, and what they brought into the bucket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use forebay::otlp::Signal;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::audit::audit;
use crate::bucket::Bucket;
use crate::clients::{self, Life, Listening, Load};
use crate::ledger::Ledger;
use crate::plan::{Catalog, Doom, End, Event};
use crate::random::Random;
use crate::remains::{Tally, is_packing, states};
use crate::support::program::{self, Program, Said, Starting, forebay};

/// An event that has not come by then never will.
const AT_LAST: Duration = Duration::from_mins(2);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_micros(300);

/// Segments so small, and sealed so soon, that every stage has work all the time.
const SETTINGS: [(&str, &str); 4] = [
    ("FOREBAY_LOG_SEGMENT_BYTES", "1MiB"),
    ("FOREBAY_LOG_SEAL_AFTER", "1s"),
    ("FOREBAY_LOG_FREE_SPACE_FLOOR", "0B"),
    ("FOREBAY_UPLOAD_FINISH_WITHIN", "0s"),
];

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Processes that were ended by SIGKILL.
    pub(crate) kills: usize,
    /// In which states.
    pub(crate) states: Tally,
    /// Exports that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Exports that were not, and are in the bucket: their answers were lost.
    pub(crate) unanswered: u64,
    /// Objects in the bucket, before and after it was drained.
    pub(crate) objects: (usize, usize),
    /// The objects, by signal.
    pub(crate) by_signal: BTreeMap<Signal, usize>,
    /// The object with the most bytes.
    pub(crate) largest_object: usize,
}

/// A data folder, its bucket, and those who send.
pub(crate) struct Run {
    folder: TempDir,
    bucket: Bucket,
    settings: Vec<(&'static str, String)>,
    ledger: Arc<Ledger>,
    lives: watch::Sender<Listening>,
    random: Random,
    /// How long a start takes.
    start_takes: Duration,
    kills: usize,
    states: Tally,
}

/// Lives through `dooms`, drains, and audits. The clients run on the runtime of the caller.
pub(crate) fn run(
    seed: u64,
    dooms: &[Doom],
    load: Load,
    folder: TempDir,
    bucket: Bucket,
) -> (Outcome, Bucket) {
    let (lives, listening) = watch::channel(None);
    let mut settings: Vec<_> = SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    settings.extend(bucket.settings());
    let mut run = Run {
        folder,
        bucket,
        settings,
        ledger: Arc::default(),
        lives,
        random: Random::new(seed),
        start_takes: Duration::ZERO,
        kills: 0,
        states: Tally::new(),
    };
    let clients = clients::spawn(&listening, &run.ledger, load, seed);
    for (number, doom) in dooms.iter().enumerate() {
        run.live(number + 1, doom);
    }
    if load.huge.is_some() {
        // By chance, all of those that the clients sent may have met a kill.
        run.take_in_a_huge_one(dooms.len() + 1);
    }
    run.finish(clients)
}

impl Run {
    /// Starts the program, ends it as `doom` says, and looks at what it left.
    fn live(&mut self, number: usize, doom: &Doom) {
        let faults = number.is_multiple_of(2).then_some(&mut self.random);
        self.bucket.play_faults(faults);
        let delivered = self.bucket.count();
        let spawned = Instant::now();
        let starting = Starting::spawn(self.folder.path(), &self.environment());
        let said = if doom.event == Event::Spawned && !self.start_takes.is_zero() {
            std::thread::sleep(
                self.start_takes.mul_f64(f64::from(u32::try_from(doom.after).unwrap()) / 1000.0),
            );
            starting.kill()
        } else {
            let program = starting.finish().unwrap_or_else(|said| panic!("it does not start: {said:?}"));
            if self.start_takes.is_zero() {
                self.start_takes = spawned.elapsed();
            }
            self.lives.send_replace(Some(Life { number, grpc: program.grpc(), http: program.http() }));
            self.wait_for(doom.event, delivered, &program);
            std::thread::sleep(Duration::from_micros(doom.after));
            end(program, doom.end)
        };
        self.lives.send_replace(None);
        assert!(!said.stderr.contains(" ERROR "), "a kill is no damage: {}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        if said.code.is_none() {
            self.kills += 1;
            for state in states(&self.data(), said.stdout.contains("admin"), &self.bucket) {
                *self.states.entry(state).or_default() += 1;
            }
        }
        self.spoil(doom.catalog);
    }

    /// Has the program acknowledge an export of 8 MB, and kills it.
    fn take_in_a_huge_one(&self, number: usize) {
        self.bucket.play_faults(None);
        let starting = Starting::spawn(self.folder.path(), &self.environment());
        let program = starting.finish().unwrap_or_else(|said| panic!("it does not start: {said:?}"));
        let life = Life { number, grpc: program.grpc(), http: program.http() };
        tokio::runtime::Handle::current().block_on(clients::send_huge(&self.ledger, life));
        program.kill();
    }

    fn wait_for(&self, event: Event, delivered: usize, program: &Program) {
        let (data, began) = (self.data(), Instant::now());
        let happened = |event: &dyn Fn() -> bool| {
            while !event() {
                if began.elapsed() > AT_LAST {
                    return false;
                }
                std::thread::sleep(LOOK_EVERY);
            }
            true
        };
        let has_happened = match event {
            Event::Spawned => true,
            Event::Acknowledgements(count) => {
                self.ledger.wait_for(self.ledger.acknowledgements() + count, AT_LAST)
            }
            Event::Packing => happened(&|| is_packing(&data)),
            Event::Delivered => happened(&|| self.bucket.count() > delivered),
        };
        assert!(has_happened, "{event:?} does not come: {}", program.stderr());
    }

    /// Does to the catalog what nobody should.
    fn spoil(&mut self, catalog: Catalog) {
        let folder = self.data().join("catalog");
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

    /// Ends the clients, drains the data folder and audits the bucket.
    fn finish(self, clients: tokio::task::JoinSet<()>) -> (Outcome, Bucket) {
        let environment: Vec<_> = self.settings.clone();
        let environment: Vec<_> = environment.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let Self { folder, bucket, ledger, lives, kills, states, .. } = self;
        drop(lives);
        tokio::runtime::Handle::current().block_on(clients.join_all());
        bucket.play_faults(None);
        let before = bucket.count();
        let drain = || forebay(folder.path(), &["drain", "--wait", "2m"], &environment);
        let drained = drain();
        assert_eq!(drained.code, Some(0), "{drained:?}");
        assert!(!drained.stderr.contains(" ERROR "), "a kill is no damage: {}", drained.stderr);
        let objects = bucket.objects();
        // Nobody may have left anything undone that one more start would repeat.
        let again = drain();
        assert_eq!(again.stdout, "delivered 0 objects; nothing is left\n", "{again:?}");
        assert_eq!(bucket.objects().keys().collect::<Vec<_>>(), objects.keys().collect::<Vec<_>>());
        assert_eq!(remaining(folder.path()), Vec::<PathBuf>::new(), "nothing is left");
        let found = audit(&ledger.exports(), &objects);
        let mut by_signal = BTreeMap::new();
        for key in objects.keys() {
            let signal = Signal::ALL.into_iter().find(|signal| key.starts_with(signal.name())).unwrap();
            *by_signal.entry(signal).or_default() += 1;
        }
        let outcome = Outcome {
            kills,
            states,
            acknowledged: ledger.acknowledgements(),
            unanswered: found - ledger.acknowledgements(),
            objects: (before, objects.len()),
            by_signal,
            largest_object: objects.values().map(Vec::len).max().unwrap_or(0),
        };
        println!(
            "{} kills met {:?}; {} exports acknowledged, {} in the bucket whose answer was lost, {} refused",
            outcome.kills,
            outcome.states,
            outcome.acknowledged,
            outcome.unanswered,
            ledger.refusals()
        );
        (outcome, bucket)
    }

    fn data(&self) -> PathBuf {
        program::data(self.folder.path())
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(key, value)| (*key, value.as_str())).collect()
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

/// The files in spool and in `damaged`, which a data folder in order has none of.
fn remaining(folder: &Path) -> Vec<PathBuf> {
    let data = program::data(folder);
    let files = |name: &str| std::fs::read_dir(data.join(name)).into_iter().flatten();
    files("spool").chain(files("damaged")).map(|entry| entry.unwrap().path()).collect()
}
