//! What the admin server is about, as it sees it.

use std::future::Future;
use std::time::Duration;

use super::{FlushReport, History, Settings, Status};

/// The process that the admin server speaks for.
pub trait Subject: Send + Sync + 'static {
    /// Whether telemetry is being taken in.
    ///
    /// # Errors
    /// Why not, in a sentence for the person who asks.
    fn ready(&self) -> Result<(), String>;

    /// How it is doing. Called for each request of `/status`; it must not wait for anything.
    fn status(&self) -> Status;

    /// How it was doing during the last 24 hours, in so many steps at most. Called for each request of `/history`; it must not
    /// wait for anything.
    fn history(&self, points: usize) -> History;

    /// The configuration, secrets hidden. Called for each request of `/config`; it must not wait for anything.
    fn settings(&self) -> Settings;

    /// Brings those gauges up to date that nobody sets otherwise. Called before `/metrics` is rendered; it must not wait
    /// for anything.
    fn refresh_metrics(&self) {}

    /// Seals what is in the log and delivers everything now. Returns when all is in the bucket, or with what is left
    /// when `patience` ends.
    ///
    /// # Errors
    /// Why nothing could be done, in a sentence.
    fn flush(&self, patience: Duration) -> impl Future<Output = Result<FlushReport, String>> + Send;
}
