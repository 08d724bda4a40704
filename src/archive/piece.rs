//! One object or segment of a place.

use std::fs::File;
use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::requests::Requests;
use super::stored::StoredReader;
use super::{Request, name};
use crate::log::{SealedSegment, Unreadable};
use crate::otlp::Signal;
use crate::pack::Reading;
use crate::upload::bucket::StoredObjects;

/// Why a request of a piece cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It holds something else.
    #[error("it holds JSON that is neither OTLP nor forebay's rows")]
    Foreign,
    /// Protobuf does not say what it is.
    #[error("its name does not tell the signal; say it with --signal")]
    UnknownSignal,
    /// It is not what was written, or cannot be read.
    #[error("{0}")]
    Damaged(String),
    /// The store did not give it, for a reason that may pass.
    #[error("{0}")]
    Store(String),
}

/// An object or a segment.
#[derive(Debug)]
pub struct Piece {
    /// What it is called: a path, or a key in the bucket.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When its first record was received, if its name tells.
    pub received_at: Option<Timestamp>,
    /// What it carries, if its name tells; a segment carries everything.
    pub signal: Option<Signal>,
    pub(super) kind: Kind,
}

/// How a piece is read.
#[derive(Debug)]
pub(super) enum Kind {
    File(PathBuf, Reading),
    Stored(Reading),
    Segment(Box<SealedSegment>),
}

impl Piece {
    /// An object of this name; none if it is not one of forebay's.
    pub(super) fn object(name: String, bytes: u64, kind: impl FnOnce(Reading) -> Kind) -> Option<Self> {
        let reading = Reading::of(&name)?;
        let (received_at, signal) = (name::received_at(&name), name::signal(&name));
        Some(Self { name, bytes, received_at, signal, kind: kind(reading) })
    }

    /// Gives its requests to `take`, one after the other, until it returns `false`. `signal` is what it carries where
    /// nothing else tells. Blocks the thread, which must not be one of the runtime's.
    ///
    /// # Errors
    /// What cannot be read; what comes before it was given.
    pub fn each(
        &self,
        store: Option<&StoredObjects>,
        runtime: &Handle,
        signal: Option<Signal>,
        mut take: impl FnMut(Request) -> bool,
    ) -> Result<(), Error> {
        let signal = self.signal.or(signal);
        let requests = match (&self.kind, store) {
            (Kind::Segment(segment), _) => {
                let records = segment.records(Unreadable::Skip);
                Requests::Records(Box::new(records.map_err(|error| Error::Damaged(error.to_string()))?))
            }
            (Kind::File(path, reading), _) => {
                let file = File::open(path).map_err(|error| Error::Damaged(error.to_string()))?;
                requests(*reading, file, signal)?
            }
            (Kind::Stored(reading), Some(store)) => {
                let (runtime, key) = (runtime.clone(), self.name.as_str());
                let object =
                    StoredReader { store, runtime, key, bytes: self.bytes, at: 0, piece: Bytes::new() };
                requests(*reading, object, signal)?
            }
            (Kind::Stored(_), None) => {
                return Err(Error::Damaged("there is no store to read it from".into()));
            }
        };
        let mut first_error = None;
        for request in requests {
            match request {
                Ok(request) => {
                    if !take(request) {
                        break;
                    }
                }
                // A segment goes on behind a damaged range, an object does not.
                Err(error) if matches!(self.kind, Kind::Segment(_)) => {
                    first_error.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

fn requests<'a>(
    reading: Reading,
    object: impl std::io::Read + 'a,
    signal: Option<Signal>,
) -> Result<Requests<'a>, Error> {
    let content = reading.content(object).map_err(|error| Error::Damaged(error.to_string()))?;
    Requests::of(content, reading.holds(), signal)
}
