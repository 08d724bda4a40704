//! Telemetry as flat rows: one for each data point, log record or span.
//!
//! A request of OTLP becomes rows of a [`Table`], whose columns a layout names; from there the rows are written in the
//! format that readers want.

mod layout;
mod table;

pub use layout::{Column, Kind};
pub use table::{Lists, Maps, Numbers, Table, Texts, Values};
