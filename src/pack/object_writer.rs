//! One object while records are added to it: format, compression, file.

use std::io;
use std::path::PathBuf;

use super::batch::Object;
use super::codec::{Codec, Compressor};
use super::error::Error;
use super::key::{Partition, unique_part};
use super::options::Options;
use super::spool_file::SpoolFile;
use super::staging::StagedFile;
use crate::disk::Use;
use crate::log::{Record, SegmentId};
use crate::otlp::Signal;

/// An object that is not finished. It holds one chunk of the file and the state of the compression, whatever its size.
pub(super) struct ObjectWriter<'a> {
    options: &'a Options,
    stream: Compressor<SpoolFile>,
    number: usize,
    /// The name of its file, without and with the folder.
    name: String,
    path: PathBuf,
    signal: Signal,
    partition: Partition,
    /// Whether there is nothing in it that a separator could separate.
    empty: bool,
    records: u64,
    items: u64,
    first_received_at: u64,
    last_received_at: u64,
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

impl<'a> ObjectWriter<'a> {
    /// Begins an object of `signal` in `partition`.
    pub(super) fn begin(
        options: &'a Options,
        codec: Codec,
        file: StagedFile,
        signal: Signal,
        partition: Partition,
    ) -> Result<Self, Error> {
        let StagedFile { number, name, path, content } = file;
        let mut stream = codec.compressor(content).map_err(Error::disk("write", &path))?;
        stream.write_all(options.format.opening(signal)).map_err(Error::disk("write", &path))?;
        Ok(Self {
            options,
            stream,
            number,
            name,
            path,
            signal,
            partition,
            empty: true,
            records: 0,
            items: 0,
            first_received_at: 0,
            last_received_at: 0,
        })
    }

    /// The partition of all of its records.
    pub(super) fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Adds `record`, which was encoded to `content`.
    pub(super) fn add(&mut self, record: &Record, content: &[u8]) -> Result<(), Error> {
        self.write(content).map_err(Error::disk("write", &self.path))?;
        if self.records == 0 {
            self.first_received_at = record.received_at;
        }
        self.records += 1;
        self.items += u64::from(record.items);
        self.last_received_at = record.received_at;
        Ok(())
    }

    /// Ends the object and makes its content durable.
    pub(super) fn finish(mut self, writer: &str, segment: SegmentId) -> Result<Finished, Error> {
        let failed = Error::disk("write", &self.path);
        let closed = self.stream.write_all(self.options.format.closing());
        let written =
            closed.and_then(|()| self.stream.finish()).and_then(SpoolFile::finish).map_err(failed)?;
        let unique = unique_part(self.first_received_at, writer, segment, &written.blake3);
        let object = Object {
            key: self.partition.key(&unique),
            file: self.name,
            signal: self.signal,
            records: self.records,
            items: self.items,
            bytes: written.bytes,
            blake3: written.blake3,
            first_received_at: self.first_received_at,
            last_received_at: self.last_received_at,
            content_type: self.options.content_type().to_owned(),
            content_encoding: self.options.content_encoding().map(str::to_owned),
        };
        Ok(Finished { number: self.number, object, used: written.used })
    }

    fn write(&mut self, content: &[u8]) -> io::Result<()> {
        if content.is_empty() {
            return Ok(());
        }
        if !self.empty {
            self.stream.write_all(self.options.format.separator())?;
        }
        self.empty = false;
        self.stream.write_all(content)
    }
}
