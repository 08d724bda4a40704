//! Counts the calls that wait for room.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::metrics;

/// A wait shorter than this is ordinary: a slow sync, a short queue.
const ORDINARY: Duration = Duration::from_millis(100);

/// Awaits `future`, and counts it as held from the moment it takes longer than is ordinary.
pub(super) async fn counted_when_held<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    if let Ok(output) = timeout(ORDINARY, &mut future).await {
        return output;
    }
    let _held = Held::begin();
    future.await
}

/// A call that is being held; it also ends when the client goes away and the call is dropped.
struct Held;

impl Held {
    fn begin() -> Self {
        metrics::receive::held_calls(1.0);
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        metrics::receive::held_calls(-1.0);
    }
}
