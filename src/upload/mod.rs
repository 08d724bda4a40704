//! The last stage: spooled objects are put into the bucket, confirmed, and released.
//!
//! Invariants:
//!
//! - An object leaves the spool only after the bucket has confirmed it ([`bucket::Receipt`]) and the ledger has that
//!   durably, or by a policy that counts what it drops ([`Uploader::drop_oldest`]), or because its bytes are not those
//!   that were packed: then it is set aside, counted, and never put.
//! - Puts create and never replace. The name carries the hash of the content, so that "exists already" means delivered,
//!   and a put may be repeated after any doubt. That is what makes delivery exactly once; the ledger only saves work.
//! - Trouble of the bucket is never trouble of the data: every failure is tried again, for ever, at the pace of
//!   `upload.retry`.
//! - Every exchange with a store has a deadline, and what is in memory at once is bounded by `upload.in_flight_bytes`.
//! - An attempt ends with the settings with which it began, also if others are in force meanwhile ([`Uploader::change`]).
//! - Outside `upload.hours` no attempt begins, but for what somebody asked for ([`Uploader::flush`]) or what has to go because
//!   the disk fills; to wait for them is no trouble.
//! - On S3 it asks for nothing but `s3:PutObject` and `s3:AbortMultipartUpload`, and `s3:PutObjectTagging` if objects are
//!   to have tags; on Google Cloud Storage for nothing but the creation of objects.

mod attempt;
mod body;
pub mod bucket;
mod current;
mod deliveries;
mod destination;
mod environment;
mod hours;
mod ledger;
mod objects;
mod options;
pub mod receipts;
mod retry;
mod scheduler;
mod standing;
mod status;
#[cfg(test)]
mod testing;
mod time;
mod trouble;
mod uploader;

pub use body::{Body, BodyError};
pub use bucket::Bucket;
pub use current::Prepared;
pub use deliveries::{Deliveries, Delivery};
pub use destination::Destination;
pub use environment::Environment;
pub use hours::{Clock, Window};
pub use objects::{Delivered, Retried};
pub use options::{
    AzureOptions, Checksum, Encryption, GcsOptions, MultipartOptions, Options, RetryOptions, S3Options,
};
pub use receipts::Receipts;
pub(crate) use retry::Backoff;
pub use status::{BucketStatus, Dropped, Failing, Status};
pub use trouble::{Kind, Trouble};
pub use uploader::Uploader;
