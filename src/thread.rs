//! Threads without which the process is worth nothing.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread. If it panics the process ends at once: clients would wait for ever, or data would pile up, while all
/// else looks well. What was acknowledged is on disk, and a restart goes on with it.
///
/// # Errors
/// If the system has no thread to give.
pub fn spawn_vital(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        let _guard = AbortOnPanic;
        body();
    })
}

/// Ends the process if it is dropped by a panic, whose message the panic hook has printed by then.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
