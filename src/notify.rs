//! What the service manager is told: the protocol of `sd_notify(3)`, which systemd and others speak.
//!
//! Where `NOTIFY_SOCKET` is not set, nobody is told anything. That it cannot be told is no reason to fail: the manager finds
//! out by its own deadlines.

use std::time::Duration;

use sd_notify::NotifyState;

/// Whether there is somebody to tell.
pub fn is_supervised() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Within which the manager wants to hear [`alive`] again; `None` if it does not.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Clients are served from now on; also the end of what [`reloading`] began.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The process is well, and does what `status` says in a line.
pub fn alive(status: &str) {
    tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] ends that.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "there is no clock to tell the service manager of a reload by"),
    }
}

/// The process ends, which takes as long as `patience` at most.
pub fn stopping(patience: Duration) {
    let microseconds = u32::try_from(patience.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(microseconds)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager cannot be told how forebay does");
    }
}
