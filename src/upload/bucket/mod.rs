//! Where objects are put: one trait, a folder, and the stores.
//!
//! A put creates and never replaces. What a bucket may answer:
//!
//! - [`Receipt`]: the object is there, whole and durable, put now or by an earlier attempt whose answer was lost. The
//!   name carries the hash of the content, so "exists already" is as good as "stored".
//! - [`PutError::Trouble`]: it is not known to be there; the same put is to be tried again.
//! - [`PutError::Damaged`]: the spooled bytes are not those that were packed; nothing was put.

mod answer;
mod aws;
mod checksum;
mod folder;
mod http;
mod labels;
mod missing;
mod multipart;
mod pace;
mod reading;
mod routed;
mod store;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::body::{Body, BodyError};
use super::environment::Environment;
use super::options::Options;
use super::trouble::{Kind, Trouble};
use crate::catalog::PartialUpload;
use crate::disk::Disk;
use crate::pack::Object;

pub(super) use answer::unanswered;
pub use folder::FolderBucket;
pub(super) use http::client as http_client;
pub use missing::MissingBucket;
use pace::Pace;
pub use reading::{StoredObject, StoredObjects};
use routed::Routed;

/// Where objects are put.
#[async_trait]
pub trait Bucket: Debug + Send + Sync {
    /// Puts an object whose bytes are `body`, into the bucket that it names or else into this one. `journal` remembers parts across attempts.
    ///
    /// The caller brings the deadline: the future may be dropped at any time.
    ///
    /// # Errors
    /// See the module's documentation.
    async fn put(&self, object: &Object, body: &Body, journal: &dyn Journal) -> Result<Receipt, PutError>;

    /// Bytes of the object that a put has in memory at once.
    fn memory_of_put(&self, object_bytes: u64) -> u64;

    /// The bandwidth that its puts share, if they are bound to one.
    fn pace(&self) -> Option<Arc<Pace>> {
        None
    }
}

/// Remembers how far the multipart upload of one object has come, across attempts and restarts.
#[async_trait]
pub trait Journal: Send + Sync {
    /// What was noted last.
    async fn load(&self) -> Option<PartialUpload>;

    /// Notes it; `None` when there is no upload any more.
    async fn save(&self, upload: Option<PartialUpload>);
}

/// Proof that an object is in the bucket. Only a bucket makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    etag: Option<String>,
    was_there: bool,
}

impl Receipt {
    /// What the store calls the content.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Whether an earlier attempt, whose answer was lost, had put it.
    pub fn was_there(&self) -> bool {
        self.was_there
    }
}

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// To be tried again.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The spooled bytes are not those that were packed.
    #[error("the spooled object is damaged: {0}")]
    Damaged(String),
}

impl From<BodyError> for PutError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Damaged(why) => Self::Damaged(why),
            error => Self::Trouble(Trouble::new(Kind::Disk, error.to_string())),
        }
    }
}

/// Opens the bucket that the settings name, for objects of the data folder `writer`, and those beside it that objects name
/// when they come. No request is sent.
///
/// # Errors
/// A sentence that says what is wrong with the settings, or with a file they name.
pub fn open(
    options: &Options,
    environment: &Environment,
    disk: &Arc<dyn Disk>,
    writer: &str,
) -> Result<Arc<dyn Bucket>, String> {
    Ok(Arc::new(Routed::new(options, environment, disk, writer, None)?))
}

/// The same in the place of the bucket `before`, with which it shares the bandwidth: what is under way there still counts.
///
/// # Errors
/// As [`open`].
pub(super) fn reopen(
    options: &Options,
    environment: &Environment,
    disk: &Arc<dyn Disk>,
    writer: &str,
    before: &dyn Bucket,
) -> Result<Arc<dyn Bucket>, String> {
    Ok(Arc::new(Routed::new(options, environment, disk, writer, before.pace())?))
}

/// Does blocking work on a thread for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PutError> + Send + 'static,
) -> Result<T, PutError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => {
            Err(Trouble::new(Kind::Other, format!("the work on the disk did not end: {error}")).into())
        }
    }
}
