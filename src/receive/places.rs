//! A number of places that may change while they are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Semaphore;

/// Places, each of which one has at a time.
#[derive(Clone, Debug)]
pub(super) struct Places {
    semaphore: Arc<Semaphore>,
    all: Arc<AtomicU32>,
}

impl Places {
    pub(super) fn new(all: u32) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(all as usize)), all: Arc::new(AtomicU32::new(all)) }
    }

    /// How many there are, taken or not.
    pub(super) fn all(&self) -> u32 {
        self.all.load(Ordering::Acquire)
    }

    pub(super) fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// Makes them more or fewer. Of those that are taken, none is taken away: fewer go as they are given back, before
    /// anybody who comes later gets one. Must be called on a tokio runtime.
    pub(super) fn resize(&self, all: u32) {
        let before = self.all.swap(all, Ordering::AcqRel);
        if all > before {
            self.semaphore.add_permits((all - before) as usize);
        } else if all < before {
            let semaphore = Arc::clone(&self.semaphore);
            // It ends when so many were given back, and knows nothing that would have to be put in order at the end.
            tokio::spawn(async move {
                if let Ok(surplus) = semaphore.acquire_many(before - all).await {
                    surplus.forget();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_that_are_taken_go_when_they_are_given_back() {
        let places = Places::new(3);
        let take = || Arc::clone(places.semaphore()).try_acquire_owned();
        let (first, second) = (take().unwrap(), take().unwrap());
        places.resize(1);
        tokio::task::yield_now().await;
        assert!(take().is_err(), "one is free, and goes");
        drop(first);
        tokio::task::yield_now().await;
        assert!(take().is_err(), "this one goes as well");
        drop(second);
        tokio::task::yield_now().await;
        let third = take().unwrap();
        assert!(take().is_err() && places.all() == 1);
        places.resize(2);
        assert!(take().is_ok());
        drop(third);
    }
}
