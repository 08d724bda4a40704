//! The settings of Azure Blob Storage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{check_endpoint, needs};
use crate::secret::Secret;

/// The settings of Azure Blob Storage. What is left out is taken from the environment (`AZURE_STORAGE_ACCOUNT_NAME`,
/// `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE`, ...) or the managed identity of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureOptions {
    /// The storage account.
    pub account: Option<String>,
    /// A key of the account.
    pub access_key: Option<Secret>,
    /// A shared access signature; it needs the permissions create and write.
    pub sas_token: Option<Secret>,
    /// The application that signs in, with its secret or its workload identity.
    pub client_id: Option<String>,
    /// The secret of the application.
    pub client_secret: Option<Secret>,
    /// The tenant of the application.
    pub tenant_id: Option<String>,
    /// A file with a token of the workload identity.
    pub federated_token_file: Option<PathBuf>,
    /// The address of the account, if it is not `https://<account>.blob.core.windows.net`.
    pub endpoint: Option<String>,
    /// Whether the endpoint may be `http://`: everything, the objects too, is then sent in the clear.
    pub allow_http: bool,
    /// Whether the store is the emulator Azurite, on this machine.
    pub emulator: bool,
    /// The access tier of the objects, such as `Cool`.
    pub storage_class: Option<String>,
}

impl AzureOptions {
    /// Checks what can be checked without asking the store. `account` is the one that the destination names.
    pub(super) fn validate(&self, account: Option<&str>) -> Result<(), String> {
        if let Some(endpoint) = &self.endpoint {
            check_endpoint("upload.azure.endpoint", endpoint, self.allow_http)?;
        }
        let known = account.is_some() || self.account.is_some() || self.emulator;
        if !known && std::env::var_os("AZURE_STORAGE_ACCOUNT_NAME").is_none() {
            return Err(
                "upload.azure.account is not set; set it to the name of the storage account".to_string()
            );
        }
        let (id, secret) = (self.client_id.as_ref(), self.client_secret.as_ref());
        needs("upload.azure.client_secret", secret, "upload.azure.client_id", id)?;
        needs("upload.azure.client_secret", secret, "upload.azure.tenant_id", self.tenant_id.as_ref())?;
        Ok(())
    }
}
