//! Metrics of the ledger.

use ::metrics::{counter, gauge};

/// Shows the counter before anything has moved it, so that an alert can tell 0 from nothing.
pub fn register() {
    counter!("forebay_catalog_rebuilds_total").increment(0);
}

/// The ledger was damaged, moved aside and made anew. Nothing is lost by it. If it happens again and again, the disk or
/// the memory of the machine is bad.
pub fn rebuilt() {
    counter!("forebay_catalog_rebuilds_total").increment(1);
}

/// Whether forebay works without its ledger (1) or with it (0). Delivery goes on; `status` shows less, and large uploads
/// begin anew after a restart. Look into the log for what the ledger's folder said, and restart when it is mended.
pub fn degraded(is_degraded: bool) {
    gauge!("forebay_catalog_degraded").set(if is_degraded { 1.0 } else { 0.0 });
}
