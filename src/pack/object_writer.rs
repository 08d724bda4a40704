//! One object while records are added to it: encoding, compression, file.

use std::path::PathBuf;

use super::batch::Object;
use super::encoder::{EncodeError, Encoder};
use super::error::Error;
use super::key::Partition;
use super::options::Options;
use super::sink::Sink;
use super::spool_file::{SpoolFile, Written};
use super::staging::StagedFile;
use crate::disk::Use;
use crate::log::Record;
use crate::otlp::Signal;

/// An object that is not finished.
pub(super) struct ObjectWriter {
    encoder: Encoder,
    sink: Sink,
    number: usize,
    /// The name of its file, without and with the folder.
    name: String,
    path: PathBuf,
    signal: Signal,
    partition: Partition,
    records: u64,
    items: u64,
    first_received_at: u64,
    last_received_at: u64,
    content_type: &'static str,
    content_encoding: Option<&'static str>,
}

/// An object that is whole and on disk, although its name is not durable.
pub(super) struct Finished {
    /// The number of its file, by which objects are ordered.
    pub(super) number: usize,
    /// What the manifest will say of it.
    pub(super) object: Object,
    /// What it uses of the disk budget.
    pub(super) used: Use,
}

/// Why a record was not added.
pub(super) enum AddError {
    /// It cannot be encoded, for this reason. The object is as it was.
    Unpackable(String),
    /// The object cannot be finished.
    Failed(Error),
}

impl ObjectWriter {
    /// Begins an object of `signal` in `partition`.
    pub(super) fn begin(
        options: &Options,
        file: StagedFile,
        signal: Signal,
        partition: Partition,
    ) -> Result<Self, Error> {
        let StagedFile { number, name, path, content } = file;
        let options = &*options.for_signal(signal);
        let codec = options.codec().map_err(Error::InvalidOptions)?;
        let encoder = Encoder::new(options, signal).map_err(Error::InvalidOptions)?;
        let sink = Sink::new(options.format, codec, encoder.columns(), content);
        Ok(Self {
            encoder,
            sink: sink.map_err(Error::disk("write", &path))?,
            number,
            name,
            path,
            signal,
            partition,
            records: 0,
            items: 0,
            first_received_at: 0,
            last_received_at: 0,
            content_type: options.content_type(),
            content_encoding: options.content_encoding(),
        })
    }

    /// Whether records of `signal` and `partition` belong to it.
    pub(super) fn is_of(&self, signal: Signal, partition: &Partition) -> bool {
        self.signal == signal && self.partition == *partition
    }

    /// Whether no other record fits into it.
    pub(super) fn is_full(&self) -> bool {
        self.encoder.takes_one() && self.records > 0
    }

    /// Whether nothing was added to it.
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The name of its file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds a record of the log `writer`. Rows stay in memory as long as they take at most about `memory` bytes.
    pub(super) fn add(&mut self, writer: &str, record: &Record, memory: usize) -> Result<(), AddError> {
        self.encoder.add(writer, record, memory, &mut self.sink).map_err(|error| match error {
            EncodeError::Unpackable(reason) => AddError::Unpackable(reason),
            EncodeError::Sink(error) => AddError::Failed(Error::disk("write", &self.path)(error)),
        })?;
        self.count(record);
        Ok(())
    }

    /// Adds what a record became elsewhere, as it is.
    pub(super) fn add_plain(&mut self, record: &Record, content: &[u8]) -> Result<(), Error> {
        self.sink.write(content).map_err(Error::disk("write", &self.path))?;
        self.count(record);
        Ok(())
    }

    fn count(&mut self, record: &Record) {
        if self.records == 0 {
            self.first_received_at = record.received_at;
        }
        self.records += 1;
        self.items += u64::from(record.items);
        self.last_received_at = record.received_at;
    }

    /// Its partition.
    pub(super) fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Ends the object and makes its content durable. `unique` makes the unique part of its name of the time of its first
    /// record (nanoseconds since 1970) and the hash of its content.
    pub(super) fn finish(self, unique: impl FnOnce(u64, &str) -> String) -> Result<Finished, Error> {
        let (received_at, partition) = (self.first_received_at, self.partition.clone());
        self.finish_as(|blake3| partition.key(&unique(received_at, blake3)))
    }

    /// Ends the object and makes its content durable. `key` makes its key of the hash of its content.
    pub(super) fn finish_as(mut self, key: impl FnOnce(&str) -> String) -> Result<Finished, Error> {
        let failed = Error::disk("write", &self.path);
        let encoded = self.encoder.finish(&mut self.sink);
        let written = encoded.and_then(|()| self.sink.finish()).and_then(SpoolFile::finish);
        let Written { bytes, blake3, used } = written.map_err(failed)?;
        let object = Object {
            bucket: self.partition.bucket().map(str::to_owned),
            key: key(&blake3),
            file: self.name,
            signal: self.signal,
            records: self.records,
            items: self.items,
            bytes,
            blake3,
            first_received_at: self.first_received_at,
            last_received_at: self.last_received_at,
            content_type: self.content_type.to_owned(),
            content_encoding: self.content_encoding.map(str::to_owned),
        };
        Ok(Finished { number: self.number, object, used })
    }
}
