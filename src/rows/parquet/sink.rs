//! The sink of a Parquet file, which remembers why it refused.

use std::io::{self, Write};

/// Writes through to a sink.
///
/// Errors of the crate `parquet` keep the sink's error in some places and its text alone in others, and an error of a
/// compressor looks the same. What is kept here is the sink's for certain.
pub(super) struct Sink<W> {
    /// There until it is taken.
    sink: Option<W>,
    failure: Option<io::Error>,
}

impl<W: Write> Sink<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink: Some(sink), failure: None }
    }

    /// The sink. What is written afterwards is refused.
    pub(super) fn take(&mut self) -> Option<W> {
        self.sink.take()
    }

    /// Why the sink refused, if it did.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    fn attempt<T>(&mut self, act: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        let sink = self.sink.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        act(sink).map_err(|failure| {
            let kind = failure.kind();
            // The caller tries again what was only interrupted.
            if kind != io::ErrorKind::Interrupted {
                self.failure = Some(failure);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|sink| match sink.write(bytes)? {
            // What callers would say themselves, but nobody would keep.
            0 if !bytes.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(W::flush)
    }
}
