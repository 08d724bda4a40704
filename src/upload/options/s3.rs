//! The settings of S3 and of stores that are compatible with it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{check_endpoint, needs};
use crate::secret::Secret;

/// The settings of S3 and of stores that are compatible with it. What is left out is taken from the environment
/// (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, ...), the shared profile files, a web identity, the container's or
/// the instance's metadata, in that order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Options {
    /// The address of a store other than AWS, such as `https://minio.example.com:9000`.
    pub endpoint: Option<String>,
    /// The region of the bucket; `us-east-1` if nothing says another.
    pub region: Option<String>,
    /// Whether the bucket stands in the path (`https://host/bucket/key`, which every compatible store knows) and not in
    /// the host name (`https://bucket.host/key`).
    #[serde(alias = "force_path_style")]
    pub path_style: bool,
    /// Whether an endpoint may be `http://`: everything, the objects too, is then sent in the clear.
    pub allow_http: bool,
    /// A static access key.
    pub access_key_id: Option<String>,
    /// The secret of the access key.
    pub secret_access_key: Option<Secret>,
    /// The token of a temporary access key.
    pub session_token: Option<Secret>,
    /// The profile of the shared files (`~/.aws/config`, `~/.aws/credentials`) whose credentials are used.
    pub profile: Option<String>,
    /// A role to assume with the credentials found.
    pub role_arn: Option<String>,
    /// The external id that the role asks for.
    pub external_id: Option<Secret>,
    /// The name of the session with the role, as it stands in AWS's audit logs.
    pub role_session_name: String,
    /// A file with a web identity token, with which `role_arn` is assumed.
    pub web_identity_token_file: Option<PathBuf>,
    /// The address of the token service; the region's own if left out.
    pub sts_endpoint: Option<String>,
    /// Whether requests are not signed: only for stores that ask for no credentials.
    pub anonymous: bool,
    /// The storage class of the objects, such as `STANDARD_IA`.
    pub storage_class: Option<String>,
    /// The canned access rule of the objects, such as `bucket-owner-full-control`. Objects with one are never put in
    /// parts.
    pub acl: Option<String>,
    /// How the store encrypts the objects: `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub server_side_encryption: Option<Encryption>,
    /// The key of the key service for `aws:kms`; the account's own if left out.
    pub kms_key_id: Option<String>,
    /// Whether a key of the bucket saves calls to the key service.
    pub bucket_key: Option<bool>,
    /// A checksum that the store checks and keeps. Without one it is sent `Content-MD5`, which it checks.
    pub checksum: Option<Checksum>,
}

/// How the store encrypts objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// With the store's keys.
    #[serde(rename = "AES256")]
    Aes256,
    /// With keys of the key service.
    #[serde(rename = "aws:kms")]
    Kms,
    /// Twice, with keys of the key service.
    #[serde(rename = "aws:kms:dsse")]
    KmsTwice,
}

/// A checksum that the store checks and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checksum {
    /// SHA-256.
    Sha256,
    /// CRC-64/NVME.
    Crc64nvme,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            path_style: true,
            allow_http: false,
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            profile: None,
            role_arn: None,
            external_id: None,
            role_session_name: "forebay".into(),
            web_identity_token_file: None,
            sts_endpoint: None,
            anonymous: false,
            storage_class: None,
            acl: None,
            server_side_encryption: None,
            kms_key_id: None,
            bucket_key: None,
            checksum: None,
        }
    }
}

impl S3Options {
    /// Checks what can be checked without asking the store.
    pub(super) fn validate(&self) -> Result<(), String> {
        if let Some(endpoint) = &self.endpoint {
            check_endpoint("upload.s3.endpoint", endpoint, self.allow_http)?;
        }
        if let Some(endpoint) = &self.sts_endpoint {
            check_endpoint("upload.s3.sts_endpoint", endpoint, self.allow_http)?;
        }
        let (id, secret) = (self.access_key_id.as_ref(), self.secret_access_key.as_ref());
        needs("upload.s3.access_key_id", id, "upload.s3.secret_access_key", secret)?;
        needs("upload.s3.secret_access_key", secret, "upload.s3.access_key_id", id)?;
        needs("upload.s3.session_token", self.session_token.as_ref(), "upload.s3.access_key_id", id)?;
        let role = self.role_arn.as_ref();
        needs("upload.s3.external_id", self.external_id.as_ref(), "upload.s3.role_arn", role)?;
        let token_file = self.web_identity_token_file.as_ref();
        needs("upload.s3.web_identity_token_file", token_file, "upload.s3.role_arn", role)?;
        if let (Some(profile), Some(_)) = (&self.profile, id) {
            return Err(format!(
                "upload.s3.profile is {profile} and upload.s3.access_key_id is set; set one of the two"
            ));
        }
        if let Some(role) = role.filter(|role| !role.starts_with("arn:")) {
            return Err(format!(
                "upload.s3.role_arn is {role}; it must be like arn:aws:iam::123456789012:role/forebay"
            ));
        }
        let kms = matches!(self.server_side_encryption, Some(Encryption::Kms | Encryption::KmsTwice));
        if let Some(key) = self.kms_key_id.as_ref().filter(|_| !kms) {
            return Err(format!(
                "upload.s3.kms_key_id is {key}; it needs upload.s3.server_side_encryption to be aws:kms or aws:kms:dsse"
            ));
        }
        let name = &self.role_session_name;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
        if !(2..=64).contains(&name.len()) || !name.chars().all(allowed) {
            return Err(format!(
                "upload.s3.role_session_name is {name}; it must be 2 to 64 letters, digits or any of _=,.@-"
            ));
        }
        Ok(())
    }
}
