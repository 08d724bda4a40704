//! Metrics of the disk that log and spool share.

use metrics::gauge;

/// `forebay_disk_used_bytes`: what log and spool use. When it nears the budget, look why nothing is delivered, or make
/// the budget larger; at the budget, clients are refused or data is dropped, as `log.when_full` says.
pub fn used(bytes: u64) {
    gauge!("forebay_disk_used_bytes").set(float(bytes));
}

/// `forebay_disk_budget_bytes`: what they may use (`log.disk_budget`). For the ratio in an alert.
pub fn budget(bytes: u64) {
    gauge!("forebay_disk_budget_bytes").set(float(bytes));
}

/// `forebay_disk_free_bytes`: free space of the file system. Below `log.free_space_floor` nothing is taken in: something
/// else fills the disk.
pub fn free(bytes: u64) {
    gauge!("forebay_disk_free_bytes").set(float(bytes));
}

/// `forebay_disk_free_floor_bytes`: the free space below which nothing is taken in (`log.free_space_floor`); 0 if that is
/// switched off. For the distance in an alert.
pub fn free_floor(bytes: u64) {
    gauge!("forebay_disk_free_floor_bytes").set(float(bytes));
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(number: u64) -> f64 {
    number as f64
}
