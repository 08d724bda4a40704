//! How records become the content of an object.
//!
//! | format | an object is | a record in it is |
//! | --- | --- | --- |
//! | `parquet` | one file of row groups | rows |
//! | `jsonl` | lines, each a row | lines |
//! | `csv` | a line of names, and lines, each a row | lines |
//! | `otlp_json` | one document `{"resourceLogs":[...]}`, no line break | the elements of its array; of profiles the whole |
//! | `otlp_jsonl` | lines, each a document and a line break | one line |
//! | `otlp_proto` | one message `LogsData` | a piece of it: all fields are repeated, so messages laid end to end are one; of profiles the whole |
//!
//! A record is taken in whole or not at all. Profiles have no rows ([`Options::for_signal`]), and their dictionary is
//! singular: where an object is one document or message, it takes one record of theirs.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::format::Format;
use super::options::Options;
use super::otlp_encoder::OtlpEncoder;
use super::row_encoder::RowEncoder;
use super::sink::Sink;
use crate::log::Record;
use crate::otlp::Signal;
use crate::rows::Column;

/// The encoding of one object.
pub(super) enum Encoder {
    /// OTLP as it came, or as JSON.
    Otlp(OtlpEncoder),
    /// Rows.
    Rows(Box<RowEncoder>),
}

/// Why a record is not in an object.
#[derive(Debug)]
pub(super) enum EncodeError {
    /// It cannot be encoded; nothing of it was taken in.
    Unpackable(String),
    /// What was encoded cannot be written.
    Sink(io::Error),
}

impl Encoder {
    /// For an object of `signal`.
    pub(super) fn new(options: &Options, signal: Signal) -> Result<Self, String> {
        Ok(match options.format {
            Format::OtlpJson | Format::OtlpJsonl | Format::OtlpProto => {
                Self::Otlp(OtlpEncoder::new(options.format, signal))
            }
            Format::Parquet | Format::Jsonl | Format::Csv => {
                Self::Rows(Box::new(RowEncoder::new(options.format, options.layout(signal)?)))
            }
        })
    }

    /// Whether an object can hold one record and no more.
    pub(super) fn takes_one(&self) -> bool {
        match self {
            Self::Otlp(encoder) => encoder.takes_one(),
            Self::Rows(_) => false,
        }
    }

    /// The columns of rows.
    pub(super) fn columns(&self) -> &[Column] {
        match self {
            Self::Otlp(_) => &[],
            Self::Rows(encoder) => encoder.columns(),
        }
    }

    /// Takes in a record of the log `writer`. Rows stay in memory as long as they take at most about `memory` bytes.
    pub(super) fn add(
        &mut self,
        writer: &str,
        record: &Record,
        memory: usize,
        sink: &mut Sink,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Otlp(encoder) => encoder.add(&record.body, sink),
            Self::Rows(encoder) => encoder.add(writer, record, memory, sink),
        }
    }

    /// Writes what is left.
    pub(super) fn finish(&mut self, sink: &mut Sink) -> io::Result<()> {
        match self {
            Self::Otlp(encoder) => encoder.finish(sink),
            Self::Rows(encoder) => encoder.finish(sink),
        }
    }
}

/// Does what may fail because of a record. A record that makes the program panic is one that cannot be packed: it must not
/// hold up all others for ever.
pub(super) fn guarded<T, E: ToString>(work: impl FnOnce() -> Result<T, E>) -> Result<T, EncodeError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(EncodeError::Unpackable(error.to_string())),
        Err(panic) => Err(EncodeError::Unpackable(format!("packing it panicked: {}", words(&*panic)))),
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_reason_like_an_error() {
        let reason = |outcome: Result<(), EncodeError>| match outcome {
            Err(EncodeError::Unpackable(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(guarded(|| Err("no rows"))), "no rows");
        let broken = |place: usize| -> Result<(), String> { [Ok(())].get(place).cloned().unwrap() };
        assert!(guarded(|| broken(0)).is_ok());
        assert!(reason(guarded(|| broken(1))).starts_with("packing it panicked: called `Option::unwrap()`"));
    }
}
