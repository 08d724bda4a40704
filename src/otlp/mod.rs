//! OTLP as it lies on the wire: the signals, the schema of their messages, and what is done with encoded messages
//! without ever building an object tree of them.
//!
//! Everything here takes an encoded export request (`ExportLogsServiceRequest` and its siblings) as bytes and is
//! one pass over them, driven by the one table in `schema`:
//!
//! - [`validate()`] says whether the bytes are such a message, and how many items it holds.
//! - [`has_timestamp`] says whether they tell when anything was.
//! - [`write_json()`] and [`write_json_resources`] write it as OTLP/JSON.
//! - [`read_json()`] makes the bytes from OTLP/JSON.
//! - [`resources()`] takes it apart, and [`split_by_resource`] does so by attributes.
//! - [`salvage()`] and [`salvage_json()`] do so with what is left when single items cannot be decoded.
//!
//! The engine of [`rows`](crate::rows), which makes flat rows of the same bytes, is driven by the table as well.
//!
//! # What holds
//!
//! - No input makes any of them panic, overflow the stack or use memory that is not bounded by the input's size.
//! - What [`validate()`] accepts, [`write_json()`] writes. What [`read_json()`] and [`salvage()`] make, [`validate()`]
//!   accepts.
//! - What [`write_json()`] wrote, [`read_json()`] turns back into the same message: same fields, same values, except for
//!   what JSON cannot hold (fields that the schema does not know, bytes that are not UTF-8, the payload of a NaN).
//! - A message means what protobuf says it means: repeated fields are gathered wherever they lie, of a scalar given
//!   twice the last counts, a message given twice is merged, of a oneof the last member counts.
//!
//! # Where we are more patient, or less, than other decoders
//!
//! - Text that is not UTF-8 is accepted. The log keeps it byte for byte; in JSON it becomes U+FFFD. Refusing it would
//!   lose the whole export, for no client sends again what is called invalid.
//! - Fields that the schema does not know are accepted at every level and kept in the log.
//! - Groups, which protobuf gave up long before OTLP, are refused even where the field is not known.
//! - Messages may nest 64 levels deep (prost allows 100), which bounds the stack.

mod invalid;
mod merge;
mod read_json;
mod resources;
mod salvage;
pub(crate) mod schema;
mod signal;
mod split;
mod string_table;
mod timestamp;
mod validate;
pub(crate) mod wire;
pub(crate) mod write_json;

pub use invalid::{Invalid, Problem};
pub(crate) use merge::merge;
pub use read_json::{InvalidJson, read_json, salvage_json};
pub use resources::resources;
pub use salvage::{Salvaged, salvage};
pub use signal::Signal;
pub use split::{Part, SplitError, split_by_resource};
pub use timestamp::has_timestamp;
pub use validate::validate;
pub use wire::WireType;
pub use write_json::{JSON_CLOSING, json_opening, write_json, write_json_resources};
pub(crate) use write_json::{write_json_integer, write_json_text};
