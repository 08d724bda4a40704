//! Opens what a client sent: decompresses it, turns JSON into protobuf, validates it and counts its items.
//!
//! What is large is opened off the event loop and by few at a time, so that the acknowledgements of small requests are
//! not late. The memory for it is reserved first.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::available_parallelism;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::admission::Reservation;
use super::compression::{Compression, Failure};
use super::fault::Fault;
use super::rejected::{self, Rejected};
use super::{Export, Refusal};
use crate::otlp::{self, InvalidJson, Signal};
use crate::units::ByteSize;

/// A body beyond this is opened off the event loop; decompressing or parsing this much takes about a millisecond.
const LARGE_BYTES: usize = 256 << 10;

/// How many times faster a body is validated than decompressed or parsed.
const VALIDATED_FASTER: usize = 16;

/// How many times larger than it was sent a body may become at the first attempt; telemetry rarely becomes more. Each
/// further attempt may take as many times more, so that the attempts in vain cost next to nothing.
const RATIO: usize = 16;

/// How many times larger than JSON protobuf may be: `0,` may be eight bytes.
const JSON_RATIO: usize = 4;

/// The least that is set aside for decompression.
const DECOMPRESSED_AT_LEAST: usize = 4096;

/// The two encodings of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Protobuf,
    Json,
}

/// How a body was encoded by its client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoding {
    pub(super) signal: Signal,
    pub(super) form: Form,
    pub(super) compression: Compression,
}

/// What a request turned out to be.
#[derive(Debug)]
pub(super) enum Opened {
    /// What is to be stored, and what of the request is not.
    Export(Export, Option<Rejected>),
    Nothing(Nothing),
}

/// A request without items: acknowledged, and not stored. Only opening a request makes one.
#[derive(Debug)]
pub(super) struct Nothing(());

/// Opens requests.
#[derive(Debug)]
pub(super) struct Opener {
    limit: ByteSize,
    limit_bytes: usize,
    /// Large bodies are opened by as many threads at a time as there are cores, less one for the event loop.
    cores: Arc<Semaphore>,
}

impl Opener {
    /// Opens requests that have at most `limit` bytes, compressed and decompressed.
    pub(super) fn new(limit: ByteSize) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::with(limit, Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))))
    }

    /// The same with another limit.
    pub(super) fn with_limit(&self, limit: ByteSize) -> Self {
        Self::with(limit, Arc::clone(&self.cores))
    }

    fn with(limit: ByteSize, cores: Arc<Semaphore>) -> Self {
        Self { limit, limit_bytes: usize::try_from(limit.bytes()).unwrap_or(usize::MAX - 1), cores }
    }

    #[cfg(test)]
    pub(super) fn limit(&self) -> ByteSize {
        ByteSize(self.limit_bytes as u64)
    }

    /// The length of a body that the client announced, if it is within the limit.
    pub(super) fn within_limit(&self, announced: u64) -> Result<usize, Fault> {
        usize::try_from(announced)
            .ok()
            .filter(|length| *length <= self.limit_bytes)
            .ok_or(Fault::TooLarge(self.limit))
    }

    /// Memory that opening a body of `sent` bytes takes at its peak, in all likelihood.
    pub(super) fn expected_peak(&self, encoding: Encoding, sent: usize) -> usize {
        encoding.peak(sent, self.first_attempt(sent))
    }

    fn first_attempt(&self, sent: usize) -> usize {
        sent.saturating_mul(RATIO).max(DECOMPRESSED_AT_LEAST).min(self.limit_bytes)
    }

    /// Opens `body`. Gives the reservation back, shrunk to what the export takes.
    pub(super) async fn open(
        &self,
        encoding: Encoding,
        body: Bytes,
        reservation: Reservation,
        patience_ends: Instant,
    ) -> Result<(Opened, Reservation), Fault> {
        let (body, reservation) = self.decompress(encoding, body, reservation, patience_ends).await?;
        let (body, rejected, reservation) = match encoding.form {
            Form::Json if !body.is_empty() => {
                self.to_protobuf(encoding.signal, body, reservation, patience_ends).await?
            }
            _ => (body, None, reservation),
        };
        let (opened, mut reservation) =
            self.read(encoding.signal, body, rejected, reservation, patience_ends).await?;
        reservation.at_most(match &opened {
            Opened::Export(export, _) => export.body.len(),
            Opened::Nothing(_) => 0,
        });
        Ok((opened, reservation))
    }

    /// Reads a body in protobuf. Only if that cannot be decoded, it is looked whether single items are to blame.
    async fn read(
        &self,
        signal: Signal,
        body: Bytes,
        rejected: Option<Rejected>,
        reservation: Reservation,
        patience_ends: Instant,
    ) -> Result<(Opened, Reservation), Fault> {
        let (length, whole) = (body.len(), body.clone());
        let validate = move || otlp::validate(signal, &whole);
        let (items, mut reservation) =
            self.off_the_event_loop(length / VALIDATED_FASTER, reservation, validate).await?;
        let invalid = match items {
            Ok(items) => return Ok((Opened::of(signal, items, body, rejected), reservation)),
            Err(invalid) => invalid,
        };
        reservation.at_least(2 * length, patience_ends).await?;
        let salvage = move || rejected::without_undecodable(signal, &body, &invalid).ok_or(invalid);
        match self.off_the_event_loop(length, reservation, salvage).await? {
            (Ok((items, kept, rejected)), reservation) => {
                Ok((Opened::of(signal, items, kept.into(), Some(rejected)), reservation))
            }
            (Err(invalid), _) => Err(Fault::Undecodable(invalid.to_string())),
        }
    }

    async fn decompress(
        &self,
        encoding: Encoding,
        body: Bytes,
        mut reservation: Reservation,
        patience_ends: Instant,
    ) -> Result<(Bytes, Reservation), Fault> {
        // An empty body is an empty request, whatever it is said to be compressed with.
        if encoding.compression == Compression::None || body.is_empty() {
            return Ok((body, reservation));
        }
        let mut attempt = self.first_attempt(body.len());
        loop {
            reservation.at_least(encoding.peak(body.len(), attempt), patience_ends).await?;
            let sent = body.clone();
            let decompress = move || encoding.compression.decompress(&sent, attempt);
            let (result, kept) = self.off_the_event_loop(attempt, reservation, decompress).await?;
            reservation = kept;
            match result {
                Ok(decompressed) => return Ok((decompressed, reservation)),
                Err(Failure::TooLarge) if attempt < self.limit_bytes => {
                    // What came of the attempt is gone. Were its memory kept while more is waited for, a few that want
                    // more and more would wait for each other, and everybody behind them.
                    reservation.at_most(body.len());
                    attempt = attempt.saturating_mul(RATIO).min(self.limit_bytes);
                }
                Err(Failure::TooLarge) => return Err(Fault::TooLarge(self.limit)),
                Err(Failure::Broken(error)) => {
                    return Err(Fault::Undecodable(format!("its compression is broken: {error}")));
                }
            }
        }
    }

    /// Turns JSON into protobuf, which is nearly always shorter. Where it is not (a number that is one digit takes eight
    /// bytes), memory is set aside for more before it is tried again.
    async fn to_protobuf(
        &self,
        signal: Signal,
        json: Bytes,
        mut reservation: Reservation,
        patience_ends: Instant,
    ) -> Result<(Bytes, Option<Rejected>, Reservation), Fault> {
        let mut attempt = json.len().min(self.limit_bytes);
        loop {
            reservation.at_least(json.len() + attempt, patience_ends).await?;
            let document = json.clone();
            let read = move || rejected::protobuf_of(signal, &document, attempt);
            let (result, kept) = self.off_the_event_loop(json.len(), reservation, read).await?;
            reservation = kept;
            match result {
                Ok((mut protobuf, rejected)) => {
                    protobuf.shrink_to_fit();
                    return Ok((protobuf.into(), rejected, reservation));
                }
                Err(InvalidJson::TooLarge { .. }) if attempt < self.limit_bytes => {
                    attempt = attempt.saturating_mul(JSON_RATIO).min(self.limit_bytes);
                }
                Err(InvalidJson::TooLarge { .. }) => return Err(Fault::TooLarge(self.limit)),
                Err(error) => return Err(Fault::Undecodable(error.to_string())),
            }
        }
    }

    /// Does `work` that takes as long as opening `bytes`: at once if they are few, else on a thread of its own, which keeps the reservation
    /// even if the client goes away meanwhile.
    async fn off_the_event_loop<T: Send + 'static>(
        &self,
        bytes: usize,
        reservation: Reservation,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Reservation), Fault> {
        if bytes <= LARGE_BYTES {
            return Ok((work(), reservation));
        }
        // A wait for others to compute, not for room: it always comes to an end.
        let core = self.cores.clone().acquire_owned().await.map_err(|_| Refusal::ShuttingDown)?;
        let working = spawn_blocking(move || {
            let _core = core;
            (work(), reservation)
        });
        working.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends.
            Err(_) => Refusal::ShuttingDown.into(),
        })
    }
}

impl Encoding {
    /// Memory that a body takes at most, if `decompressed` is what it decompresses to at most.
    fn peak(self, sent: usize, decompressed: usize) -> usize {
        let (plain, decompression) = match self.compression {
            Compression::None => (sent, 0),
            Compression::Gzip | Compression::Deflate | Compression::Snappy | Compression::Lz4 => {
                (decompressed, decompressed)
            }
            // The decoder keeps a window, which may be as large as the content.
            Compression::Zstd => (decompressed, 2 * decompressed),
        };
        // Protobuf is nearly always shorter than the JSON it is made from; otherwise more is set aside then.
        let protobuf = if self.form == Form::Json { plain } else { 0 };
        sent + decompression + protobuf
    }
}

impl Opened {
    /// What a body in protobuf is that has `items`.
    fn of(signal: Signal, items: u32, body: Bytes, rejected: Option<Rejected>) -> Self {
        match items {
            0 => Self::Nothing(Nothing(())),
            items => Self::Export(Export::of(signal, items, body), rejected),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::receive::admission::Admission;

    #[tokio::test]
    async fn memory_is_set_aside_for_json_that_becomes_longer_as_protobuf() {
        let counts = vec!["0"; 25_000].join(",");
        let json = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[
               {{"bucketCounts":[{counts}]}}]}}}}]}}]}}]}}"#
        );
        let admission = Admission::new(ByteSize::kib(256));
        let soon = || Instant::now() + Duration::from_millis(1);
        let encoding = Encoding { signal: Signal::Metrics, form: Form::Json, compression: Compression::None };
        for (limit, is_stored) in [(ByteSize::mib(1), true), (ByteSize::kib(100), false)] {
            let opener = Opener::new(limit);
            let sent = Bytes::from(json.clone());
            let reservation =
                admission.reserve(opener.expected_peak(encoding, sent.len()), soon()).await.unwrap();
            match opener.open(encoding, sent, reservation, soon()).await {
                Ok((Opened::Export(export, _), reservation)) => {
                    assert_eq!((export.items, export.body.len() / 25_000, is_stored), (1, 8, true));
                    assert!(
                        admission.reserve(100 << 10, soon()).await.is_err(),
                        "it takes nearly all there is"
                    );
                    drop(reservation);
                }
                Ok((Opened::Nothing(_), _)) => panic!("it has an item"),
                Err(fault) => assert!(!is_stored && matches!(fault, Fault::TooLarge(_)), "{fault:?}"),
            }
            assert!(admission.reserve(256 << 10, soon()).await.is_ok(), "all is given back");
        }
    }
}
