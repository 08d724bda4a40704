//! The write-ahead log, the only truth.

mod options;
mod record;
mod segment_id;

pub use options::{Options, WhenFull};
pub use record::{Damage, Item, Record};
pub use segment_id::SegmentId;
