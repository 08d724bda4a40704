//! How far draining has come.

use crate::upload;

use super::pipeline::Pipeline;

/// What is left to deliver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draining {
    /// Items that are left, each counted once for every output that it has to go to.
    pub items: u64,
    /// Segments that are not packed.
    pub segments: u64,
    /// Objects that are not delivered.
    pub objects: u64,
    /// Why nothing is delivered at the moment, in the store's words.
    pub trouble: Option<String>,
}

impl Draining {
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let (log, outputs) = (pipeline.log.snapshot(), pipeline.deliveries.status());
        let delivery = upload::Status::of_all(&outputs);
        let in_log: u64 = log.items.iter().sum();
        Self {
            items: in_log * outputs.len() as u64 + delivery.queued_items.iter().sum::<u64>(),
            segments: log.segments as u64,
            objects: delivery.queued_objects,
            trouble: delivery.failing.map(|failing| failing.error),
        }
    }
}
