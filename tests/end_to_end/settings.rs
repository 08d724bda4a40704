//! Settings for tests, as environment variables.

use std::path::Path;

use crate::support::ports::unused_address;
use crate::support::s3::{BUCKET, FakeS3};

/// Settings by the names of their variables.
#[derive(Clone, Debug)]
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Small segments, which are made quickly; sealed only when a test asks for it, unless they are full.
    pub(crate) fn small() -> Self {
        Self(Vec::new())
            .with("LOG_SEGMENT_BYTES", "1MiB")
            .with("LOG_SEAL_AFTER", "1h")
            .with("LOG_FREE_SPACE_FLOOR", "0")
            .with("UPLOAD_RETRY_FIRST_WAIT", "20ms")
            .with("UPLOAD_RETRY_LONGEST_WAIT", "200ms")
    }

    /// Sets one more, by its name without `FOREBAY_`.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((format!("FOREBAY_{name}"), value.to_owned()));
        self
    }

    /// Objects go into this store.
    pub(crate) fn with_store(self, store: &FakeS3) -> Self {
        self.with_s3(&store.endpoint())
    }

    /// Objects go to a store that is not there.
    pub(crate) fn with_dead_store(self) -> Self {
        self.with_s3(&format!("http://{}", unused_address()))
    }

    /// Objects go into this folder.
    pub(crate) fn with_folder(self, folder: &Path) -> Self {
        self.with("UPLOAD_TO", &format!("file://{}", folder.display()))
    }

    fn with_s3(self, endpoint: &str) -> Self {
        self.with("UPLOAD_TO", &format!("s3://{BUCKET}"))
            .with("UPLOAD_S3_ENDPOINT", endpoint)
            .with("UPLOAD_S3_ALLOW_HTTP", "true")
            .with("UPLOAD_S3_ACCESS_KEY_ID", "AKIATEST")
            .with("UPLOAD_S3_SECRET_ACCESS_KEY", "hunter2")
    }

    /// As a process takes them.
    pub(crate) fn environment(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}
