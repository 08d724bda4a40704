//! What all requests share, and the way of each from its body to its acknowledgement.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::acknowledgement::Acknowledgement;
use super::admission::{Admission, Reservation};
use super::call::{Call, Transport};
use super::caller::Caller;
use super::endpoint::Endpoint;
use super::fault::Fault;
use super::held::counted_when_held;
use super::open::{Encoding, Opened, Opener};
use super::rejected::Rejected;
use super::tally::Tally;
use super::{Export, INSTANCE_HEADER, Intake, Options, Refusal, retry_after};
use crate::metrics;
use crate::otlp::Signal;

/// The value of the metric label `reason` for items that could not be decoded.
const REJECTED: &str = "undecodable";

/// What all requests share.
#[derive(Debug)]
pub(super) struct Stage<I> {
    pub(super) options: Options,
    pub(super) admission: Admission,
    pub(super) opener: Opener,
    pub(super) tally: Arc<Tally>,
    intake: Arc<I>,
}

impl<I: Intake> Stage<I> {
    pub(super) fn new(options: Options, intake: I) -> Self {
        let admission = Admission::new(options.max_inflight_bytes);
        let opener = Opener::new(options.max_request_bytes);
        show_metrics();
        Self { options, admission, opener, tally: Arc::default(), intake: Arc::new(intake) }
    }

    /// The same with other settings, for requests that come from now on; those under way count on as before. Must be called
    /// on a tokio runtime.
    pub(super) fn with_options(&self, options: Options) -> Self {
        let (admission, intake) = (self.admission.clone(), Arc::clone(&self.intake));
        admission.resize(options.max_inflight_bytes);
        let opener = self.opener.with_limit(options.max_request_bytes);
        Self { options, admission, opener, tally: Arc::clone(&self.tally), intake }
    }

    /// Whether a request with these headers comes from somebody else.
    ///
    /// # Errors
    /// When it is what this very forebay tells about itself.
    pub(super) fn check_is_foreign(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let own = self.intake.instance().map(str::as_bytes);
        let is_own = headers.get_all(INSTANCE_HEADER).iter().any(|id| Some(id.as_bytes()) == own);
        if is_own { Err(Fault::OwnTelemetry) } else { Ok(()) }
    }

    /// The length of a body that the client announced, if it may be as long as that.
    pub(super) fn within_limit(&self, call: &Call, announced: u64) -> Result<usize, Fault> {
        let length = self.opener.within_limit(announced)?;
        call.caller.check_size(length)?;
        Ok(length)
    }

    /// Sets memory aside for a body of `sent` bytes, once it is due.
    pub(super) async fn reserve(
        &self,
        call: &Call,
        encoding: Encoding,
        sent: usize,
    ) -> Result<Reservation, Fault> {
        call.caller.until_due(sent, call.patience_ends).await?;
        let bytes = self.opener.expected_peak(encoding, sent);
        Ok(self.admission.reserve(bytes, call.patience_ends).await?)
    }

    /// Opens and stores a body. Its memory stays reserved until nobody has it any more.
    pub(super) async fn acknowledge(
        &self,
        call: &Call,
        encoding: Encoding,
        body: Bytes,
        reservation: Reservation,
    ) -> Result<Acknowledgement, Fault> {
        let (opened, reservation) = self.opener.open(encoding, body, reservation, call.patience_ends).await?;
        match opened {
            Opened::Nothing(nothing) => Ok(Acknowledgement::of_nothing(&nothing)),
            Opened::Export(mut export, rejected) => {
                call.caller.check_size(export.body.len())?;
                call.caller.count(export.body.len());
                export.tenant = Arc::clone(&call.caller.tenant);
                self.store(call, with_memory(export, reservation), rejected).await
            }
        }
    }

    async fn store(
        &self,
        call: &Call,
        export: Export,
        rejected: Option<Rejected>,
    ) -> Result<Acknowledgement, Fault> {
        let Export { signal, items, ref body, .. } = export;
        let (transport, bytes) = (call.transport.name(), body.len());
        match counted_when_held(self.intake.store(export, call.patience_ends)).await {
            Ok(durable) if I::is_resend(&durable) => {
                metrics::receive::resent(signal, items);
                Ok(Acknowledgement::of::<I>(durable, rejected))
            }
            Ok(durable) => {
                metrics::receive::acknowledged_items(signal, items);
                metrics::receive::acknowledged_bytes(signal, bytes);
                metrics::receive::accepted_items(signal, transport, items);
                self.tally.stored(&call.caller.tenant, signal, items, bytes);
                if let Some(rejected) = &rejected {
                    metrics::receive::refused_items(signal, REJECTED, rejected.items);
                    metrics::receive::collector_refused_items(signal, transport, rejected.items);
                }
                Ok(Acknowledgement::of::<I>(durable, rejected))
            }
            Err(refusal) => {
                metrics::receive::refused_items(signal, refusal.reason(), items);
                metrics::receive::collector_refused_items(signal, transport, items);
                Err(self.refused(call, refusal))
            }
        }
    }

    /// The answer to a call is on the way.
    pub(super) fn answered(&self, call: Call, result: &Result<Acknowledgement, Fault>) {
        self.tally.answered(result);
        call.answered(result);
    }

    /// The answer to a refusal, with the time at which the client should come back.
    fn refused(&self, call: &Call, refusal: Refusal) -> Fault {
        let room_in = if refusal == Refusal::DiskFull { self.intake.room_in() } else { None };
        let retry_after = retry_after::delay(room_in, call.longest_delay, retry_after::chance());
        Fault::Refused { refusal, retry_after }
    }
}

/// Who makes a call with these headers, if it may.
///
/// # Errors
/// When it is this very forebay, its credentials are missing or wrong, or its tenant is.
pub(super) async fn admit<I: Intake>(
    stage: &Stage<I>,
    endpoint: &Endpoint,
    call: &Call,
    headers: &HeaderMap,
) -> Result<Caller, Fault> {
    stage.check_is_foreign(headers)?;
    endpoint.admit(headers, call.patience_ends).await
}

/// A body and the memory that is set aside for it.
struct Reserved {
    body: Bytes,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Reserved {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// Ties the memory to the body. A client may go away while its export waits for a disk that hangs: the call is gone
/// then, but the export still waits, and its memory must not be given to the next call.
fn with_memory(export: Export, reservation: Reservation) -> Export {
    let body = Bytes::from_owner(Reserved { body: export.body, _reservation: reservation });
    Export { body, ..export }
}

/// Makes the gauges of calls and the counters of requests and items show up with 0 before anything happens, so that a first
/// refusal is a change that alerts see.
fn show_metrics() {
    metrics::receive::inflight_bytes(0.0);
    metrics::receive::held_calls(0.0);
    metrics::receive::open_connections(0.0);
    for signal in Signal::ALL {
        metrics::receive::show_requests(
            signal,
            Refusal::ALL.map(Refusal::reason).into_iter().chain(Fault::REASONS),
        );
        metrics::receive::acknowledged_items(signal, 0);
        metrics::receive::show_resent(signal);
        for transport in Transport::ALL.map(Transport::name) {
            metrics::receive::accepted_items(signal, transport, 0);
            metrics::receive::collector_refused_items(signal, transport, 0);
        }
        for refusal in Refusal::ALL {
            metrics::receive::refused_items(signal, refusal.reason(), 0);
        }
        metrics::receive::refused_items(signal, REJECTED, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use http::HeaderMap;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::otlp::Signal;
    use crate::receive::Refusal;
    use crate::receive::call::Transport;
    use crate::receive::compression::Compression;
    use crate::receive::open::Form;
    use crate::units::ByteSize;

    /// Queues what it is given, like a log whose disk hangs.
    #[derive(Clone, Debug, Default)]
    struct Hanging(Arc<Mutex<Vec<Export>>>);

    impl Intake for Hanging {
        type Durable = ();

        async fn store(&self, export: Export, _: Instant) -> Result<(), Refusal> {
            self.0.lock().unwrap().push(export);
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_kept_for_an_export_that_waits_after_its_client_went_away() {
        let options = Options {
            max_request_bytes: ByteSize::kib(1),
            max_inflight_bytes: ByteSize::kib(2),
            ..Options::default()
        };
        let intake = Hanging::default();
        let stage = Stage::new(options, intake.clone());
        let call = Call::begin(Signal::Logs, Transport::Grpc, Duration::ZERO, &HeaderMap::new());
        let encoding =
            Encoding { signal: Signal::Logs, form: Form::Protobuf, compression: Compression::None };
        for _ in 0..2 {
            // A request for logs with one log record, which is empty.
            let body = Bytes::from_static(&[0x0a, 4, 0x12, 2, 0x12, 0]);
            let reservation = stage.reserve(&call, encoding, body.len()).await.unwrap();
            let answered = stage.acknowledge(&call, encoding, body, reservation);
            assert!(timeout(Duration::from_secs(1), answered).await.is_err(), "the client went away");
        }
        let refused = stage.reserve(&call, encoding, 1).await;
        assert!(matches!(refused, Err(Fault::Refused { refusal: Refusal::Overloaded, .. })));
        intake.0.lock().unwrap().clear();
        assert!(
            stage.reserve(&call, encoding, 1).await.is_ok(),
            "the exports are gone, and so is what they took"
        );
    }
}
