//! One request from its arrival to its answer: its deadline and its place in the metrics.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::acknowledgement::Acknowledgement;
use super::caller::Caller;
use super::fault::Fault;
use super::patience::patience_ends;
use super::retry_after;
use crate::metrics;
use crate::otlp::Signal;

/// Whether a request came over gRPC or over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Grpc,
    Http,
}

impl Transport {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Grpc, Self::Http];

    /// The value of the metric label `transport`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

/// A request that waits for its answer. One that is dropped without an answer was abandoned by its client.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) signal: Signal,
    pub(super) transport: Transport,
    /// Who makes it, once it is known.
    pub(super) caller: Caller,
    /// When it has to be refused at the latest, if it is held.
    pub(super) patience_ends: Instant,
    /// The longest that its client may be told to wait, if it is refused.
    pub(super) longest_delay: Duration,
    arrived: Instant,
    answered: bool,
}

impl Call {
    /// A request with these headers that has just come.
    pub(super) fn begin(signal: Signal, transport: Transport, hold: Duration, headers: &HeaderMap) -> Self {
        let arrived = Instant::now();
        let patience_ends = patience_ends(arrived, hold, headers);
        let longest_delay = retry_after::longest(headers);
        let caller = Caller::anonymous();
        Self { signal, transport, caller, patience_ends, longest_delay, arrived, answered: false }
    }

    /// Its answer is on the way.
    pub(super) fn answered(mut self, result: &Result<Acknowledgement, Fault>) {
        self.answered = true;
        metrics::receive::request_seconds(self.signal, self.transport.name(), self.arrived.elapsed());
        match result {
            Ok(_) => metrics::receive::acknowledged_requests(self.signal),
            Err(fault) => {
                metrics::receive::refused_requests(self.signal, fault.reason());
                tracing::debug!(signal = self.signal.name(), %fault, "request refused");
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.answered {
            metrics::receive::abandoned_requests(self.signal);
        }
    }
}
