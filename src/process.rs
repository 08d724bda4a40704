//! What the kernel knows about a process: its memory and the processor's time it took, from `/proc`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Ticks a second of the times in `/proc/*/stat`: 100 on every architecture that Rust's Linux targets run on, whatever
/// the kernel's own clock is.
const TICKS_PER_SECOND: u64 = 100;

/// A process, by its folder in `/proc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process(PathBuf);

/// The memory that a process has of the machine's, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub resident_bytes: u64,
    /// The most it ever had.
    pub peak_bytes: u64,
}

/// The processor's time that a process took since it began, in steps of 10 ms, over all its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessorTime {
    /// In its own code.
    pub user: Duration,
    /// In the kernel, on its behalf.
    pub system: Duration,
}

impl Process {
    /// This one.
    pub fn own() -> Self {
        Self(PathBuf::from("/proc/self"))
    }

    /// The one with this number.
    pub fn numbered(number: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{number}")))
    }

    /// Its memory. None if there is no such process, or if `/proc` does not say.
    pub fn memory(&self) -> Option<Memory> {
        memory(&self.read("status")?)
    }

    /// The processor's time that it took. None if there is no such process, or if `/proc` does not say.
    pub fn processor_time(&self) -> Option<ProcessorTime> {
        processor_time(&self.read("stat")?)
    }

    /// How many files it has open. None if there is no such process, or if it is somebody else's.
    pub fn open_files(&self) -> Option<usize> {
        fs::read_dir(self.0.join("fd")).ok().map(Iterator::count)
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok()
    }
}

impl ProcessorTime {
    /// In both.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What was taken since an earlier moment.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// `VmRSS` and `VmHWM` ("high water mark") of `/proc/*/status`.
fn memory(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some(Memory { resident_bytes: bytes("VmRSS:")?, peak_bytes: bytes("VmHWM:")? })
}

/// Fields 14 and 15 of `/proc/*/stat`.
fn processor_time(stat: &str) -> Option<ProcessorTime> {
    // The second field is the program's name in parentheses, and may have any characters in it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let mut time = || Some(Duration::from_millis(ticks.next()?.ok()? * 1000 / TICKS_PER_SECOND));
    Some(ProcessorTime { user: time()?, system: time()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_time_are_read_as_the_kernel_writes_them() {
        let status = "Name:\tforebay\nVmHWM:\t   23456 kB\nVmRSS:\t   12345 kB\nThreads:\t9\n";
        let expected = Memory { resident_bytes: 12_345 * 1024, peak_bytes: 23_456 * 1024 };
        assert_eq!(memory(status), Some(expected));
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 100 1 2";
        let expected =
            ProcessorTime { user: Duration::from_millis(2500), system: Duration::from_millis(500) };
        assert_eq!(processor_time(stat), Some(expected));
        assert_eq!(expected.total(), Duration::from_secs(3));
    }

    #[test]
    fn a_process_is_found_by_its_number_and_by_itself() {
        let numbered = Process::numbered(std::process::id());
        let memory = numbered.memory().unwrap();
        assert!(memory.resident_bytes > 0 && memory.peak_bytes >= memory.resident_bytes, "{memory:?}");
        assert!(Process::own().processor_time().is_some());
        assert!(Process::own().open_files().is_some_and(|files| files > 0));
        // No process has this number: it is above the highest that Linux gives (2^22).
        let nobody = Process::numbered(1 << 23);
        assert_eq!((nobody.memory(), nobody.processor_time(), nobody.open_files()), (None, None, None));
    }
}
