//! Between `receive`, which does not know the log, and the log, which does not know answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::forecast::Forecast;
use crate::disk::Budget;
use crate::log::{AppendError, Durable, Log};
use crate::receive::{Export, Intake, Refusal};

/// Stores exports in the log.
#[derive(Clone, Debug)]
pub(super) struct LogIntake {
    pub(super) log: Log,
    pub(super) budget: Arc<Budget>,
    pub(super) forecast: Arc<Forecast>,
    pub(super) segment_bytes: u64,
    /// The id of the data folder.
    pub(super) instance: Arc<str>,
}

impl Intake for LogIntake {
    type Durable = Durable;

    async fn store(&self, export: Export, patience_ends: Instant) -> Result<Durable, Refusal> {
        self.log.append(export, patience_ends.into_std()).await.map_err(|error| match error {
            AppendError::NoRoom => Refusal::DiskFull,
            AppendError::Overloaded => Refusal::Overloaded,
            AppendError::Failing => Refusal::DiskFailing,
            AppendError::Closed => Refusal::ShuttingDown,
        })
    }

    fn is_resend(durable: &Durable) -> bool {
        durable.is_resend()
    }

    fn instance(&self) -> Option<&str> {
        Some(&self.instance)
    }

    fn room_in(&self) -> Option<Duration> {
        // Intake begins a segment only if as much again is left for packing.
        let wanted = self.segment_bytes.saturating_mul(2);
        self.forecast.room_in(&self.budget, wanted, std::time::Instant::now())
    }
}
