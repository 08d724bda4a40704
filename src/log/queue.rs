//! What waits for the writer thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::receive::Export;

use super::Durable;
use super::error::AppendError;
use super::resends::RequestHash;
use super::segment_id::SegmentId;

/// An export that waits to become durable.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) export: Export,
    /// What it is recognised by if it comes again.
    pub(super) hash: Option<RequestHash>,
    /// Until when it may wait for room.
    pub(super) patience_ends: Instant,
    pub(super) reply: oneshot::Sender<Result<Durable, AppendError>>,
    /// Its place among the exports that may wait.
    pub(super) _place: OwnedSemaphorePermit,
}

/// Who wants to know the last segment sealed.
pub(super) type SealReply = oneshot::Sender<Option<SegmentId>>;

/// The queue of the writer thread. It never holds more than there are places.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pending: Vec<Pending>,
    seals: Vec<SealReply>,
    change: Option<Change>,
    is_closed: bool,
    /// Something else than an export may be worth a look.
    is_poked: bool,
}

/// Settings by which the writer goes from now on.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) seal_after: Duration,
    /// The JSON text of the packing options.
    pub(super) packing: String,
}

/// What the writer found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) pending: Vec<Pending>,
    pub(super) seals: Vec<SealReply>,
    pub(super) change: Option<Change>,
    pub(super) is_closed: bool,
}

impl Queue {
    /// Adds an export.
    pub(super) fn push(&self, pending: Pending) -> Result<(), AppendError> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(AppendError::Closed);
        }
        state.pending.push(pending);
        self.changed.notify_one();
        Ok(())
    }

    /// Asks for the active segment to be sealed. When the log is closed, the answer never comes.
    pub(super) fn ask_for_seal(&self, reply: SealReply) {
        let mut state = self.lock();
        if !state.is_closed {
            state.seals.push(reply);
            self.changed.notify_one();
        }
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Has the writer go by other settings.
    pub(super) fn change(&self, change: Change) {
        self.lock().change = Some(change);
        self.poke();
    }

    /// Wakes the writer, for there may be room now.
    pub(super) fn poke(&self) {
        self.lock().is_poked = true;
        self.changed.notify_one();
    }

    /// Waits until there is something, or until `deadline`, and takes all of it.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Found {
        let mut state = self.lock();
        while state.pending.is_empty() && state.seals.is_empty() && !state.is_closed && !state.is_poked {
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.is_poked = false;
        Found {
            pending: std::mem::take(&mut state.pending),
            seals: std::mem::take(&mut state.seals),
            change: state.change.take(),
            is_closed: state.is_closed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
