//! A timer that is as fine as the kernel's. tokio's own rounds up to milliseconds, which is many times what a request
//! takes.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A timer of the kernel's.
#[derive(Debug)]
pub(super) struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    /// A timer that is not set.
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "what is offered instead is unsafe; an OwnedFd stays the same and open"
        )]
        Ok(Self(AsyncFd::new(timer)?))
    }

    /// Waits until this moment.
    pub(super) async fn wait_until(&mut self, due: Instant) -> io::Result<()> {
        loop {
            let left = due.saturating_duration_since(Instant::now());
            // Nanoseconds are fewer than 10^9, which every Timespec holds.
            let Ok(it_value) = Timespec::try_from(left) else { return Ok(()) };
            if left.is_zero() {
                return Ok(());
            }
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            timerfd_settime(
                self.0.get_ref(),
                TimerfdTimerFlags::empty(),
                &Itimerspec { it_interval, it_value },
            )?;
            let mut guard = self.0.readable().await?;
            // Read, so that it can be waited for again; how often it went off is of no interest.
            let _ = guard.try_io(|timer| Ok(rustix::io::read(timer, &mut [0; 8])?));
            guard.clear_ready();
        }
    }
}
