//! When the program is killed, and what happens to its catalog then: decided by a seed before anything runs.

use std::time::Duration;

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

/// One life: until when, and what then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
    pub(crate) event: Event,
    /// How long after the event; for [`Event::Spawned`] in thousandths of the time that the first start took.
    pub(crate) after: u64,
    pub(crate) end: End,
    pub(crate) catalog: Catalog,
}

/// The lives of a run.
pub(crate) fn lives(seed: u64, kills: usize, is_catalog_spoilt: bool) -> Vec<Doom> {
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
            let catalog = if is_catalog_spoilt { random.one_of(&spoilt) } else { Catalog::Kept };
            Doom { event, after, end, catalog }
        })
        .collect()
}
