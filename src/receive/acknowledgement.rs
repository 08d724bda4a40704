//! The promise of this stage, as a type.

use super::Intake;
use super::open::Nothing;
use super::rejected::Rejected;

/// Leave to answer OK. It is made from the proof that the export is on disk, or that there was nothing to store, and
/// from nothing else; every OK is made from one.
#[derive(Debug)]
#[must_use = "the client waits for its answer"]
pub(super) struct Acknowledgement {
    /// What the answer takes back of its OK.
    rejected: Option<Rejected>,
}

impl Acknowledgement {
    /// For an export that is on disk, which is all of the request but for what was `rejected`.
    pub(super) fn of<I: Intake>(durable: I::Durable, rejected: Option<Rejected>) -> Self {
        drop(durable);
        Self { rejected }
    }

    /// For a request that had no items.
    pub(super) fn of_nothing(_: &Nothing) -> Self {
        Self { rejected: None }
    }

    /// The items that are not stored.
    pub(super) fn rejected(&self) -> Option<&Rejected> {
        self.rejected.as_ref()
    }
}
