//! The lines that wait to be exported: as many as fit into a fixed piece of memory, of which the oldest go first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::metrics;
use crate::telemetry::logs::Event;

/// Memory for what waits, in bytes. It is also the most that is exported at once, and small enough for any receiver.
pub(super) const BYTES: usize = 1 << 20;

/// Lines that wait to be exported. Adding one never waits.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    bytes: usize,
    /// Nobody takes what waits any more.
    is_closed: bool,
    dropped: u64,
}

impl Queue {
    /// Adds a line; the oldest ones go if there is no room.
    pub(in crate::telemetry) fn add(&self, event: Event) {
        let mut waiting = self.waiting();
        if !waiting.is_closed {
            waiting.bytes += event.bytes();
            waiting.events.push_back(event);
            waiting.make_room();
        }
    }

    /// Takes all that waits, oldest first.
    pub(super) fn take(&self) -> Vec<Event> {
        let mut waiting = self.waiting();
        waiting.bytes = 0;
        waiting.events.drain(..).collect()
    }

    /// Puts back what was taken and is to be taken again, before what came since.
    pub(super) fn put_back(&self, events: Vec<Event>) {
        let mut waiting = self.waiting();
        for event in events.into_iter().rev() {
            waiting.bytes += event.bytes();
            waiting.events.push_front(event);
        }
        waiting.make_room();
    }

    /// So many lines were not taken by the receiver, and will not be offered again.
    pub(super) fn lose(&self, lines: usize) {
        self.waiting().count_dropped(lines);
    }

    /// How many were dropped since this was asked.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.waiting().dropped)
    }

    /// Drops what waits, and whatever comes.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting();
        let left = waiting.events.len();
        waiting.count_dropped(left);
        waiting.events = VecDeque::new();
        waiting.is_closed = true;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn make_room(&mut self) {
        let mut dropped = 0;
        while self.bytes > BYTES
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= oldest.bytes();
            dropped += 1;
        }
        self.count_dropped(dropped);
    }

    fn count_dropped(&mut self, lines: usize) {
        self.dropped += lines as u64;
        metrics::telemetry::export_dropped(lines as u64);
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn numbered(number: usize) -> Event {
        Event::test(Level::INFO, &format!("{number:0>4000}"))
    }

    fn numbers(events: &[Event]) -> Vec<usize> {
        events.iter().map(|event| event.message.parse().unwrap()).collect()
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_goes_first_and_is_counted() {
        let queue = Queue::default();
        for number in 0..1000 {
            queue.add(numbered(number));
        }
        let bytes: usize = queue.waiting().events.iter().map(Event::bytes).sum();
        assert!((BYTES - 8_000..=BYTES).contains(&bytes) && bytes == queue.waiting().bytes, "{bytes}");
        let taken = queue.take();
        let dropped = queue.take_dropped();
        assert_eq!((taken.len() as u64 + dropped, queue.take_dropped()), (1000, 0));
        assert_eq!(numbers(&taken).last(), Some(&999));

        // What came meanwhile is newer.
        queue.add(numbered(1000));
        queue.put_back(taken);
        let again = queue.take();
        assert_eq!(numbers(&again).last(), Some(&1000));
        assert!(numbers(&again).is_sorted());
        assert_eq!(queue.take_dropped(), 1);
    }

    #[test]
    fn nothing_waits_for_an_exporter_that_has_ended() {
        let queue = Queue::default();
        queue.add(numbered(1));
        queue.close();
        queue.add(numbered(2));
        assert_eq!((queue.take(), queue.take_dropped()), (Vec::new(), 1));
    }
}
