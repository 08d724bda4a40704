//! The sealed segments that wait to be packed, and the sums that `status` shows.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::disk::Use;
use crate::otlp::Signal;

use super::appender::Sealed;
use super::damage::Lost;
use super::format::Footer;
use super::numbers::Ends;
use super::sealed::SealedSegment;
use super::segment_id::SegmentId;

/// Sealed segments, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    segments: VecDeque<Waiting>,
    active: Option<Footer>,
    lost: Lost,
    is_blocked: bool,
    is_stopped: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Waiting {
    segment: SealedSegment,
    used: Use,
    /// It is being packed.
    is_taken: bool,
    /// Packing it failed; it is tried again from then on.
    rests_until: Option<Instant>,
    /// What cannot be read of it is counted.
    is_loss_told: bool,
}

impl Waiting {
    /// Whether it may be packed now.
    fn is_due(&self) -> bool {
        !self.is_taken && self.rests_until.is_none_or(|until| until <= Instant::now())
    }
}

/// What lies in the log, not yet packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Sealed segments, and the active one if it has records.
    pub segments: usize,
    /// Records in them.
    pub records: u64,
    /// Log records, data points, spans and profiles in them, by [`Signal::index`].
    pub items: [u64; Signal::COUNT],
    /// Bytes of their records' bodies.
    pub payload_bytes: u64,
    /// When the oldest record was received, in nanoseconds since 1970.
    pub oldest_received_at: Option<u64>,
    /// What was found damaged since the log was opened.
    pub lost: Lost,
    /// Exports are held or refused for lack of room.
    pub is_blocked: bool,
    /// A second failure of the disk has stopped intake.
    pub is_stopped: bool,
}

impl Backlog {
    /// Adds a segment, which is the active one no more.
    pub(super) fn add(&self, sealed: Sealed) {
        let Sealed { segment, used } = sealed;
        let mut state = self.lock();
        state.active = None;
        state.segments.push_back(Waiting {
            segment,
            used,
            is_taken: false,
            rests_until: None,
            is_loss_told: false,
        });
        drop(state);
        self.changed.notify_all();
    }

    /// The oldest segment that nobody packs yet and that does not rest; waits for it `patience` at most.
    pub(super) fn next(&self, patience: Duration) -> Option<SealedSegment> {
        let is_idle = |state: &mut State| !state.is_closed && !state.segments.iter().any(Waiting::is_due);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), patience, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        let waiting = state.segments.iter_mut().find(|waiting| waiting.is_due())?;
        waiting.is_taken = true;
        Some(waiting.segment.clone())
    }

    /// The numbers of all that is there.
    pub(super) fn ids(&self) -> Vec<SegmentId> {
        self.lock().segments.iter().map(|waiting| waiting.segment.id()).collect()
    }

    /// The packing options of all that is there, each text once.
    pub(super) fn packings(&self) -> BTreeSet<String> {
        self.lock().segments.iter().map(|waiting| waiting.segment.packing().to_owned()).collect()
    }

    /// Where the segments end whose disk failed before they had a footer.
    pub(super) fn ends(&self) -> Ends {
        let state = self.lock();
        let failed =
            state.segments.iter().map(|waiting| &waiting.segment).filter(|segment| !segment.is_reusable);
        failed.map(|segment| (segment.id(), segment.footer.next_seq)).collect()
    }

    /// Puts a segment back that was not packed. It is not handed out for packing before it has had `rest`.
    pub(super) fn put_back(&self, id: SegmentId, rest: Duration) {
        for waiting in self.lock().segments.iter_mut().filter(|waiting| waiting.segment.id() == id) {
            waiting.is_taken = false;
            waiting.rests_until = Some(Instant::now() + rest);
        }
        self.changed.notify_all();
    }

    /// Forgets a segment; its share of the budget is free once the [`Use`] is dropped.
    pub(super) fn forget(&self, id: SegmentId) -> Option<Use> {
        let mut state = self.lock();
        let place = state.segments.iter().position(|waiting| waiting.segment.id() == id)?;
        state.segments.remove(place).map(|waiting| waiting.used)
    }

    /// Takes the oldest segment that nobody packs yet.
    pub(super) fn take_oldest(&self) -> Option<SealedSegment> {
        let mut state = self.lock();
        let waiting = state.segments.iter_mut().find(|waiting| !waiting.is_taken)?;
        waiting.is_taken = true;
        Some(waiting.segment.clone())
    }

    /// Tells those who wait that no segment comes any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Says what the active segment holds.
    pub(super) fn set_active(&self, sum: Option<Footer>) {
        self.lock().active = sum;
    }

    /// Whether the loss of a segment's records is counted already.
    pub(super) fn is_loss_told(&self, id: SegmentId) -> bool {
        self.lock().segments.iter().any(|waiting| waiting.segment.id() == id && waiting.is_loss_told)
    }

    /// Counts the loss of a segment's records.
    pub(super) fn tell_loss(&self, id: SegmentId, lost: Lost) {
        let mut state = self.lock();
        state.lost.add(lost);
        for waiting in state.segments.iter_mut().filter(|waiting| waiting.segment.id() == id) {
            waiting.is_loss_told = true;
        }
    }

    /// Counts what was found damaged.
    pub(super) fn count_lost(&self, lost: Lost) {
        self.lock().lost.add(lost);
    }

    pub(super) fn set_blocked(&self, is_blocked: bool) {
        self.lock().is_blocked = is_blocked;
        crate::metrics::log::blocked(is_blocked);
    }

    pub(super) fn set_stopped(&self) {
        self.lock().is_stopped = true;
        crate::metrics::log::stopped(true);
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.lock().is_blocked
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let sealed = state.segments.iter().map(|waiting| waiting.segment.footer);
        let mut snapshot = Snapshot {
            lost: state.lost,
            is_blocked: state.is_blocked,
            is_stopped: state.is_stopped,
            ..Snapshot::default()
        };
        // A segment whose first group failed, and whose file could not be removed, holds nothing.
        for sum in sealed.chain(state.active).filter(|sum| sum.records > 0) {
            snapshot.segments += 1;
            snapshot.records += sum.records;
            snapshot.payload_bytes += sum.payload_bytes;
            for signal in Signal::ALL {
                snapshot.items[signal.index()] += sum.items[signal.index()];
            }
            let first = Some(sum.first_received_at);
            snapshot.oldest_received_at =
                snapshot.oldest_received_at.map_or(first, |oldest| first.map(|at| at.min(oldest)));
        }
        snapshot
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
