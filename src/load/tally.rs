//! Counts what becomes of requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::Error;
use super::answer::Answer;
use super::bodies::Body;
use super::report::{Client, Latency, Report, Requests, Server, milliseconds, per_second};

/// The digits to which latencies are kept.
const DIGITS: u8 = 3;

/// What becomes of requests, counted by all who send.
#[derive(Debug)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    requests: Requests,
    items: u64,
    bytes: u64,
    first_refusal: Option<String>,
    first_failure: Option<String>,
    /// Of acknowledged requests, in nanoseconds.
    latency: Histogram<u64>,
}

impl Tally {
    /// Of no requests.
    pub(super) fn new() -> Result<Self, Error> {
        let latency = Histogram::new(DIGITS).map_err(|error| Error::Ended(error.to_string()))?;
        Ok(Self(Mutex::new(Counts {
            requests: Requests::default(),
            items: 0,
            bytes: 0,
            first_refusal: None,
            first_failure: None,
            latency,
        })))
    }

    /// Counts a request that took so long.
    pub(super) fn add(&self, body: &Body, latency: Duration, answer: Answer) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.requests.sent += 1;
        match answer {
            Answer::Acknowledged { rejected: 0 } => {
                counts.requests.acknowledged += 1;
                counts.items += body.items;
                counts.bytes += body.bytes;
                // It grows to whatever comes.
                let _ = counts.latency.record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
            }
            // What is sent is right, so this is no acknowledgement; but the rest of it was stored.
            Answer::Acknowledged { rejected } => {
                counts.requests.failed += 1;
                counts.items += body.items.saturating_sub(rejected);
                counts
                    .first_failure
                    .get_or_insert_with(|| format!("{rejected} items of a request were rejected"));
            }
            Answer::Refused { why } => {
                counts.requests.refused += 1;
                counts.first_refusal.get_or_insert(why);
            }
            Answer::Failed { why } => {
                counts.requests.failed += 1;
                counts.first_failure.get_or_insert(why);
            }
        }
    }

    /// All that was counted in so many seconds.
    pub(super) fn report(&self, seconds: f64, server: Option<Server>, client: Client) -> Report {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |quantile| milliseconds(counts.latency.value_at_quantile(quantile));
        let latency_ms = Latency {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: milliseconds(counts.latency.max()),
        };
        Report {
            requests: counts.requests,
            items: counts.items,
            bytes: counts.bytes,
            seconds,
            requests_per_second: per_second(counts.requests.acknowledged, seconds),
            items_per_second: per_second(counts.items, seconds),
            bytes_per_second: per_second(counts.bytes, seconds),
            latency_ms,
            server,
            client,
            first_refusal: counts.first_refusal.clone(),
            first_failure: counts.first_failure.clone(),
        }
    }
}
