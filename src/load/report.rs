//! What a run came to.

use serde::Serialize;

/// What a run came to. Its JSON is made for scripts, which may rely on every name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Requests, by what became of them.
    pub requests: Requests,
    /// Items that were acknowledged: log records and data points.
    pub items: u64,
    /// Bytes of OTLP in acknowledged requests, before compression.
    pub bytes: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Acknowledged requests a second.
    pub requests_per_second: f64,
    /// Acknowledged items a second.
    pub items_per_second: f64,
    /// Acknowledged bytes a second, before compression.
    pub bytes_per_second: f64,
    /// How long acknowledged requests took.
    pub latency_ms: Latency,
    /// What the far side used, if its process was named and still runs.
    pub server: Option<Server>,
    /// What making the load used.
    pub client: Client,
    /// The first refusal, in the far side's words.
    pub first_refusal: Option<String>,
    /// The first failure: the far side's words, or what befell the connection.
    pub first_failure: Option<String>,
}

/// Requests, by what became of them. Those that were sent are the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// All.
    pub sent: u64,
    /// Answered OK, with no item rejected.
    pub acknowledged: u64,
    /// Not taken, with an error that allows to send them again: UNAVAILABLE, 503 and their like.
    pub refused: u64,
    /// Everything else: other errors, rejected items, no answer.
    pub failed: u64,
}

/// How long acknowledged requests took, in milliseconds, to three digits. In a closed loop from when they were sent, at
/// a rate from when they were due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: f64,
    /// Nine of ten took no longer.
    pub p90: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// 999 of 1,000 took no longer.
    pub p999: f64,
    /// None took longer.
    pub max: f64,
}

/// What the process of the far side used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Server {
    /// The processor's time in its own code, during the run.
    pub user_seconds: f64,
    /// The processor's time in the kernel on its behalf, during the run.
    pub system_seconds: f64,
    /// The most memory it ever had, since it began.
    pub peak_rss_bytes: u64,
    /// The memory it had at the end of the run.
    pub rss_bytes: u64,
}

/// What making the load used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Client {
    /// The processor's time of this process, during the run, in its own code and in the kernel.
    pub cpu_seconds: f64,
}

impl Report {
    /// Whether everything was acknowledged.
    pub fn is_complete(&self) -> bool {
        self.requests.sent == self.requests.acknowledged
    }
}

/// How many a second, of so many in so many seconds.
#[expect(clippy::cast_precision_loss, reason = "a rate has not that many digits")]
pub(super) fn per_second(number: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { number as f64 / seconds } else { 0.0 }
}

/// Of so many nanoseconds.
#[expect(clippy::cast_precision_loss, reason = "latencies are kept to three digits")]
pub(super) fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}
