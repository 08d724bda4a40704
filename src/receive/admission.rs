//! Bounds the memory of requests: a semaphore in bytes that a request passes before its body is read.
//!
//! A reservation covers what a request is expected to need at its peak and grows when that was too little. A request that
//! waits for more holds no more than its body meanwhile. Even that could go in a circle; it ends because every wait has a
//! deadline, after which the client is told to come back.

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::Refusal;
use super::held::counted_when_held;
use super::places::Places;
use crate::metrics;
use crate::units::ByteSize;

/// Bytes that one permit of the semaphore stands for; more than one byte, because permits are counted in 32 bits.
const PERMIT_BYTES: usize = 1024;

/// The memory that all requests share.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    permits: Places,
}

/// Memory set aside for one request, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    permits: OwnedSemaphorePermit,
    admission: Admission,
}

impl Admission {
    /// Shares out `capacity`.
    pub(super) fn new(capacity: ByteSize) -> Self {
        Self { permits: Places::new(permits_of(capacity)) }
    }

    /// Shares out another capacity. What is set aside stays so. Must be called on a tokio runtime.
    pub(super) fn resize(&self, capacity: ByteSize) {
        self.permits.resize(permits_of(capacity));
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> ByteSize {
        ByteSize(u64::from(self.permits.all()) * PERMIT_BYTES as u64)
    }

    /// Sets `bytes` aside, waiting for them until `patience_ends`.
    pub(super) async fn reserve(&self, bytes: usize, patience_ends: Instant) -> Result<Reservation, Refusal> {
        let permits = self.acquire(self.permits_for(bytes), patience_ends).await?;
        Ok(Reservation { permits, admission: self.clone() })
    }

    /// Permits that cover `bytes`. What needs more than there is may have all: it would wait for ever otherwise.
    fn permits_for(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).min(self.permits.all())
    }

    async fn acquire(&self, permits: u32, patience_ends: Instant) -> Result<OwnedSemaphorePermit, Refusal> {
        let acquired = if let Ok(acquired) = self.permits.semaphore().clone().try_acquire_many_owned(permits)
        {
            acquired
        } else {
            let waiting =
                timeout_at(patience_ends, self.permits.semaphore().clone().acquire_many_owned(permits));
            // The semaphore is never closed; were it, no more could be taken in either.
            counted_when_held(waiting).await.ok().and_then(Result::ok).ok_or(Refusal::Overloaded)?
        };
        metrics::receive::inflight_bytes(change(permits));
        Ok(acquired)
    }
}

impl Reservation {
    /// Makes sure that at least `bytes` are set aside, waiting for what is missing until `patience_ends`.
    pub(super) async fn at_least(&mut self, bytes: usize, patience_ends: Instant) -> Result<(), Refusal> {
        let missing = self.admission.permits_for(bytes).saturating_sub(self.count());
        if missing > 0 {
            self.permits.merge(self.admission.acquire(missing, patience_ends).await?);
        }
        Ok(())
    }

    /// Gives back what exceeds `bytes`.
    pub(super) fn at_most(&mut self, bytes: usize) {
        let surplus = self.count().saturating_sub(self.admission.permits_for(bytes));
        if surplus > 0 {
            drop(self.permits.split(surplus as usize));
            metrics::receive::inflight_bytes(-change(surplus));
        }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.permits.num_permits()).unwrap_or(u32::MAX)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        metrics::receive::inflight_bytes(-change(self.count()));
    }
}

/// The permits that there are for so many bytes.
fn permits_of(capacity: ByteSize) -> u32 {
    u32::try_from(capacity.bytes() / PERMIT_BYTES as u64).unwrap_or(u32::MAX)
}

/// Permits as bytes, for the gauge.
fn change(permits: u32) -> f64 {
    f64::from(permits) * 1024.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kib(n: usize) -> usize {
        n * 1024
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_given_back_when_a_reservation_shrinks_or_goes() {
        let admission = Admission::new(ByteSize::kib(10));
        let free = || admission.permits.semaphore().available_permits();
        let now = Instant::now();
        let mut first = admission.reserve(kib(8), now).await.unwrap();
        assert_eq!(free(), 2);
        first.at_most(kib(3));
        assert_eq!(free(), 7);
        first.at_least(kib(10), now).await.unwrap();
        assert_eq!(free(), 0);
        drop(first);
        assert_eq!(free(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_room_or_at_its_deadline() {
        let admission = Admission::new(ByteSize::kib(10));
        let first = admission.reserve(kib(10), Instant::now()).await.unwrap();
        let patience_ends = Instant::now() + Duration::from_secs(5);
        assert_eq!(admission.reserve(1, patience_ends).await.unwrap_err(), Refusal::Overloaded);
        assert_eq!(Instant::now(), patience_ends);

        let patience_ends = Instant::now() + Duration::from_secs(5);
        let waiting = admission.reserve(1, patience_ends);
        let (second, ()) = tokio::join!(waiting, async { drop(first) });
        assert!(second.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn two_that_each_wait_for_the_other_both_come_to_an_end() {
        let admission = Admission::new(ByteSize::kib(10));
        let now = Instant::now();
        let mut first = admission.reserve(kib(5), now).await.unwrap();
        let mut second = admission.reserve(kib(5), now).await.unwrap();
        let soon = now + Duration::from_secs(1);
        let (first, second) = tokio::join!(first.at_least(kib(8), soon), second.at_least(kib(8), soon));
        assert_eq!((first, second), (Err(Refusal::Overloaded), Err(Refusal::Overloaded)));
    }

    #[tokio::test]
    async fn what_needs_more_than_there_is_may_have_all() {
        let admission = Admission::new(ByteSize::kib(10));
        assert!(admission.reserve(kib(1000), Instant::now()).await.is_ok());
    }

    #[tokio::test]
    async fn a_capacity_that_changes_takes_nothing_from_those_who_have_it() {
        let admission = Admission::new(ByteSize::kib(10));
        let now = Instant::now();
        let first = admission.reserve(kib(8), now).await.unwrap();
        admission.resize(ByteSize::kib(4));
        tokio::task::yield_now().await;
        assert_eq!(admission.reserve(1, now).await.unwrap_err(), Refusal::Overloaded);
        drop(first);
        tokio::task::yield_now().await;
        let all = admission.reserve(kib(1000), now).await.unwrap();
        assert_eq!(all.count(), 4);
        admission.resize(ByteSize::kib(6));
        assert!(admission.reserve(kib(2), now).await.is_ok());
    }
}
