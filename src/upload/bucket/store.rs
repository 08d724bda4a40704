//! S3, Google Cloud Storage and Azure, through `object_store`.
//!
//! Objects are put whole, with a condition that makes the put create-only. Only S3 takes large ones in parts: on Google
//! Cloud Storage multipart uploads know no preconditions, and on Azure the condition on a block list would have to be
//! signed by `object_store`; both take objects of several GiB whole.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{ClientConfigKey, StaticCredentialProvider};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, ObjectStore, PutMode, PutOptions, PutPayload,
    RetryConfig, TagSet,
};

use super::answer::recorded;
use super::http::{Connector, Dialect, ca_bundle};
use super::labels::Labels;
use super::multipart::Multipart;
use super::pace::Pace;
use super::{Body, Bucket, Environment, Journal, Kind, PutError, Receipt, Trouble, aws, blocking};
use crate::pack::Object;
use crate::secret::Secret;
use crate::upload::destination::Destination;
use crate::upload::options::Options;

/// A bucket of one of the stores.
#[derive(Debug)]
pub(super) struct StoreBucket {
    objects: Arc<dyn ObjectStore>,
    /// For objects over a size, where the store takes parts.
    multipart: Option<Multipart>,
    target: Target,
}

/// How objects are named and what headers they get.
#[derive(Clone, Debug)]
pub(super) struct Target {
    prefix: String,
    storage_class: Option<String>,
    labels: Labels,
    create_only: bool,
    secrets: Arc<[String]>,
}

impl StoreBucket {
    /// Opens the bucket `destination` for objects of the data folder `writer`; sends no request.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the settings, or with a file they name.
    pub(super) fn new(
        options: &Options,
        destination: &Destination,
        environment: &Environment,
        connector: &Connector,
        writer: &str,
    ) -> Result<Self, String> {
        let target = |dialect, prefix: &str, storage_class: &Option<String>| Target {
            prefix: prefix.to_string(),
            storage_class: storage_class.clone(),
            labels: Labels::new(options, dialect, writer),
            create_only: options.create_only,
            secrets: options.secrets().into(),
        };
        match destination {
            Destination::S3 { bucket, prefix } => {
                let store = Arc::new(aws::open(&options.s3, bucket, environment, connector)?);
                let target = target(Dialect::S3, prefix, &options.s3.storage_class);
                let parts = Arc::clone(&store) as Arc<dyn MultipartStore>;
                // The access rule of an object is a header that the request for a part must not have.
                let multipart = options.s3.acl.is_none().then(|| {
                    Multipart::new(parts, Arc::clone(&store) as _, target.clone(), &options.multipart)
                });
                Ok(Self { objects: store, multipart, target })
            }
            Destination::Gcs { bucket, prefix } => {
                let store = open_gcs(options, bucket, environment, connector.clone())?;
                Ok(Self {
                    objects: store,
                    multipart: None,
                    target: target(Dialect::Gcs, prefix, &options.gcs.storage_class),
                })
            }
            Destination::Azure { account, container, prefix } => {
                let account = account.as_deref();
                let store = open_azure(options, account, container, environment, connector.clone())?;
                Ok(Self {
                    objects: store,
                    multipart: None,
                    target: target(Dialect::Azure, prefix, &options.azure.storage_class),
                })
            }
            Destination::Folder { path } => Err(format!("{} is a folder and no store", path.display())),
        }
    }

    /// What makes the connections to the buckets of the store of `destination`; they share it, and with it the bandwidth, which is
    /// `pace` if there is one already.
    ///
    /// # Errors
    /// As [`StoreBucket::new`].
    pub(super) fn connector(
        options: &Options,
        destination: &Destination,
        environment: &Environment,
        pace: Option<Arc<Pace>>,
    ) -> Result<Connector, String> {
        let (dialect, environment_bundle) = match destination {
            Destination::S3 { .. } => (Dialect::S3, environment.get("AWS_CA_BUNDLE")),
            Destination::Gcs { .. } => (Dialect::Gcs, None),
            Destination::Azure { .. } => (Dialect::Azure, None),
            Destination::Folder { path } => {
                return Err(format!("{} is a folder and no store", path.display()));
            }
        };
        Connector::new(options, dialect, ca_bundle(options, environment_bundle)?.as_deref(), pace)
    }

    /// What reads, and how what it says is told.
    pub(super) fn into_parts(self) -> (Arc<dyn ObjectStore>, Target) {
        (self.objects, self.target)
    }

    async fn put_whole(&self, object: &Object, body: &Body) -> Result<Receipt, PutError> {
        let path = self.target.path(&object.key)?;
        let whole = body.clone();
        let chunks = blocking(move || Ok(whole.whole()?)).await?;
        let payload: PutPayload = chunks.into_iter().collect::<Vec<Bytes>>().into_iter().collect();
        let options = PutOptions {
            mode: if self.target.create_only { PutMode::Create } else { PutMode::Overwrite },
            attributes: self.target.attributes(object),
            tags: self.target.tags(),
            ..PutOptions::default()
        };
        let (outcome, answer) = recorded(self.objects.put_opts(&path, payload, options)).await;
        match outcome {
            Ok(put) => Ok(Receipt { etag: put.e_tag, was_there: false }),
            Err(error) if self.target.says_exists(&error) => Ok(Receipt { etag: None, was_there: true }),
            Err(error) => Err(self.target.trouble(&error, answer).into()),
        }
    }
}

#[async_trait]
impl Bucket for StoreBucket {
    async fn put(&self, object: &Object, body: &Body, journal: &dyn Journal) -> Result<Receipt, PutError> {
        match self.multipart.as_ref().filter(|multipart| multipart.takes(body.bytes())) {
            Some(multipart) => multipart.put(object, body, journal).await,
            None => self.put_whole(object, body).await,
        }
    }

    fn memory_of_put(&self, object_bytes: u64) -> u64 {
        let multipart = self.multipart.as_ref().filter(|multipart| multipart.takes(object_bytes));
        multipart.map_or(object_bytes, Multipart::part_bytes)
    }
}

impl Target {
    /// Folders before every key; may be empty.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The object's path in the bucket.
    pub(super) fn path(&self, key: &str) -> Result<Path, PutError> {
        let full = if self.prefix.is_empty() { key.to_string() } else { format!("{}/{key}", self.prefix) };
        Path::parse(&full).map_err(|error| {
            Trouble::new(Kind::Request, format!("the key {full} is not possible: {error}")).into()
        })
    }

    /// The tags of every object.
    pub(super) fn tags(&self) -> TagSet {
        self.labels.tags()
    }

    /// The headers of an object.
    pub(super) fn attributes(&self, object: &Object) -> Attributes {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, object.content_type.clone().into());
        if let Some(encoding) = &object.content_encoding {
            attributes.insert(Attribute::ContentEncoding, encoding.clone().into());
        }
        if let Some(class) = &self.storage_class {
            attributes.insert(Attribute::StorageClass, class.clone().into());
        }
        self.labels.add_metadata(object, &mut attributes);
        attributes
    }

    /// Whether a store that was asked to create says that the object is there. The name carries the content's hash, so
    /// it is this object.
    pub(super) fn says_exists(&self, error: &Error) -> bool {
        let exists = matches!(
            error,
            Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. }
        );
        self.create_only && exists
    }

    /// What a call failed with, in the store's own words if it answered.
    pub(super) fn trouble(&self, error: &Error, answer: Option<Trouble>) -> Trouble {
        let trouble = answer.unwrap_or_else(|| {
            let kind = match error {
                Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Kind::Denied,
                Error::NotFound { .. } => Kind::MissingBucket,
                Error::NotImplemented { .. } | Error::NotSupported { .. } => Kind::Unsupported,
                _ => Kind::Other,
            };
            Trouble::new(kind, error.to_string())
        });
        let trouble = match error {
            // The answer was the token service's, not the bucket's.
            Error::Generic { source, .. } if source.is::<aws::RoleError>() => {
                Trouble { words: source.to_string(), ..trouble }
            }
            _ => trouble,
        };
        trouble.scrubbed(&self.secrets)
    }
}

/// `object_store` tries once: repetitions are ours.
pub(super) fn no_retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: std::time::Duration::ZERO,
    }
}

/// Settings of `object_store`'s HTTP client: only what it reads itself; the rest is [`Connector`]'s.
pub(super) fn client_options(allow_http: bool) -> ClientOptions {
    ClientOptions::new().with_allow_http(allow_http)
}

fn open_gcs(
    options: &Options,
    bucket: &str,
    environment: &Environment,
    connector: Connector,
) -> Result<Arc<dyn ObjectStore>, String> {
    let gcs = &options.gcs;
    let mut builder = GoogleCloudStorageBuilder::new();
    for (name, value) in environment.starting_with("GOOGLE_") {
        match name.to_ascii_lowercase().parse::<GoogleConfigKey>() {
            Ok(GoogleConfigKey::Client(_)) | Err(_) => {}
            Ok(key) => builder = builder.with_config(key, value),
        }
    }
    if gcs.service_account_file.is_some() || gcs.service_account_key.is_some() {
        // A key in these settings goes before one in the environment, and only one may be given.
        builder = GoogleCloudStorageBuilder::new();
    }
    if let Some(file) = &gcs.service_account_file {
        builder = builder.with_service_account_path(file.display().to_string());
    }
    if let Some(key) = &gcs.service_account_key {
        builder = builder.with_service_account_key(key.reveal());
    }
    if let Some(file) = &gcs.application_credentials {
        builder = builder.with_application_credentials(file.display().to_string());
    }
    if let Some(endpoint) = &gcs.endpoint {
        builder = builder.with_base_url(endpoint.trim_end_matches('/'));
    }
    if gcs.anonymous {
        let nobody = GcpCredential { bearer: String::new() };
        builder = builder
            .with_skip_signature(true)
            .with_credentials(Arc::new(StaticCredentialProvider::new(nobody)));
    }
    let store = builder
        .with_bucket_name(bucket)
        .with_client_options(client_options(gcs.allow_http))
        .with_retry(no_retries())
        .with_http_connector(connector)
        .build()
        .map_err(|error| format!("upload.gcs cannot be used: {error}"))?;
    Ok(Arc::new(store))
}

fn open_azure(
    options: &Options,
    account: Option<&str>,
    container: &str,
    environment: &Environment,
    connector: Connector,
) -> Result<Arc<dyn ObjectStore>, String> {
    use object_store::azure::AzureConfigKey as Key;
    let azure = &options.azure;
    let mut builder = MicrosoftAzureBuilder::new();
    let named = environment.starting_with("AZURE_");
    let msi = environment.get("IDENTITY_ENDPOINT").map(|endpoint| ("azure_msi_endpoint", endpoint));
    for (name, value) in named.chain(msi) {
        match name.to_ascii_lowercase().parse::<Key>() {
            Ok(Key::Client(ClientConfigKey::AllowHttp)) | Err(_) => {}
            Ok(key) => builder = builder.with_config(key, value),
        }
    }
    let set: [(Key, Option<&str>); 8] = [
        (Key::AccountName, azure.account.as_deref().or(account)),
        (Key::AccessKey, azure.access_key.as_ref().map(Secret::reveal)),
        (Key::SasKey, azure.sas_token.as_ref().map(Secret::reveal)),
        (Key::ClientId, azure.client_id.as_deref()),
        (Key::ClientSecret, azure.client_secret.as_ref().map(Secret::reveal)),
        (Key::AuthorityId, azure.tenant_id.as_deref()),
        (Key::FederatedTokenFile, azure.federated_token_file.as_ref().and_then(|file| file.to_str())),
        (Key::Endpoint, azure.endpoint.as_deref()),
    ];
    for (key, value) in set {
        if let Some(value) = value {
            builder = builder.with_config(key, value);
        }
    }
    let store = builder
        .with_use_emulator(azure.emulator)
        .with_container_name(container)
        .with_client_options(client_options(azure.allow_http || azure.emulator))
        .with_retry(no_retries())
        .with_http_connector(connector)
        .build()
        .map_err(|error| format!("upload.azure cannot be used: {error}"))?;
    Ok(Arc::new(store))
}
