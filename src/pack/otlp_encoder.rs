//! Records as OTLP.

use std::io;

use super::encoder::{EncodeError, guarded};
use super::format::Format;
use super::sink::Sink;
use crate::otlp::{self, Signal};

/// Memory that is kept for encoding between two records.
const CONTENT_BYTES_KEPT: usize = 1 << 20;

/// Encodes the records of one object as OTLP. It holds one record at a time.
pub(super) struct OtlpEncoder {
    format: Format,
    signal: Signal,
    /// What is encoded and not yet written.
    content: Vec<u8>,
    /// Whether nothing of the array was written that a comma could separate.
    is_first: bool,
}

impl OtlpEncoder {
    pub(super) fn new(format: Format, signal: Signal) -> Self {
        let opening = if format == Format::OtlpJson { otlp::json_opening(signal) } else { None };
        Self { format, signal, content: opening.unwrap_or_default().into(), is_first: true }
    }

    /// Whether an object can hold one record and no more.
    pub(super) const fn takes_one(&self) -> bool {
        self.format.takes_one(self.signal)
    }

    /// Takes in the body of a record.
    pub(super) fn add(&mut self, body: &[u8], sink: &mut Sink) -> Result<(), EncodeError> {
        if self.format == Format::OtlpProto {
            // One body that ends in the middle of a field would swallow the beginning of the next.
            guarded(|| otlp::validate(self.signal, body))?;
            // As it came, and so without a copy.
            return sink.write(body).map_err(EncodeError::Sink);
        }
        let (before, was_first) = (self.content.len(), self.is_first);
        let encoded = guarded(|| self.encode(body));
        if encoded.is_err() {
            self.content.truncate(before);
            self.is_first = was_first;
            return encoded;
        }
        self.write_out(sink).map_err(EncodeError::Sink)
    }

    /// Writes a body as JSON.
    fn encode(&mut self, body: &[u8]) -> Result<(), otlp::Invalid> {
        let Self { format, signal, content, is_first } = self;
        match format {
            Format::OtlpJson if format.takes_one(*signal) => otlp::write_json(*signal, body, content),
            Format::OtlpJson => otlp::write_json_resources(*signal, body, is_first, content),
            _ => otlp::write_json(*signal, body, content).map(|()| content.push(b'\n')),
        }
    }

    /// Ends the document.
    pub(super) fn finish(&mut self, sink: &mut Sink) -> io::Result<()> {
        if self.format == Format::OtlpJson && !self.takes_one() {
            self.content.extend_from_slice(otlp::JSON_CLOSING.as_bytes());
        }
        self.write_out(sink)
    }

    fn write_out(&mut self, sink: &mut Sink) -> io::Result<()> {
        sink.write(&self.content)?;
        self.content.clear();
        self.content.shrink_to(CONTENT_BYTES_KEPT);
        Ok(())
    }
}
