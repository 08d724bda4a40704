//! What all requests share, and the way of each from its body to its acknowledgement.

use bytes::Bytes;

use super::acknowledgement::Acknowledgement;
use super::admission::{Admission, Reservation};
use super::call::Call;
use super::fault::Fault;
use super::held::counted_when_held;
use super::open::{Encoding, Opened, Opener};
use super::{Export, Intake, Options};
use crate::metrics;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Stage<I> {
    pub(super) options: Options,
    pub(super) admission: Admission,
    pub(super) opener: Opener,
    intake: I,
}

impl<I: Intake> Stage<I> {
    pub(super) fn new(options: Options, intake: I) -> Self {
        let admission = Admission::new(options.max_inflight_bytes);
        let opener = Opener::new(options.max_request_bytes);
        Self { options, admission, opener, intake }
    }

    /// Sets memory aside for a body of `sent` bytes.
    pub(super) async fn reserve(
        &self,
        call: &Call,
        encoding: Encoding,
        sent: usize,
    ) -> Result<Reservation, Fault> {
        let bytes = self.opener.expected_peak(encoding, sent);
        Ok(self.admission.reserve(bytes, call.patience_ends).await?)
    }

    /// Opens and stores a body. Its memory stays reserved until it is on disk.
    pub(super) async fn acknowledge(
        &self,
        call: &Call,
        encoding: Encoding,
        body: Bytes,
        reservation: Reservation,
    ) -> Result<Acknowledgement, Fault> {
        let (opened, _reservation) =
            self.opener.open(encoding, body, reservation, call.patience_ends).await?;
        match opened {
            Opened::Nothing(nothing) => Ok(Acknowledgement::of_nothing(&nothing)),
            Opened::Export(export) => self.store(call, export).await,
        }
    }

    async fn store(&self, call: &Call, export: Export) -> Result<Acknowledgement, Fault> {
        let Export { signal, items, ref body } = export;
        let (transport, bytes) = (call.transport.name(), body.len());
        match counted_when_held(self.intake.store(export, call.patience_ends)).await {
            Ok(durable) => {
                metrics::receive::acknowledged_items(signal, items);
                metrics::receive::acknowledged_bytes(signal, bytes);
                metrics::receive::accepted_items(signal, transport, items);
                Ok(Acknowledgement::of::<I>(durable))
            }
            Err(refusal) => {
                metrics::receive::refused_items(signal, refusal.reason(), items);
                metrics::receive::collector_refused_items(signal, transport, items);
                Err(refusal.into())
            }
        }
    }
}
