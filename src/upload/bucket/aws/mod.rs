//! Opening a bucket of S3, and finding the credentials for it.
//!
//! Credentials come from the first of these that has any: `upload.s3.access_key_id`, `upload.s3.web_identity_token_file`,
//! `upload.s3.profile`, `AWS_ACCESS_KEY_ID`, the profile `AWS_PROFILE` or `default`, and then, asked at the time of each
//! request, `AWS_WEB_IDENTITY_TOKEN_FILE`, the container's service, the instance's. With them `upload.s3.role_arn` is
//! assumed, if there is one.

mod profile;
mod role;

use std::sync::Arc;

use object_store::aws::{
    AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, AwsCredential, AwsCredentialProvider,
    Checksum as StoreChecksum, S3ConditionalPut,
};
use object_store::client::StaticCredentialProvider;
use object_store::{ClientOptions, HeaderMap, HeaderValue};

use super::http::Connector;
use super::store::{client_options, no_retries};
use crate::upload::environment::Environment;
use crate::upload::options::{Checksum, Encryption, S3Options};
use profile::Profiles;
pub(super) use role::RoleError;
use role::{AssumedRole, Role};

/// The region where nothing names one.
const DEFAULT_REGION: &str = "us-east-1";

/// Opens `bucket`; sends no request.
///
/// # Errors
/// A sentence that says what is wrong with the settings, or with a file they name.
pub(super) fn open(
    options: &S3Options,
    bucket: &str,
    environment: &Environment,
    connector: &Connector,
) -> Result<AmazonS3, String> {
    Opening::new(options, environment, connector)?.open(bucket)
}

/// What is known while a bucket is opened.
struct Opening<'a> {
    options: &'a S3Options,
    environment: &'a Environment,
    connector: &'a Connector,
    profiles: Profiles,
    /// The profile that is in force, if the shared files have it.
    profile: Option<String>,
    region: String,
    allow_http: bool,
}

impl<'a> Opening<'a> {
    fn new(
        options: &'a S3Options,
        environment: &'a Environment,
        connector: &'a Connector,
    ) -> Result<Self, String> {
        let profiles = Profiles::read(environment)?;
        let named = options
            .profile
            .as_deref()
            .or_else(|| environment.get("AWS_PROFILE"))
            .or_else(|| environment.get("AWS_DEFAULT_PROFILE"));
        let profile = match named {
            Some(name) if !profiles.has(name) => {
                return Err(format!(
                    "the profile {name} (upload.s3.profile or AWS_PROFILE) is in neither {}",
                    profiles.places()
                ));
            }
            Some(name) => Some(name.to_string()),
            None => profiles.has("default").then(|| "default".to_string()),
        };
        let region_of_profile = || profile.as_deref().and_then(|name| profiles.get(name, "region"));
        let region = options
            .region
            .as_deref()
            .or_else(|| environment.get("AWS_REGION"))
            .or_else(|| environment.get("AWS_DEFAULT_REGION"))
            .or_else(region_of_profile)
            .unwrap_or(DEFAULT_REGION)
            .to_string();
        let allow_http = options.allow_http || environment.get("AWS_ALLOW_HTTP") == Some("true");
        Ok(Self { options, environment, connector, profiles, profile, region, allow_http })
    }

    fn open(&self, bucket: &str) -> Result<AmazonS3, String> {
        let options = self.options;
        let mut client = client_options(self.allow_http);
        if let Some(acl) = &options.acl {
            client = client.with_default_headers(acl_header(acl)?);
        }
        let mut builder = self.ambient(client).with_conditional_put(S3ConditionalPut::ETagMatch);
        let of_profile = || self.profile.as_deref().and_then(|name| self.profiles.get(name, "endpoint_url"));
        let of_environment = || {
            ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
                .into_iter()
                .find_map(|n| self.environment.get(n))
        };
        if let Some(endpoint) = options.endpoint.as_deref().or_else(of_environment).or_else(of_profile) {
            let endpoint = endpoint.trim_end_matches('/');
            builder = builder.with_config(Key::S3Endpoint, hosted(endpoint, bucket, options.path_style));
        }
        if options.anonymous {
            builder = builder.with_skip_signature(true);
        } else {
            builder = builder.with_credentials(self.credentials()?);
        }
        if let Some(checksum) = options.checksum {
            builder = builder.with_checksum_algorithm(match checksum {
                Checksum::Sha256 => StoreChecksum::SHA256,
                Checksum::Crc64nvme => StoreChecksum::CRC64NVME,
            });
        }
        self.encrypted(builder)
            .with_virtual_hosted_style_request(!options.path_style)
            .with_bucket_name(bucket)
            .build()
            .map_err(|error| format!("upload.s3 cannot be used: {error}"))
    }

    /// A builder that knows what the environment says, without static keys.
    fn ambient(&self, client: ClientOptions) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::new();
        for (name, value) in self.environment.starting_with("AWS_") {
            match name.to_ascii_lowercase().parse::<Key>() {
                // Settings that are ours to make, or that have been looked at already.
                Ok(
                    Key::Client(_)
                    | Key::AccessKeyId
                    | Key::SecretAccessKey
                    | Key::Token
                    | Key::Endpoint
                    | Key::S3Endpoint
                    | Key::Bucket
                    | Key::ConditionalPut
                    | Key::SkipSignature,
                )
                | Err(_) => {}
                Ok(key) => builder = builder.with_config(key, value),
            }
        }
        if let Some(endpoint) = &self.options.sts_endpoint {
            builder = builder.with_config(Key::StsEndpoint, endpoint);
        }
        builder
            .with_region(&self.region)
            .with_client_options(client)
            .with_retry(no_retries())
            .with_http_connector(self.connector.clone())
    }

    fn encrypted(&self, mut builder: AmazonS3Builder) -> AmazonS3Builder {
        let options = self.options;
        let kind = options.server_side_encryption.map(|encryption| match encryption {
            Encryption::Aes256 => "AES256",
            Encryption::Kms => "aws:kms",
            Encryption::KmsTwice => "aws:kms:dsse",
        });
        // The type of these keys is private; their names are not.
        let settings = [
            ("aws_server_side_encryption", kind),
            ("aws_sse_kms_key_id", options.kms_key_id.as_deref()),
            ("aws_sse_bucket_key_enabled", options.bucket_key.map(|yes| if yes { "true" } else { "false" })),
        ];
        for (name, value) in settings {
            if let (Ok(key), Some(value), true) = (name.parse::<Key>(), value, kind.is_some()) {
                builder = builder.with_config(key, value);
            }
        }
        builder
    }

    /// Where requests get their credentials from.
    fn credentials(&self) -> Result<AwsCredentialProvider, String> {
        let options = self.options;
        if let (Some(file), Some(role)) = (&options.web_identity_token_file, &options.role_arn) {
            return self.web_identity(&file.display().to_string(), role, &options.role_session_name);
        }
        let base = self.base_credentials()?;
        let Some(role) = &options.role_arn else { return Ok(base) };
        let is_ambient = self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some()
            && self.environment.get("AWS_ROLE_ARN") == Some(role);
        if is_ambient && options.access_key_id.is_none() && options.profile.is_none() {
            // The web identity of the environment has this role already.
            return Ok(base);
        }
        let external_id = options.external_id.as_ref().map(|id| id.reveal().to_string());
        self.assume(base, role, external_id, &options.role_session_name)
    }

    fn base_credentials(&self) -> Result<AwsCredentialProvider, String> {
        let options = self.options;
        if let (Some(id), Some(secret)) = (&options.access_key_id, &options.secret_access_key) {
            let token = options.session_token.as_ref().map(|token| token.reveal().to_string());
            return Ok(fixed(id, secret.reveal(), token));
        }
        if let Some(name) = &options.profile {
            return self.of_profile(name, 0);
        }
        let environment =
            (self.environment.get("AWS_ACCESS_KEY_ID"), self.environment.get("AWS_SECRET_ACCESS_KEY"));
        if let (Some(id), Some(secret)) = environment {
            return Ok(fixed(id, secret, self.environment.get("AWS_SESSION_TOKEN").map(str::to_string)));
        }
        match &self.profile {
            Some(name) if self.profiles.has_credentials(name) => self.of_profile(name, 0),
            _ => self.ambient_credentials(),
        }
    }

    /// The web identity of the environment, the container's service or the instance's.
    fn ambient_credentials(&self) -> Result<AwsCredentialProvider, String> {
        credentials_of(self.ambient(client_options(self.allow_http)))
    }

    fn web_identity(
        &self,
        file: &str,
        role: &str,
        session_name: &str,
    ) -> Result<AwsCredentialProvider, String> {
        credentials_of(
            self.ambient(client_options(self.allow_http))
                .with_config(Key::WebIdentityTokenFile, file)
                .with_config(Key::RoleArn, role)
                .with_config(Key::RoleSessionName, session_name),
        )
    }

    fn assume(
        &self,
        base: AwsCredentialProvider,
        arn: &str,
        external_id: Option<String>,
        session_name: &str,
    ) -> Result<AwsCredentialProvider, String> {
        let endpoint = self
            .options
            .sts_endpoint
            .as_deref()
            .or_else(|| self.environment.get("AWS_ENDPOINT_URL_STS"))
            .map_or_else(|| role::endpoint_of(&self.region), str::to_string);
        let role = Role {
            arn: arn.to_string(),
            external_id,
            session_name: session_name.to_string(),
            endpoint,
            region: self.region.clone(),
        };
        Ok(Arc::new(AssumedRole::new(role, base, self.connector, self.allow_http)?))
    }

    /// The credentials of a profile, following `source_profile`.
    fn of_profile(&self, name: &str, depth: u32) -> Result<AwsCredentialProvider, String> {
        let get = |key: &str| self.profiles.get(name, key);
        if depth > 5 {
            return Err(format!(
                "the profile {name} is its own source_profile, over others; break the circle"
            ));
        }
        for unknown in ["credential_process", "sso_session", "sso_start_url"] {
            if get(unknown).is_some() && get("aws_access_key_id").is_none() {
                return Err(format!(
                    "the profile {name} gets its credentials by {unknown}, which forebay does not know; use static \
                     keys, role_arn, a web identity, or the container's or instance's credentials"
                ));
            }
        }
        let Some(role) = get("role_arn") else { return self.profiles.provider(name) };
        let session_name = get("role_session_name").unwrap_or(&self.options.role_session_name).to_string();
        if let Some(file) = get("web_identity_token_file") {
            return self.web_identity(file, role, &session_name);
        }
        let base = match (get("source_profile"), get("credential_source")) {
            (Some(source), _) if source == name => self.profiles.provider(name)?,
            (Some(source), _) => self.of_profile(source, depth + 1)?,
            (None, Some("Environment")) => {
                let keys = (
                    self.environment.get("AWS_ACCESS_KEY_ID"),
                    self.environment.get("AWS_SECRET_ACCESS_KEY"),
                );
                let (Some(id), Some(secret)) = keys else {
                    return Err(format!(
                        "the profile {name} has credential_source = Environment; set AWS_ACCESS_KEY_ID and \
                         AWS_SECRET_ACCESS_KEY"
                    ));
                };
                fixed(id, secret, self.environment.get("AWS_SESSION_TOKEN").map(str::to_string))
            }
            (None, Some(_)) => self.ambient_credentials()?,
            (None, None) => {
                return Err(format!("the profile {name} has role_arn and no source_profile; add one"));
            }
        };
        self.assume(base, role, get("external_id").map(str::to_string), &session_name)
    }
}

/// Credentials that never change.
fn fixed(id: &str, secret: &str, token: Option<String>) -> AwsCredentialProvider {
    let credential = AwsCredential { key_id: id.to_string(), secret_key: secret.to_string(), token };
    Arc::new(StaticCredentialProvider::new(credential))
}

/// The credentials that `object_store` would use for a bucket.
fn credentials_of(builder: AmazonS3Builder) -> Result<AwsCredentialProvider, String> {
    let store = builder
        .with_bucket_name("credentials")
        .build()
        .map_err(|error| format!("upload.s3 cannot be used: {error}"))?;
    Ok(Arc::clone(store.credentials()))
}

/// The address of the bucket, as `object_store` wants it: with the bucket in the host's name if that is its style.
fn hosted(endpoint: &str, bucket: &str, path_style: bool) -> String {
    match endpoint.split_once("://") {
        Some((scheme, rest)) if !path_style && !rest.starts_with(&format!("{bucket}.")) => {
            format!("{scheme}://{bucket}.{rest}")
        }
        _ => endpoint.to_string(),
    }
}

fn acl_header(acl: &str) -> Result<HeaderMap, String> {
    let value = HeaderValue::from_str(acl)
        .map_err(|_| format!("upload.s3.acl is {acl}; it must be like bucket-owner-full-control"))?;
    Ok(HeaderMap::from_iter([(http::HeaderName::from_static("x-amz-acl"), value)]))
}

#[cfg(test)]
mod tests;
