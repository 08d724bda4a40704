//! Telemetry as flat rows: one for each data point, log record or span.
//!
//! A request of OTLP becomes rows of a [`Table`], whose columns a [`Layout`] names; from there the rows are written in the
//! format that readers want.

mod attributes;
mod extra;
mod fields;
mod flatten;
mod layout;
mod logs;
mod lookup;
mod metrics;
mod promotion;
mod table;
mod traces;
mod value;

pub use flatten::{Origin, flatten};
pub use layout::{Column, Kind, Layout};
pub use promotion::Promotion;
pub use table::{Lists, Maps, Numbers, Table, Texts, Values};
