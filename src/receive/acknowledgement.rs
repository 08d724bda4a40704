//! The promise of this stage, as a type.

use super::Intake;
use super::open::Nothing;

/// Leave to answer OK. It is made from the proof that the export is on disk, or that there was nothing to store, and
/// from nothing else; every OK is made from one.
#[derive(Debug)]
#[must_use = "the client waits for its answer"]
pub(super) struct Acknowledgement(());

impl Acknowledgement {
    /// For an export that is on disk.
    pub(super) fn of<I: Intake>(durable: I::Durable) -> Self {
        drop(durable);
        Self(())
    }

    /// For a request that had no items.
    pub(super) fn of_nothing(_: &Nothing) -> Self {
        Self(())
    }
}
