//! When the program is killed, and what happens to its catalog then: decided by a seed before anything runs.

use std::time::Duration;

use crate::faults::interposer::{Action, Error, Times};
use crate::world::random::Random;

/// What the moment of a kill is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The start of the process, which has not said yet that it has started.
    Spawned,
    /// So many acknowledgements in this life.
    Acknowledgements(u64),
    /// An object is being packed: it lies in the spool, without a manifest.
    Packing,
    /// An object has come to the bucket.
    Delivered,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By SIGKILL.
    Kill,
    /// By SIGTERM, and SIGKILL so long after it, if it has not ended by then.
    Terminate { patience: Duration },
}

/// What happens to the catalog between two lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Catalog {
    Kept,
    Deleted,
    /// Its files are written over.
    Garbage,
}

/// What a run has beside kills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Nothing that is the machine's.
    Kills,
    /// Catalogs that are spoilt.
    Catalogs,
    /// Everything at once: catalogs, the disk, the clock, stops, and stores that are away.
    Everything,
}

/// One fault of the disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiskFault {
    pub(crate) pattern: &'static str,
    pub(crate) times: Times,
    pub(crate) action: Action,
}

/// The disk's faults that a run chooses from: where, and what; each meets one operation of many.
const DISK: [(&str, Action); 14] = [
    ("log/*/fdatasync/before", Action::Lose(Error::InputOutput)),
    ("log/#.segment/fdatasync/before", Action::Fail(Error::InputOutput)),
    ("log/#.segment/write/before", Action::Tear(Error::NoSpace)),
    ("log/*/rename/before", Action::Fail(Error::InputOutput)),
    ("log/spare-#.segment.new/*/before", Action::Fail(Error::NoSpace)),
    ("log/fsync/before", Action::Fail(Error::InputOutput)),
    ("spool/*/write/before", Action::Tear(Error::NoSpace)),
    ("spool/*/fdatasync/before", Action::Lose(Error::InputOutput)),
    ("spool/#-main.manifest/rename/before", Action::Fail(Error::InputOutput)),
    ("spool/*/remove/before", Action::Fail(Error::InputOutput)),
    ("spool/*/read/before", Action::Fail(Error::InputOutput)),
    ("spool/fsync/before", Action::Fail(Error::InputOutput)),
    ("catalog/*/write/before", Action::Fail(Error::NoSpace)),
    ("*/fdatasync/before", Action::Delay(Duration::from_millis(100))),
];

/// One life: until when, and what then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
    pub(crate) event: Event,
    /// How long after the event; for [`Event::Spawned`] in thousandths of the time that the first start took.
    pub(crate) after: u64,
    pub(crate) end: End,
    pub(crate) catalog: Catalog,
    pub(crate) disk: Option<DiskFault>,
    /// The seconds by which the clock is wrong from half-way on.
    pub(crate) clock: i64,
    /// How long it is stopped before its end.
    pub(crate) stop: Option<Duration>,
    /// Whether the store is away the whole time.
    pub(crate) is_store_away: bool,
}

/// The lives of a run.
pub(crate) fn lives(seed: u64, kills: usize, mix: Mix) -> Vec<Doom> {
    let mut random = Random::new(seed);
    // Every kind comes up, in an order that the seed decides.
    (0..kills)
        .map(|number| {
            let (event, after) = match number % 5 {
                0 | 3 => (Event::Acknowledgements(random.within(1, 120)), random.within(0, 20_000)),
                1 => (Event::Packing, random.within(0, 40_000)),
                2 => (Event::Delivered, random.within(0, 5_000)),
                _ => (Event::Spawned, random.within(50, 1_200)),
            };
            let is_terminated = number % 8 == 6;
            let patience = Duration::from_micros(random.within(0, 1_000_000));
            let end = if is_terminated { End::Terminate { patience } } else { End::Kill };
            let spoilt = [Catalog::Kept, Catalog::Deleted, Catalog::Garbage];
            let catalog = if mix == Mix::Kills { Catalog::Kept } else { random.one_of(&spoilt) };
            let doom =
                Doom { event, after, end, catalog, disk: None, clock: 0, stop: None, is_store_away: false };
            if mix == Mix::Everything { mixed(doom, &mut random) } else { doom }
        })
        .collect()
}

/// A life with some of everything.
fn mixed(doom: Doom, random: &mut Random) -> Doom {
    let (pattern, action) = random.one_of(&DISK);
    let nth = random.within(1, 12);
    let times = if matches!(action, Action::Delay(_)) { Times::ALWAYS } else { Times::once(nth) };
    let disk = DiskFault { pattern, times, action };
    Doom {
        disk: (random.within(0, 2) == 0).then_some(disk),
        clock: random.one_of(&[0, 0, 0, -3600, 86_400, -86_400]),
        stop: (random.within(0, 8) == 0).then_some(Duration::from_millis(random.within(1, 300))),
        is_store_away: random.within(0, 6) == 0,
        ..doom
    }
}
