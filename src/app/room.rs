//! `log.when_full: drop_oldest`: makes room when intake finds none.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::admin::Losses;
use crate::log::Log;
use crate::metrics;
use crate::metrics::upload::DropReason;
use crate::otlp::Signal;
use crate::upload::Deliveries;

/// How often it looks whether intake is blocked, and how long intake has to find the room that was made.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is dropped from, and who counts it.
pub(super) struct Dropping {
    pub(super) log: Log,
    pub(super) deliveries: Arc<Deliveries>,
    pub(super) losses: Arc<Mutex<Losses>>,
}

/// Drops the oldest objects, or segments if there are none, whenever intake is blocked and `drops` says so. Ends with
/// `ending`.
pub(super) async fn keep_room(dropping: Dropping, drops: Arc<AtomicBool>, mut ending: watch::Receiver<bool>) {
    let Dropping { log, deliveries, losses } = dropping;
    loop {
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if !drops.load(Ordering::Acquire) || !log.lacks_room() {
            continue;
        }
        let (log, deliveries) = (log.clone(), Arc::clone(&deliveries));
        match tokio::task::spawn_blocking(move || drop_one(&log, &deliveries)).await {
            Ok(items) => {
                let mut losses = losses.lock().unwrap_or_else(PoisonError::into_inner);
                losses.dropped_items.add(items.into());
            }
            Err(error) => tracing::error!(%error, "dropping the oldest data failed"),
        }
    }
}

/// Drops the oldest objects in the spool, which are older than any segment, or the oldest segment. Returns the items
/// dropped, by [`Signal::index`].
fn drop_one(log: &Log, deliveries: &Deliveries) -> [u64; Signal::COUNT] {
    if let Some(dropped) = deliveries.drop_oldest() {
        return dropped.items;
    }
    match log.drop_oldest() {
        Ok(Some(segment)) => {
            tracing::error!(
                segment = %segment.id(), items = segment.items().iter().sum::<u64>(),
                "the disk budget is used up: the oldest segment was dropped, as log.when_full asks for"
            );
            for (output, _) in deliveries.status() {
                for signal in Signal::ALL {
                    let items = segment.items()[signal.index()];
                    metrics::upload::dropped_items(output.as_str(), signal, items, DropReason::DiskBudget);
                }
            }
            segment.items()
        }
        Ok(None) => [0; Signal::COUNT],
        Err(error) => {
            tracing::error!(%error, "cannot drop the oldest segment");
            [0; Signal::COUNT]
        }
    }
}
