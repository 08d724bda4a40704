//! Buckets read back, for `forebay cat` and `forebay replay`. Delivery never reads.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _};

use super::answer::recorded;
use super::store::{StoreBucket, Target};
use super::{Environment, Kind};
use crate::upload::destination::Destination;
use crate::upload::options::Options;

/// A bucket of a store that is read.
#[derive(Debug)]
pub struct StoredObjects {
    objects: Arc<dyn ObjectStore>,
    target: Target,
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its key in the bucket, with everything before it.
    pub key: String,
    /// Its length.
    pub bytes: u64,
}

impl StoredObjects {
    /// The bucket of `from`, with the settings of `options` for the store; sends no request.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the settings, or that `from` is a folder.
    pub fn open(options: &Options, from: &Destination, environment: &Environment) -> Result<Self, String> {
        let connector = StoreBucket::connector(options, from, environment, None)?.for_reading();
        let (objects, target) = StoreBucket::new(options, from, environment, &connector, "")?.into_parts();
        Ok(Self { objects, target })
    }

    /// Everything below the place it was opened at, or the one object there, in the order of keys.
    ///
    /// # Errors
    /// What the store says, with what to do about it.
    pub async fn list(&self) -> Result<Vec<StoredObject>, String> {
        let prefix = Path::parse(self.target.prefix()).map_err(|error| error.to_string())?;
        let listing = self.objects.list(Some(&prefix)).try_collect::<Vec<_>>();
        let (outcome, answer) = recorded(listing).await;
        let mut found = match outcome {
            Ok(found) if found.is_empty() && !prefix.as_ref().is_empty() => {
                let (outcome, answer) = recorded(self.objects.head(&prefix)).await;
                match outcome {
                    Ok(one) => vec![one],
                    Err(Error::NotFound { .. }) => Vec::new(),
                    Err(error) => return Err(self.words(&error, answer)),
                }
            }
            Ok(found) => found,
            Err(error) => return Err(self.words(&error, answer)),
        };
        found.sort_by(|one, other| one.location.cmp(&other.location));
        let object = |meta: object_store::ObjectMeta| StoredObject {
            key: meta.location.to_string(),
            bytes: meta.size,
        };
        Ok(found.into_iter().map(object).collect())
    }

    /// A piece of an object.
    ///
    /// # Errors
    /// What the store says, with what to do about it.
    pub async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes, String> {
        let path = Path::parse(key).map_err(|error| error.to_string())?;
        let (outcome, answer) = recorded(self.objects.get_range(&path, range)).await;
        outcome.map_err(|error| self.words(&error, answer))
    }

    fn words(&self, error: &Error, answer: Option<crate::upload::Trouble>) -> String {
        let trouble = self.target.trouble(error, answer);
        if trouble.kind == Kind::Denied {
            return format!(
                "{trouble}; reading back wants s3:ListBucket and s3:GetObject, or what your store calls them"
            );
        }
        trouble.to_string()
    }
}
