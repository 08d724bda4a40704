//! The place of a bucket that is not configured any more.

use async_trait::async_trait;

use super::{Body, Bucket, Journal, Kind, PutError, Receipt, Trouble};
use crate::pack::Object;

/// Takes nothing, and says why.
#[derive(Debug)]
pub struct MissingBucket {
    words: String,
}

impl MissingBucket {
    /// A bucket that answers every put with `words`.
    pub fn new(words: String) -> Self {
        Self { words }
    }
}

#[async_trait]
impl Bucket for MissingBucket {
    async fn put(&self, _object: &Object, _body: &Body, _journal: &dyn Journal) -> Result<Receipt, PutError> {
        Err(Trouble::new(Kind::MissingBucket, self.words.clone()).into())
    }

    fn memory_of_put(&self, _object_bytes: u64) -> u64 {
        0
    }
}
