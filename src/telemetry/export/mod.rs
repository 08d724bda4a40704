//! Sends forebay's own numbers and lines to a receiver of OTLP.
//!
//! - It holds nothing up: nobody waits for it but the end of the process, for two seconds at most, and every request has a
//!   deadline.
//! - It fills no memory: lines wait in a fixed piece of it, of which the oldest go first, and numbers do not wait at all, for
//!   the next ones say the same and more.
//! - It matters to no promise: what the receiver does not take is dropped in the end, counted and told.
//! - It never feeds itself. Nothing that it or the libraries below it say is exported ([`quiet`]). Every request bears the id
//!   of this forebay, by which a receiver knows its own telemetry and refuses it, and then the export ends. And where
//!   somebody between the two takes that id away, what is sent does not grow: it is one request of each kind in an interval,
//!   with a point for each series and 1 MiB of lines at most, and of events that repeat one line in
//!   `telemetry.logs.repeat_after`, whatever is received meanwhile.

mod attributes;
mod carrier;
mod numbers;
mod pace;
mod queue;
mod quiet;
mod records;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::carrier::{Carrier, Outcome};
use self::numbers::Times;
use self::pace::Pace;
use super::{ExportOptions, Logs};
use crate::metrics;
use crate::otlp::Signal;

pub(super) use queue::Queue;
pub(super) use quiet::may_be_exported;

/// For how long the end of the process waits for the last export.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// The export of one forebay, which goes on until it is told to end.
#[derive(Debug)]
pub struct Exporter {
    ending: oneshot::Sender<()>,
    task: JoinHandle<()>,
    queue: Arc<Queue>,
}

/// Whose telemetry it is.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The id of its data folder, which no other forebay has.
    pub id: String,
    /// When its numbers began to be counted.
    pub started_at: Timestamp,
}

/// Gives the numbers, in Prometheus' text format.
type Numbers = Arc<dyn Fn() -> String + Send + Sync>;

/// What the task of an export has.
struct Exporting {
    carrier: Carrier,
    endpoint: String,
    resource: Resource,
    started_at: Timestamp,
    numbers: Option<Numbers>,
    queue: Arc<Queue>,
    pace: Pace,
}

/// What became of what was due.
enum Round {
    Taken,
    NotTaken(String),
    /// The receiver is this forebay.
    Own,
}

impl Exporter {
    /// Begins to export, if the settings name a receiver. `numbers` gives the text of `/metrics`.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub fn start(
        options: &ExportOptions,
        instance: &Instance,
        logs: &Logs,
        numbers: impl Fn() -> String + Send + Sync + 'static,
    ) -> Result<Option<Self>, String> {
        if !options.is_on() {
            return Ok(None);
        }
        metrics::telemetry::register_export();
        let queue = logs.queue();
        let exporting = Exporting {
            carrier: Carrier::new(options, &instance.id)?,
            endpoint: options.endpoint.clone(),
            resource: attributes::resource(&instance.id, &options.resource),
            started_at: instance.started_at,
            numbers: options.metrics.then(|| Arc::new(numbers) as Numbers),
            queue: Arc::clone(&queue),
            pace: Pace::new(options.interval.duration()),
        };
        let (ending, ended) = oneshot::channel();
        let first = exporting.pace.first(&instance.id);
        let task = tokio::spawn(quiet::quietly(exporting.run(first, ended)));
        Ok(Some(Self { ending, task, queue }))
    }

    /// Ends it, after one more export that may take two seconds.
    pub async fn stop(self) {
        let Self { ending, mut task, queue } = self;
        // It has ended already if the receiver was this forebay.
        let _ = ending.send(());
        if timeout(LAST_WITHIN, &mut task).await.is_err() {
            task.abort();
            let _ = task.await;
        }
        queue.close();
        let dropped = queue.take_dropped();
        if dropped > 0 {
            tracing::warn!(target: module_path!(), dropped, "not all lines of the log were exported");
        }
    }
}

impl Exporting {
    /// Exports until it is told to end, and then once more.
    async fn run(mut self, first: Duration, mut ended: oneshot::Receiver<()>) {
        let mut pause = first;
        loop {
            let is_last = tokio::select! {
                () = sleep(pause) => false,
                _ = &mut ended => true,
            };
            if is_last && self.pace.is_failing() {
                // Nobody waits for a receiver that has not answered before.
                return;
            }
            let round = self.round().await;
            pause = match self.tell(round) {
                Some(pause) if !is_last => pause,
                _ => return,
            };
        }
    }

    /// Sends what is due: the numbers, and then the lines, also if the receiver has no place for numbers.
    async fn round(&self) -> Round {
        let mut refused = None;
        if let Some(numbers) = &self.numbers {
            match self.send_numbers(Arc::clone(numbers)).await {
                Outcome::Taken { .. } => {}
                Outcome::Never(why) => refused = Some(why),
                Outcome::Later(why) => return Round::NotTaken(why),
                Outcome::Own => return Round::Own,
            }
        }
        match (self.send_lines().await, refused) {
            (Outcome::Own, _) => Round::Own,
            (_, Some(why)) | (Outcome::Later(why) | Outcome::Never(why), None) => Round::NotTaken(why),
            (Outcome::Taken { .. }, None) => Round::Taken,
        }
    }

    /// Says what became of a round, if that is news, and when the next one is due; `None` if there is none.
    fn tell(&mut self, round: Round) -> Option<Duration> {
        let (pause, is_news) = self.pace.after(matches!(round, Round::Taken));
        let endpoint = self.endpoint.as_str();
        match round {
            Round::Taken => {
                let dropped = self.queue.take_dropped();
                if is_news || dropped > 0 {
                    tracing::info!(endpoint, dropped, "what forebay tells about itself is exported");
                }
            }
            Round::NotTaken(error) if is_news => {
                tracing::warn!(
                    endpoint,
                    error,
                    "what forebay tells about itself is not exported; it tries again"
                );
            }
            Round::NotTaken(error) => tracing::debug!(endpoint, error, "it is not exported yet"),
            Round::Own => {
                tracing::error!(
                    endpoint,
                    "telemetry.export.endpoint leads to this very forebay: nothing is exported any more; name another receiver"
                );
                self.queue.close();
                return None;
            }
        }
        Some(pause)
    }

    /// Sends all numbers as they are now.
    async fn send_numbers(&self, numbers: Numbers) -> Outcome {
        // Asking the file system for its free space may wait for a disk.
        let read = tokio::task::spawn_blocking(move || quiet::quietly_blocking(|| numbers()));
        let Ok(exposition) = read.await else {
            return Outcome::Later("the numbers could not be read".to_owned());
        };
        let (start, now) = (records::nanoseconds(self.started_at), records::nanoseconds(Timestamp::now()));
        let metrics = numbers::metrics(&exposition, Times { start, now });
        let scope_metrics =
            vec![ScopeMetrics { scope: Some(attributes::scope()), metrics, ..Default::default() }];
        let resource = Some(self.resource.clone());
        let all = ResourceMetrics { resource, scope_metrics, ..Default::default() };
        self.send(
            Signal::Metrics,
            &ExportMetricsServiceRequest { resource_metrics: vec![all] }.encode_to_vec(),
        )
        .await
    }

    /// Sends the lines that wait, if there are any. Those that may be taken later wait again.
    async fn send_lines(&self) -> Outcome {
        let events = self.queue.take();
        if events.is_empty() {
            return Outcome::Taken { rejected: 0 };
        }
        let log_records = records::records(&events);
        let scope_logs =
            vec![ScopeLogs { scope: Some(attributes::scope()), log_records, ..Default::default() }];
        let resource = Some(self.resource.clone());
        let all = ResourceLogs { resource, scope_logs, ..Default::default() };
        let mut back = PutBack { queue: &self.queue, events };
        let message = ExportLogsServiceRequest { resource_logs: vec![all] }.encode_to_vec();
        let outcome = self.send(Signal::Logs, &message).await;
        match &outcome {
            Outcome::Taken { rejected } => {
                back.events.clear();
                self.queue.lose(usize::try_from(*rejected).unwrap_or_default());
            }
            Outcome::Never(_) | Outcome::Own => self.queue.lose(std::mem::take(&mut back.events).len()),
            Outcome::Later(_) => {}
        }
        outcome
    }

    async fn send(&self, signal: Signal, message: &[u8]) -> Outcome {
        let outcome = self.carrier.carry(signal, message).await;
        let became = match &outcome {
            Outcome::Taken { rejected } => {
                if *rejected > 0 {
                    tracing::warn!(%signal, rejected, "the receiver rejected a part of what was exported");
                }
                "taken"
            }
            Outcome::Later(_) | Outcome::Never(_) => "failed",
            Outcome::Own => "own",
        };
        metrics::telemetry::export_requests(signal.name(), became);
        outcome
    }
}

/// Lines that are being sent. They wait again if nothing else becomes of them, also if the sending is given up.
struct PutBack<'a> {
    queue: &'a Queue,
    events: Vec<super::logs::Event>,
}

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        self.queue.put_back(std::mem::take(&mut self.events));
    }
}
