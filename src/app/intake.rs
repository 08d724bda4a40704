//! Between `receive`, which does not know the log, and the log, which does not know answers.

use tokio::time::Instant;

use crate::log::{AppendError, Durable, Log};
use crate::receive::{Export, Intake, Refusal};

/// Stores exports in the log.
#[derive(Clone, Debug)]
pub(super) struct LogIntake(pub(super) Log);

impl Intake for LogIntake {
    type Durable = Durable;

    async fn store(&self, export: Export, patience_ends: Instant) -> Result<Durable, Refusal> {
        self.0.append(export, patience_ends.into_std()).await.map_err(|error| match error {
            AppendError::NoRoom => Refusal::DiskFull,
            AppendError::Overloaded => Refusal::Overloaded,
            AppendError::Failing => Refusal::DiskFailing,
            AppendError::Closed => Refusal::ShuttingDown,
        })
    }

    fn is_resend(durable: &Durable) -> bool {
        durable.is_resend()
    }
}
