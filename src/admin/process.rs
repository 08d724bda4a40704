//! What the system knows about this process.

use std::fs;
use std::time::{Duration, Instant};

use crate::metrics::process;

/// Ticks a second of the times in `/proc/*/stat`: 100 on every architecture that Rust's Linux targets run on, whatever
/// the kernel's own clock is.
const TICKS_PER_SECOND: u64 = 100;

/// Reports version, uptime, memory, processor time and open files. What `/proc` does not say is left as it was.
pub(super) fn report(started: Instant) {
    process::build_info(env!("CARGO_PKG_VERSION"));
    process::uptime(started.elapsed());
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(memory) {
        process::memory(bytes);
    }
    if let Some(used) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(processor_time) {
        process::processor_time(used);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        process::open_files(u32::try_from(open.count()).unwrap_or(u32::MAX));
    }
}

/// The resident memory in `/proc/self/status`, in bytes.
fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Processor time in `/proc/self/stat`: fields 14 and 15, in user and in kernel mode.
fn processor_time(stat: &str) -> Option<Duration> {
    // The second field is the program's name in parentheses, and may have any characters in it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_time_are_read_as_the_kernel_writes_them() {
        assert_eq!(memory("Name:\tforebay\nVmRSS:\t   12345 kB\nThreads:\t9\n"), Some(12_345 * 1024));
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 100 1 2";
        assert_eq!(processor_time(stat), Some(Duration::from_secs(3)));
        assert!(memory(&fs::read_to_string("/proc/self/status").unwrap()).is_some_and(|bytes| bytes > 0));
        assert!(processor_time(&fs::read_to_string("/proc/self/stat").unwrap()).is_some());
    }
}
