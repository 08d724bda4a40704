//! The settings of Google Cloud Storage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check_endpoint;
use crate::secret::Secret;

/// The settings of Google Cloud Storage. What is left out is taken from the environment
/// (`GOOGLE_APPLICATION_CREDENTIALS`, ...), the default credentials of `gcloud`, or the instance's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GcsOptions {
    /// The file of a service account's key.
    pub service_account_file: Option<PathBuf>,
    /// A service account's key itself, as JSON text.
    pub service_account_key: Option<Secret>,
    /// The file of the application default credentials, if it is not where `gcloud` puts it.
    pub application_credentials: Option<PathBuf>,
    /// The address of an emulator, or of a private one of Google's.
    pub endpoint: Option<String>,
    /// Whether the endpoint may be `http://`: everything, the objects too, is then sent in the clear.
    pub allow_http: bool,
    /// Whether requests carry no credentials: only for emulators.
    pub anonymous: bool,
    /// The storage class of the objects, such as `NEARLINE`.
    pub storage_class: Option<String>,
}

impl GcsOptions {
    /// Checks what can be checked without asking the store.
    pub(super) fn validate(&self) -> Result<(), String> {
        if let Some(endpoint) = &self.endpoint {
            check_endpoint("upload.gcs.endpoint", endpoint, self.allow_http)?;
        }
        if let (Some(file), Some(_)) = (&self.service_account_file, &self.service_account_key) {
            return Err(format!(
                "upload.gcs.service_account_file is {} and upload.gcs.service_account_key is set; set one of the two",
                file.display()
            ));
        }
        Ok(())
    }
}
