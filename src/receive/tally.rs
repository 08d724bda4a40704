//! What came in since the start, counted for the person who looks. `/metrics` has its own counters.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::acknowledgement::Acknowledgement;
use super::fault::Fault;
use crate::otlp::Signal;

/// Tenants that are told apart. A client may make names up, and they must not fill the memory.
const TENANTS_MAX: usize = 4096;

/// What came in since the start. Counting takes no lock but for requests that name a tenant.
#[derive(Debug, Default)]
pub struct Tally {
    acknowledged: AtomicU64,
    refused: AtomicU64,
    rejected: AtomicU64,
    all: Counters,
    tenants: Mutex<Tenants>,
}

/// What was stored, of everybody.
#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    items: [AtomicU64; Signal::COUNT],
    bytes: AtomicU64,
    /// When the last request without a tenant was stored.
    nameless_last_at: AtomicU64,
}

/// What was stored, by those who have a name.
#[derive(Debug, Default)]
struct Tenants {
    known: HashMap<Arc<str>, Stored>,
    /// All of them together, those that are not known as well.
    together: Stored,
    has_unknown: bool,
}

/// What was stored of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Requests.
    pub requests: u64,
    /// Log records, data points, spans and profiles, by [`Signal::index`].
    pub items: [u64; Signal::COUNT],
    /// Their protobuf, uncompressed.
    pub bytes: u64,
    /// When the last request was stored, in nanoseconds since 1970; 0 if none was.
    pub last_at: u64,
}

/// A look at the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallied {
    /// Requests that were answered OK, those without items and those that were there already as well.
    pub acknowledged: u64,
    /// Requests whose clients were told to come back.
    pub refused: u64,
    /// Requests that will never be taken as they are.
    pub rejected: u64,
    /// What was stored.
    pub stored: Stored,
    /// Those who sent most bytes, first; the one without a name is all who name none, and not there alone.
    pub tenants: Vec<(Arc<str>, Stored)>,
    /// Tenants that are not among these, at least.
    pub tenants_left_out: u64,
}

impl Tally {
    /// A request has its answer.
    pub(super) fn answered(&self, result: &Result<Acknowledgement, Fault>) {
        let counter = match result {
            Ok(_) => &self.acknowledged,
            Err(fault) if fault.retry_after().is_some() => &self.refused,
            Err(_) => &self.rejected,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A request of a tenant was stored.
    pub(super) fn stored(&self, tenant: &Arc<str>, signal: Signal, items: u32, bytes: usize) {
        let (items, bytes, now) = (u64::from(items), bytes as u64, unix_now());
        self.all.requests.fetch_add(1, Ordering::Relaxed);
        self.all.items[signal.index()].fetch_add(items, Ordering::Relaxed);
        self.all.bytes.fetch_add(bytes, Ordering::Relaxed);
        if tenant.is_empty() {
            self.all.nameless_last_at.store(now, Ordering::Relaxed);
            return;
        }
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let Tenants { known, together, has_unknown } = &mut *tenants;
        together.add(signal, items, bytes, now);
        // Looked up first, so that the name of a tenant that is known is not counted up and down.
        if let Some(stored) = known.get_mut(tenant) {
            stored.add(signal, items, bytes, now);
        } else if known.len() < TENANTS_MAX {
            known.entry(Arc::clone(tenant)).or_default().add(signal, items, bytes, now);
        } else {
            *has_unknown = true;
        }
    }

    /// Items and bytes that were stored.
    pub fn items_and_bytes(&self) -> (u64, u64) {
        let items = self.all.items.iter().map(|items| items.load(Ordering::Relaxed)).sum();
        (items, self.all.bytes.load(Ordering::Relaxed))
    }

    /// Requests whose clients were told to come back.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The counts, with so many tenants at most.
    pub fn look(&self, most: usize) -> Tallied {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // All are counted before the one with the name, so that the rest is never less than nothing.
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stored = Stored {
            requests: load(&self.all.requests),
            items: std::array::from_fn(|signal| load(&self.all.items[signal])),
            bytes: load(&self.all.bytes),
            last_at: load(&self.all.nameless_last_at),
        };
        let nameless = stored.without(&tenants.together);
        stored.last_at = stored.last_at.max(tenants.together.last_at);
        let mut listed: Vec<_> =
            tenants.known.iter().map(|(name, stored)| (Arc::clone(name), *stored)).collect();
        let unknown = u64::from(tenants.has_unknown);
        drop(tenants);
        if !listed.is_empty() && nameless.requests > 0 {
            listed.push(("".into(), nameless));
        }
        listed.sort_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then_with(|| a.0.cmp(&b.0)));
        let left_out = listed.len().saturating_sub(most) as u64 + unknown;
        listed.truncate(most);
        Tallied {
            acknowledged: load(&self.acknowledged),
            refused: load(&self.refused),
            rejected: load(&self.rejected),
            stored,
            tenants: listed,
            tenants_left_out: left_out,
        }
    }
}

impl Stored {
    fn add(&mut self, signal: Signal, items: u64, bytes: u64, now: u64) {
        self.requests += 1;
        self.items[signal.index()] += items;
        self.bytes += bytes;
        self.last_at = self.last_at.max(now);
    }

    /// The rest, without `some`.
    fn without(&self, some: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(some.requests),
            items: std::array::from_fn(|signal| self.items[signal].saturating_sub(some.items[signal])),
            bytes: self.bytes.saturating_sub(some.bytes),
            last_at: self.last_at,
        }
    }
}

/// Nanoseconds since 1970.
fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(look: &Tallied) -> Vec<(&str, u64)> {
        look.tenants.iter().map(|(name, stored)| (&**name, stored.bytes)).collect()
    }

    #[test]
    fn tenants_are_told_apart_by_bytes_and_the_nameless_one_only_beside_others() {
        let tally = Tally::default();
        let (a, b, nameless) = ("a".into(), "b".into(), "".into());
        tally.stored(&nameless, Signal::Logs, 3, 20);
        assert_eq!(tally.look(50).tenants, [], "it is all there is");
        tally.stored(&a, Signal::Traces, 1, 10);
        tally.stored(&b, Signal::Logs, 2, 25);
        tally.stored(&b, Signal::Logs, 2, 25);
        let look = tally.look(50);
        assert_eq!(names(&look), [("b", 50), ("", 20), ("a", 10)]);
        assert_eq!((look.stored.requests, look.stored.items, look.stored.bytes), (4, [7, 0, 1, 0], 80));
        assert_eq!((look.tenants[0].1.requests, look.tenants[0].1.items), (2, [4, 0, 0, 0]));
        assert_eq!((look.tenants[1].1.requests, look.tenants[1].1.items), (1, [3, 0, 0, 0]));
        assert!(look.tenants.iter().all(|(_, stored)| stored.last_at > 0));
        let look = tally.look(2);
        assert_eq!((names(&look), look.tenants_left_out), (vec![("b", 50), ("", 20)], 1));
        assert_eq!(tally.items_and_bytes(), (8, 80));
    }

    #[test]
    fn names_that_are_made_up_do_not_fill_the_memory() {
        let tally = Tally::default();
        for number in 0..TENANTS_MAX + 10 {
            tally.stored(&format!("tenant-{number}").into(), Signal::Logs, 1, 1);
        }
        let look = tally.look(50);
        assert_eq!((look.tenants.len(), look.tenants_left_out), (50, TENANTS_MAX as u64 - 50 + 1));
        assert_eq!(look.stored.bytes, TENANTS_MAX as u64 + 10, "but everything is counted");
    }

    #[test]
    fn who_may_come_back_is_refused_and_who_need_not_is_rejected() {
        let tally = Tally::default();
        tally.answered(&Err(super::super::Refusal::DiskFull.into()));
        tally.answered(&Err(Fault::Undecodable("it is no protobuf".to_owned())));
        tally.answered(&Err(Fault::ForeignTenant));
        tally.answered(&Ok(Acknowledgement::of::<Nowhere>((), None)));
        let look = tally.look(1);
        assert_eq!((look.acknowledged, look.refused, look.rejected), (1, 1, 2));
    }

    /// Somewhere exports are stored.
    #[derive(Clone)]
    struct Nowhere;

    impl super::super::Intake for Nowhere {
        type Durable = ();

        async fn store(
            &self,
            _: super::super::Export,
            _: tokio::time::Instant,
        ) -> Result<(), super::super::Refusal> {
            Ok(())
        }
    }
}
