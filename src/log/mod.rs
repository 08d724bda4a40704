//! The write-ahead log, the only truth.

mod record;
mod segment_id;

pub use record::{Damage, Item, Record};
pub use segment_id::SegmentId;
