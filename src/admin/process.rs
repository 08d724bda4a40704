//! What the system knows about this process, as metrics.

use std::time::Instant;

use crate::metrics::process;
use crate::process::Process;

/// Reports version, uptime, memory, processor time and open files. What `/proc` does not say is left as it was.
pub(super) fn report(started: Instant) {
    process::build_info(env!("CARGO_PKG_VERSION"));
    process::uptime(started.elapsed());
    let own = Process::own();
    if let Some(memory) = own.memory() {
        process::memory(memory.resident_bytes);
    }
    if let Some(used) = own.processor_time() {
        process::processor_time(used.total());
    }
    if let Some(open) = own.open_files() {
        process::open_files(u32::try_from(open).unwrap_or(u32::MAX));
    }
}
