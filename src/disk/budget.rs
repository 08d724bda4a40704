//! How much disk forebay may use, shared by everything that uses it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The disk budget: a limit, and the bytes that are used of it.
///
/// Only intake is bound by it ([`Budget::room_for`]): packing and delivering make room in the end, so they may go over
/// it for a while, and intake keeps a headroom for them.
#[derive(Debug)]
pub struct Budget {
    limit: AtomicU64,
    used: AtomicU64,
    /// All bytes that were ever given back.
    freed_bytes: AtomicU64,
    /// Counts the times that bytes were given back, or the limit was changed.
    freed: Mutex<u64>,
    was_freed: Condvar,
}

impl Budget {
    /// A budget of `limit` bytes, of which none are used.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
            freed_bytes: AtomicU64::new(0),
            freed: Mutex::new(0),
            was_freed: Condvar::new(),
        })
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Acquire)
    }

    /// Makes it another limit. What is used stays used, also if that is over it.
    pub fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Release);
        // There may be room now.
        self.wake();
    }

    /// The bytes used; may be over the limit.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// All bytes that were given back since the start. It only grows: its rate is that at which room is made.
    pub fn freed_bytes(&self) -> u64 {
        self.freed_bytes.load(Ordering::Acquire)
    }

    /// Whether `bytes` more would stay within the limit.
    pub fn room_for(&self, bytes: u64) -> bool {
        self.used().saturating_add(bytes) <= self.limit()
    }

    /// Counts `bytes` as used until the [`Use`] is dropped.
    pub fn take(self: &Arc<Self>, bytes: u64) -> Use {
        self.used.fetch_add(bytes, Ordering::AcqRel);
        Use { budget: Arc::clone(self), bytes }
    }

    /// Waits until bytes are given back, `patience` at most. Returns at once if they were since `seen`, which it
    /// brings up to date.
    pub fn wait_for_room(&self, seen: &mut u64, patience: Duration) {
        let freed = self.freed.lock().unwrap_or_else(PoisonError::into_inner);
        let (freed, _) = self
            .was_freed
            .wait_timeout_while(freed, patience, |freed| *freed == *seen)
            .unwrap_or_else(PoisonError::into_inner);
        *seen = *freed;
    }

    fn wake(&self) {
        *self.freed.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.was_freed.notify_all();
    }
}

/// Bytes of the disk budget in use; gives them back when it is dropped.
#[derive(Debug)]
pub struct Use {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Use {
    /// The bytes in use.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts `bytes` more under the same use.
    pub fn grow(&mut self, bytes: u64) {
        self.budget.used.fetch_add(bytes, Ordering::AcqRel);
        self.bytes += bytes;
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
        self.budget.freed_bytes.fetch_add(self.bytes, Ordering::AcqRel);
        self.budget.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_gives_its_bytes_back_when_it_is_dropped() {
        let budget = Budget::new(100);
        let mut used = budget.take(60);
        used.grow(20);
        assert!(budget.room_for(20) && !budget.room_for(21));
        drop(used);
        assert_eq!((budget.used(), budget.freed_bytes()), (0, 80));
        let mut seen = 0;
        budget.wait_for_room(&mut seen, Duration::from_mins(1));
        assert_eq!(seen, 1, "the wait ended because bytes were freed before it");
    }

    #[test]
    fn another_limit_holds_at_once_and_wakes_who_waits_for_room() {
        let budget = Budget::new(100);
        let _used = budget.take(80);
        budget.set_limit(50);
        assert!(!budget.room_for(0) && budget.used() == 80);
        budget.set_limit(200);
        assert!(budget.room_for(120) && budget.limit() == 200);
        let mut seen = 1;
        budget.wait_for_room(&mut seen, Duration::from_mins(1));
        assert_eq!(seen, 2, "the wait ended because of the change before it");
    }
}
