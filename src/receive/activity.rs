//! What a connection is doing, as those have to know who decide when it ends.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What every HTTP/2 connection begins with, as far as no HTTP/1.1 connection does (RFC 9113, section 3.4).
const HTTP2_BEGINS: &[u8] = b"PRI";

/// What a connection is doing.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Requests that wait for their answers.
    requests: usize,
    /// Since when there is none.
    idle_since: Instant,
    /// When the first byte of a request's head came that is not whole yet. Over HTTP/1.1 only: over HTTP/2 other things
    /// come between requests.
    head_since: Option<Instant>,
    /// Its first bytes, as far as they are needed.
    beginning: Vec<u8>,
    is_last: bool,
}

/// A request that waits for its answer, which ends it.
#[derive(Debug)]
pub(super) struct Request(Activity);

impl Activity {
    /// Of a connection that has just come.
    pub(super) fn begin() -> Self {
        Self(Arc::new(Mutex::new(State {
            requests: 0,
            idle_since: Instant::now(),
            head_since: None,
            beginning: Vec::new(),
            is_last: false,
        })))
    }

    /// A request has come as a whole head.
    pub(super) fn request(&self) -> Request {
        let mut state = self.state();
        state.requests += 1;
        state.head_since = None;
        drop(state);
        Request(self.clone())
    }

    /// When the head that comes has to be whole, if one comes.
    pub(super) fn head_due(&self, timeout: Duration) -> Option<Instant> {
        self.state().head_since.map(|since| since + timeout)
    }

    /// Since when it is without a request, if it is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.requests == 0).then_some(state.idle_since)
    }

    /// Whether its client speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.state().beginning == HTTP2_BEGINS
    }

    /// Has the next answer, over HTTP/1.1, be the last.
    pub(super) fn end_after_next_answer(&self) {
        self.state().is_last = true;
    }

    /// Whether the next answer is the last.
    pub(super) fn ends(&self) -> bool {
        self.state().is_last
    }

    /// These bytes have come.
    pub(super) fn note(&self, came: &[u8]) {
        let mut state = self.state();
        if state.beginning.len() < HTTP2_BEGINS.len() {
            let missing = HTTP2_BEGINS.len() - state.beginning.len();
            state.beginning.extend(came.iter().take(missing));
        }
        if state.beginning == HTTP2_BEGINS {
            state.head_since = None;
        } else if state.requests == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        state.idle_since = Instant::now();
    }
}

/// A connection whose bytes are noted as they come.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let came = &buffer.filled()[before..];
        if !came.is_empty() {
            this.activity.note(came);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_head_is_late_from_its_first_byte_until_it_is_whole() {
        let activity = Activity::begin();
        assert_eq!(activity.head_due(TIMEOUT), None, "a silent connection is idle and not slow");
        activity.note(b"PO");
        let due = Instant::now() + TIMEOUT;
        tokio::time::advance(Duration::from_secs(9)).await;
        activity.note(b"ST / HTTP/1.1");
        assert_eq!(activity.head_due(TIMEOUT), Some(due), "what comes later wins no time");
        let request = activity.request();
        activity.note(b"body");
        assert_eq!((activity.head_due(TIMEOUT), activity.idle_since()), (None, None));
        drop(request);
        assert_eq!(activity.idle_since(), Some(Instant::now()));
        activity.note(b"P");
        assert_eq!(activity.head_due(TIMEOUT), Some(Instant::now() + TIMEOUT), "the next one");
        assert!(!activity.is_http2());
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_between_requests_over_http2_is_no_head() {
        let activity = Activity::begin();
        activity.note(b"P");
        assert!(activity.head_due(TIMEOUT).is_some());
        activity.note(b"RI * HTTP/2.0");
        activity.note(b"PING");
        assert!(activity.is_http2());
        assert_eq!(activity.head_due(TIMEOUT), None);
        assert_eq!(activity.idle_since(), Some(Instant::now()));
    }
}
