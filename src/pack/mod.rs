//! The third stage: a sealed segment becomes finished, compressed [`Object`]s in the [`Spool`], a [`Batch`] of them for each
//! of the [`Outputs`].
//!
//! Packing is a function of the segment's records and of the [`Outputs`] pinned in its header: the same objects under
//! the same names, however often it is begun. (To the byte on one machine; compressors may choose otherwise on another
//! kind of processor, which harms nothing, for no name leaves the spool before it is committed.)
//!
//! Invariants:
//!
//! - **A manifest in the spool means that its objects are still to be delivered; its durable removal means that its output
//!   has the segment.** The contents and names of all objects are durable before the manifest is renamed into place, and
//!   the segment is recycled only after that rename is durable for every output.
//! - An object holds records of one signal and one partition (the rendered key template, the bucket and the tenant), in the
//!   order of the log, and each resource of a record of the segment is in exactly one object of each output.
//! - No two objects of a batch have the same unique part in their names, whatever bucket and folder they go into.
//! - An object is one Parquet file, one gzip member or one zstd frame, and once finished it is never written again.
//! - Nothing that a manifest names is ever removed for being damaged: it is kept under a name that ends in `.damaged`.
//! - Memory is bounded: one record and what it becomes in text, the rows of the open objects (16 MiB), and the compressors
//!   of these objects, of which there are 16 at most. A segment with more of them is gone through several times.
//!
//! The files of the spool are listed in `names`, the manifest is drawn in `manifest`, keys in `key`, the contents of
//! objects in `encoder`. Every file operation goes through [`crate::disk`]; all calls block.

mod batch;
mod bucket_name;
mod codec;
mod encoder;
mod error;
mod field;
mod format;
mod gzip;
mod key;
mod key_rules;
mod manifest;
mod names;
mod object_file;
mod object_writer;
mod objects;
mod options;
mod otlp_encoder;
mod output;
mod packer;
#[cfg(test)]
mod profiles_tests;
mod reading;
mod routes;
#[cfg(test)]
mod routing_tests;
mod row_encoder;
mod schema_objects;
mod sink;
mod spool;
mod spool_file;
mod staging;
mod survey;
mod template;
#[cfg(test)]
mod testing;
mod unpackable;

pub use batch::{Batch, BatchId, Object, address};
pub use error::Error;
pub use format::Format;
pub use object_file::ObjectFile;
pub use options::{Compression, Options};
pub use output::{OutputName, Outputs};
pub use packer::pack_records;
pub use reading::{Holds, Reading};
pub use schema_objects::pack_schema_objects;
pub use spool::Spool;
pub use survey::{SpoolDamage, Survey, survey};
