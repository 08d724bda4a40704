//! Reads a request's body: frames as they come, none waited for without end, nor all of them together, copied only where
//! several make one.

use std::fmt::Display;
use std::mem;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::fault::Fault;
use super::progress::{Pace, Progress};

/// Bytes of a refused request that are read and thrown away, so that the client comes to read the answer.
const DISCARDED_BYTES: usize = 128 << 20;

/// How long that may take.
const DISCARDING: Duration = Duration::from_secs(5);

/// A request's body.
#[derive(Debug)]
pub(super) struct RequestBody<B> {
    body: B,
    /// Of the last frame, what nobody asked for yet.
    pending: Bytes,
    progress: Progress,
}

impl<B> RequestBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    /// A body that counts as interrupted when it comes more slowly than `pace`.
    pub(super) fn new(body: B, pace: Pace) -> Self {
        Self { body, pending: Bytes::new(), progress: Progress::begin(pace) }
    }

    /// The length that the client announced, if it did.
    pub(super) fn announced(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next bytes, at least one; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if !self.pending.is_empty() {
            return Ok(Some(mem::take(&mut self.pending)));
        }
        loop {
            let began = Instant::now();
            let frame = timeout(self.progress.patience(), self.body.frame()).await;
            let frame = frame.map_err(|_| Fault::Interrupted(self.progress.complaint()))?;
            let bytes = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            self.progress.note(bytes, began.elapsed());
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Fault::Interrupted(error.to_string())),
                // Trailers of a request say nothing to us.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Ok(Some(data)),
                    _ => {}
                },
            }
        }
    }

    /// The next `length` bytes, or fewer at the end. Copies nothing if they are in one frame.
    pub(super) async fn take(&mut self, length: usize) -> Result<Bytes, Fault> {
        let mut whole = BytesMut::new();
        while whole.len() < length {
            let Some(mut data) = self.next().await? else { break };
            let missing = length - whole.len();
            if data.len() > missing {
                self.pending = data.split_off(missing);
            }
            if data.len() == length {
                return Ok(data);
            }
            if whole.is_empty() {
                whole.reserve(length);
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }

    /// Whether nothing follows.
    pub(super) async fn ends_here(&mut self) -> Result<bool, Fault> {
        match self.next().await? {
            None => Ok(true),
            Some(data) => {
                self.pending = data;
                Ok(false)
            }
        }
    }

    /// Throws away what is still to come, within bounds. A client over HTTP/1.1 that is cut off while it sends may take
    /// that for a broken line, and send again what was refused for good.
    pub(super) async fn discard(&mut self) {
        let deadline = Instant::now() + DISCARDING;
        let mut bytes = 0;
        while bytes < DISCARDED_BYTES {
            match timeout_at(deadline, self.next()).await {
                Ok(Ok(Some(data))) => bytes += data.len(),
                _ => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::receive::Options;

    fn pace() -> Pace {
        Pace::of(&Options::default())
    }

    fn body(
        frames: &'static [&'static [u8]],
    ) -> RequestBody<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
        let frames = frames.iter().map(|frame| Ok(Frame::data(Bytes::from_static(frame))));
        RequestBody::new(StreamBody::new(stream::iter(frames)), pace())
    }

    #[tokio::test]
    async fn bytes_are_taken_across_the_edges_of_frames() {
        let mut body = body(&[b"", b"ab", b"cde", b"fghij"]);
        assert_eq!(body.take(1).await.unwrap(), "a");
        assert_eq!(body.take(4).await.unwrap(), "bcde");
        assert!(!body.ends_here().await.unwrap());
        assert_eq!(body.take(0).await.unwrap(), "");
        assert_eq!(body.take(9).await.unwrap(), "fghij");
        assert!(body.ends_here().await.unwrap());
    }

    #[tokio::test]
    async fn what_lies_in_one_frame_is_not_copied() {
        const FRAME: &[u8] = b"12345message";
        let mut body = body(&[FRAME]);
        body.take(5).await.unwrap();
        assert_eq!(body.take(7).await.unwrap().as_ptr(), FRAME[5..].as_ptr());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_is_interrupted() {
        let never = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let mut body = RequestBody::new(never, pace());
        let before = Instant::now();
        assert!(matches!(body.next().await, Err(Fault::Interrupted(_))));
        assert_eq!(Instant::now() - before, Duration::from_secs(30));
    }
}
