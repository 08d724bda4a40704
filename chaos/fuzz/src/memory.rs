//! How much memory an input may take.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What anything may take, whatever the input: buffers that are made once, texts of errors.
const IN_ANY_CASE: usize = 64 << 10;

/// Runs `work`, which must take no more memory at any time than `times` as much as the input has `bytes`, beside a
/// little that anything may take.
pub fn within_memory<T>(bytes: usize, times: usize, work: impl FnOnce() -> T) -> T {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = work();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let allowed = bytes * times + IN_ANY_CASE;
    assert!(taken <= allowed, "{bytes} bytes took {taken} bytes of memory, more than {allowed}");
    result
}
