//! Bandwidth and progress of what is sent.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{HttpError, HttpRequestBody};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::units::ByteSize;

/// Slices of a second into which the bandwidth is cut, so that the line is busy all the time and never for long at a stretch.
const SLICES_PER_SECOND: u64 = 16;
/// The smallest slice of a chunk in bytes.
const SLICE_LEAST: u64 = 256;

/// The bandwidth that all puts share. It outlives the bucket for which it was made: when that is opened anew, what is
/// under way with the old one still counts.
#[derive(Debug)]
pub struct Pace {
    /// 0 if there is no limit.
    bytes_per_second: AtomicU64,
    /// When the line is free again.
    free_at: Mutex<Instant>,
}

impl Pace {
    /// A pace of so many bytes a second, or of any number.
    pub(super) fn new(limit: Option<ByteSize>) -> Self {
        let pace = Self { bytes_per_second: AtomicU64::new(0), free_at: Mutex::new(Instant::now()) };
        pace.set(limit);
        pace
    }

    /// From now on it is so many bytes a second, or any number. What has its turn already keeps it.
    pub(in crate::upload) fn set(&self, limit: Option<ByteSize>) {
        let bytes_per_second = limit.map_or(0, |limit| limit.bytes().max(1));
        self.bytes_per_second.store(bytes_per_second, Ordering::Release);
    }

    #[cfg(test)]
    pub(in crate::upload) fn limit(&self) -> Option<ByteSize> {
        Some(ByteSize(self.bytes_per_second.load(Ordering::Acquire))).filter(|limit| limit.bytes() > 0)
    }

    /// The bytes that may be sent at once; any number if there is no limit.
    fn slice(&self) -> Option<usize> {
        let rate = self.bytes_per_second.load(Ordering::Acquire);
        let slice = (rate / SLICES_PER_SECOND).max(SLICE_LEAST);
        (rate > 0).then(|| usize::try_from(slice).unwrap_or(usize::MAX))
    }

    /// Takes the line for `bytes`; they may be sent at the time returned.
    fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        let rate = self.bytes_per_second.load(Ordering::Acquire);
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = (*free_at).max(now);
        let nanoseconds = (bytes as u128 * 1_000_000_000).checked_div(u128::from(rate)).unwrap_or_default();
        let nanoseconds = u64::try_from(nanoseconds).unwrap_or(u64::MAX);
        *free_at = start + Duration::from_nanos(nanoseconds);
        start
    }
}

/// When an exchange last moved.
#[derive(Debug)]
pub(super) struct Progress(Mutex<Instant>);

/// An exchange did not move for too long.
#[derive(Debug, thiserror::Error)]
#[error("no progress for {} s", .0.as_secs_f32())]
pub(super) struct Stalled(Duration);

impl Progress {
    /// An exchange that begins now.
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Instant::now())))
    }

    /// Notes that it moved, or is meant to wait until `at`.
    pub(super) fn moved(&self, at: Instant) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (*last).max(at);
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `exchange` as long as it moves at least every `patience`.
    pub(super) async fn watch<T>(
        &self,
        patience: Duration,
        exchange: impl Future<Output = T>,
    ) -> Result<T, Stalled> {
        tokio::pin!(exchange);
        loop {
            let deadline = self.last() + patience;
            if let Ok(outcome) = timeout_at(deadline, &mut exchange).await {
                return Ok(outcome);
            }
            if self.last() + patience <= deadline {
                return Err(Stalled(patience));
            }
        }
    }
}

/// A request's body that keeps the pace and notes its progress.
pub(super) struct PacedBody {
    inner: HttpRequestBody,
    progress: Arc<Progress>,
    pace: Arc<Pace>,
    /// The slice that waits for its turn.
    waiting: Option<(Pin<Box<Sleep>>, Bytes)>,
    /// What is left of the chunk behind it.
    rest: Bytes,
}

impl PacedBody {
    pub(super) fn new(inner: HttpRequestBody, progress: Arc<Progress>, pace: Arc<Pace>) -> Self {
        Self { inner, progress, pace, waiting: None, rest: Bytes::new() }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        loop {
            if let Some((sleep, _)) = &mut self.waiting {
                if sleep.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                let slice = self.waiting.take().map(|(_, slice)| slice).unwrap_or_default();
                return Poll::Ready(Some(Ok(Frame::data(slice))));
            }
            let now = Instant::now();
            self.progress.moved(now);
            if !self.rest.is_empty() {
                let Some(most) = self.pace.slice() else {
                    return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))));
                };
                let bytes = self.rest.len().min(most);
                let slice = self.rest.split_to(bytes);
                let turn = self.pace.reserve(bytes, now);
                self.progress.moved(turn);
                self.waiting = Some((Box::pin(sleep_until(turn)), slice));
                continue;
            }
            let frame = match Pin::new(&mut self.inner).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                other => return other,
            };
            match frame.into_data() {
                Ok(chunk) => self.rest = chunk,
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.waiting.as_ref().map_or(0, |(_, slice)| slice.len() as u64);
        SizeHint::with_exact(self.inner.size_hint().lower() + waiting + self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use object_store::PutPayload;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bodies_share_the_bandwidth() {
        let pace = Arc::new(Pace::new(Some(ByteSize(1000))));
        let start = Instant::now();
        let send = |pace: &Arc<Pace>| {
            let payload: PutPayload = (0..10).map(|_| Bytes::from_static(&[0; 100])).collect();
            PacedBody::new(payload.into(), Progress::begin(), Arc::clone(pace)).collect()
        };
        let (one, two) = tokio::join!(send(&pace), send(&pace));
        assert_eq!(one.unwrap().to_bytes().len() + two.unwrap().to_bytes().len(), 2000);
        let took = start.elapsed();
        assert!(took > Duration::from_millis(1850) && took < Duration::from_millis(2100), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_chunk_goes_in_slices_at_an_even_pace() {
        let pace = Arc::new(Pace::new(Some(ByteSize(64_000))));
        let payload = PutPayload::from(Bytes::from(vec![7; 128_000]));
        let mut body = PacedBody::new(payload.into(), Progress::begin(), pace);
        let (start, mut sent) = (Instant::now(), 0);
        while let Some(frame) = body.frame().await {
            let bytes = frame.unwrap().into_data().unwrap().len();
            assert!(bytes <= 4_000, "{bytes} at once");
            sent += bytes;
            assert_eq!(body.size_hint().exact(), Some(128_000 - sent as u64));
            let due = sent as u128 / 64;
            let ahead = due.saturating_sub(start.elapsed().as_millis());
            assert!(ahead <= 64, "{sent} bytes after {:?}", start.elapsed());
        }
        assert_eq!(sent, 128_000);
        assert!(body.is_end_stream());
        assert!(start.elapsed() >= Duration::from_millis(1900), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_changes_holds_for_what_is_under_way() {
        let pace = Arc::new(Pace::new(Some(ByteSize(1000))));
        let payload = PutPayload::from(Bytes::from(vec![7; 100_000]));
        let mut body = PacedBody::new(payload.into(), Progress::begin(), Arc::clone(&pace));
        let start = Instant::now();
        body.frame().await.unwrap().unwrap();
        pace.set(Some(ByteSize(10_000)));
        let mut sent = 0;
        while sent < 10_000 {
            sent += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        pace.set(None);
        let begun = Instant::now();
        body.collect().await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchange_that_moves_is_never_given_up_and_one_that_stands_is() {
        let progress = Progress::begin();
        let moving = async {
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_secs(9)).await;
                progress.moved(Instant::now());
            }
        };
        assert!(progress.watch(Duration::from_secs(10), moving).await.is_ok());
        let begun = Instant::now();
        let progress = Progress::begin();
        assert!(progress.watch(Duration::from_secs(10), std::future::pending::<()>()).await.is_err());
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
    }
}
