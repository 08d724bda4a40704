//! Reading an object of a store piece by piece.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use tokio::runtime::Handle;

use crate::upload::bucket::StoredObjects;

/// Bytes that are asked for at once.
const PIECE_BYTES: u64 = 8 << 20;

/// An object of a store, read from its beginning. Blocks the thread, which must not be one of the runtime's.
pub(super) struct StoredReader<'a> {
    pub(super) store: &'a StoredObjects,
    pub(super) runtime: Handle,
    pub(super) key: &'a str,
    pub(super) bytes: u64,
    pub(super) at: u64,
    pub(super) piece: Bytes,
}

/// What the store says instead of giving an object.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotGiven(String);

/// What the store said, if it is the reason of this error.
pub(super) fn words_of_store(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<NotGiven>().map(ToString::to_string)
}

impl Read for StoredReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && self.at < self.bytes {
            let end = self.bytes.min(self.at + PIECE_BYTES);
            let reading = self.store.read(self.key, self.at..end);
            self.piece = self.runtime.block_on(reading).map_err(|why| io::Error::other(NotGiven(why)))?;
            if self.piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.at += self.piece.len() as u64;
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
