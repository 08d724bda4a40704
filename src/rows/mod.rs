//! Telemetry as flat rows: one for each data point, log record or span.
//!
//! A request of OTLP becomes rows of a [`Table`], whose columns a [`Layout`] names; from there the rows are written in the
//! format that readers want.

mod attributes;
mod cells;
mod csv;
mod extra;
mod fields;
mod flatten;
mod json_lines;
mod layout;
mod logs;
mod lookup;
mod metrics;
mod parquet;
mod promotion;
mod table;
#[cfg(test)]
mod testing;
mod timestamp;
mod traces;
mod value;

pub use flatten::{Origin, flatten};
pub use json_lines::write_json_lines;
pub use layout::{Column, Kind, Layout};
pub use promotion::Promotion;
pub use table::{Lists, Maps, Numbers, Table, Texts, Values};
