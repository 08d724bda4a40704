//! Tells the service manager how the process does, and that it lives.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::admin::{Status, Subject as _};
use crate::notify;

use super::subject::Process;

/// How often it is told at the least.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Goes on as long as it is polled. There is word only if the process can say how it does: that the runtime goes on, and
/// that log, packing and delivery do not hold what they share for ever. A disk or a store that fails is no reason to be
/// silent, for a restart would not mend it.
pub(super) async fn keep_told(process: Arc<Process>) {
    if !notify::is_supervised() {
        return;
    }
    // Twice within the time that the manager gives, so that one that is late does no harm.
    let every = notify::watchdog().map_or(TELL_EVERY, |within| TELL_EVERY.min(within / 2));
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked = Arc::clone(&process);
        let asking = tokio::task::spawn_blocking(move || asked.status());
        match timeout(TELL_EVERY, asking).await {
            Ok(Ok(status)) => notify::alive(&line(&status)),
            Ok(Err(error)) => tracing::error!(%error, "the process cannot say how it does"),
            Err(_) => tracing::error!("the process does not say how it does within {TELL_EVERY:?}"),
        }
    }
}

/// How it does, in the line that `systemctl status` shows.
fn line(status: &Status) -> String {
    // A line it is, whatever a store said.
    format!("{}; {} items wait", status.verdict(), status.queue.items.total()).replace(['\n', '\r'], " ")
}
