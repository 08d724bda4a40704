//! The settings of the stage: the section `upload` of the configuration.

mod azure;
mod gcs;
mod labels;
mod s3;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use azure::AzureOptions;
pub use gcs::GcsOptions;
pub use s3::{Checksum, Encryption, S3Options};

use super::destination::Destination;
use super::hours::{self, Window};
use super::receipts::ReceiptOptions;
use crate::secret::Secret;
use crate::units::{ByteSize, Percent, Span};

/// The settings of delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Where objects go: `s3://bucket[/prefix]`, `gs://bucket[/prefix]`, `az://container[/prefix]`
    /// (`abfss://container@account.dfs.core.windows.net[/prefix]` too) or `file://path`, where `file://./path` is
    /// relative to the folder in which forebay was started.
    pub to: String,
    /// How many objects are put at once, 1 to 64.
    pub concurrency: usize,
    /// How long an attempt may make no progress before it is given up, 1 s to 1 h. A slow line that moves is no reason
    /// to give up.
    pub attempt_timeout: Span,
    /// How long connecting to the store may take, 100 ms to 5 min.
    pub connect_timeout: Span,
    /// How long delivery may go on, 0 to 10 min, after the process was told to end. What is left is on disk, and
    /// delivered after the next start.
    pub finish_within: Span,
    /// The pace at which failed attempts are repeated. They are repeated for ever.
    pub retry: RetryOptions,
    /// Whether the store is asked to create objects and never to replace them. Switch it off only for an S3-compatible
    /// store that does not know conditional puts (`If-None-Match`); after a lost answer such a store writes the same
    /// bytes under the same name again.
    pub create_only: bool,
    /// Bytes a second that delivery may send to a store, all objects together; as fast as the line is if left out.
    /// Folders are written as fast as they are.
    pub bandwidth: Option<ByteSize>,
    /// When objects are delivered: spans of the day, like `22:00-06:00` or `mon-fri 22:00-06:00`. At any time if there are
    /// none. What is under way at the end of a span goes on to its end. `forebay flush` and `forebay drain` deliver at any
    /// hour; the end of the process does not wait for the hours. Lists and notices of what was delivered, which are small,
    /// go at any hour.
    pub hours: Vec<Window>,
    /// The time zone of the hours: a name in the IANA time zone database.
    pub timezone: String,
    /// The share of `log.disk_budget` over which objects are delivered at any hour, 1 % to 99 %, until less than nine tenths
    /// of it are used.
    pub hours_unless_disk_over: Option<Percent>,
    /// Bytes of objects that may be in memory at once, at least 8 MiB. A single object that is larger, to a store that
    /// takes it only whole, uses all of it.
    pub in_flight_bytes: ByteSize,
    /// How large objects are put in parts (S3 only).
    pub multipart: MultipartOptions,
    /// A PEM file of certificate authorities to trust beside those of the system.
    pub ca_bundle: Option<PathBuf>,
    /// A proxy for all requests to the store, `http://[user:password@]host:port`. If left out, `HTTPS_PROXY`,
    /// `HTTP_PROXY` and `NO_PROXY` of the environment hold.
    pub proxy: Option<Secret>,
    /// User metadata of every object, beside forebay's own (see the module `bucket::labels`): names of lower-case letters,
    /// digits and hyphens with values of printable ASCII, 1024 bytes at most in all.
    pub metadata: BTreeMap<String, String>,
    /// Tags of every object, on S3 and Azure: 10 at most, with names of up to 128 letters and values of up to 256. On S3
    /// they need the permission `s3:PutObjectTagging` as well, on Azure that to write tags.
    pub tags: BTreeMap<String, String>,
    /// What delivered objects leave behind for others: lists in the bucket, notices to a webhook.
    pub receipts: ReceiptOptions,
    /// The settings of S3 and of stores that are compatible with it.
    pub s3: S3Options,
    /// The settings of Google Cloud Storage.
    pub gcs: GcsOptions,
    /// The settings of Azure Blob Storage.
    pub azure: AzureOptions,
}

/// The pace of repetitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryOptions {
    /// The wait after the first failure, about; it grows by half with each further one.
    pub first_wait: Span,
    /// The longest wait, about. A minute at most, so that delivery begins soon after an outage.
    pub longest_wait: Span,
}

/// How large objects are put in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultipartOptions {
    /// Objects over this size are put in parts.
    pub threshold: ByteSize,
    /// The size of a part, 5 MiB to 1 GiB. What was sent of a part when the line was cut is sent again.
    pub part_bytes: ByteSize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            to: "file://./forebay-data/bucket".into(),
            concurrency: 4,
            attempt_timeout: Span::seconds(60),
            connect_timeout: Span::seconds(10),
            finish_within: Span::seconds(10),
            retry: RetryOptions::default(),
            create_only: true,
            bandwidth: None,
            hours: Vec::new(),
            timezone: "UTC".into(),
            hours_unless_disk_over: None,
            in_flight_bytes: ByteSize::mib(16),
            multipart: MultipartOptions::default(),
            ca_bundle: None,
            proxy: None,
            metadata: BTreeMap::new(),
            tags: BTreeMap::new(),
            receipts: ReceiptOptions::default(),
            s3: S3Options::default(),
            gcs: GcsOptions::default(),
            azure: AzureOptions::default(),
        }
    }
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { first_wait: Span(std::time::Duration::from_millis(500)), longest_wait: Span::seconds(60) }
    }
}

impl Default for MultipartOptions {
    fn default() -> Self {
        Self { threshold: ByteSize::mib(64), part_bytes: ByteSize::mib(16) }
    }
}

impl Options {
    /// Checks every setting.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        let destination = Destination::parse(&self.to)?;
        if !(1..=64).contains(&self.concurrency) {
            return Err(format!("upload.concurrency is {}; it must be 1 to 64", self.concurrency));
        }
        between("upload.attempt_timeout", self.attempt_timeout, Span::seconds(1), Span::seconds(3600))?;
        between("upload.connect_timeout", self.connect_timeout, milliseconds(100), Span::seconds(300))?;
        between("upload.finish_within", self.finish_within, Span::seconds(0), Span::seconds(600))?;
        between("upload.retry.first_wait", self.retry.first_wait, milliseconds(1), Span::seconds(60))?;
        between(
            "upload.retry.longest_wait",
            self.retry.longest_wait,
            self.retry.first_wait,
            Span::seconds(60),
        )?;
        between(
            "upload.multipart.part_bytes",
            self.multipart.part_bytes,
            ByteSize::mib(5),
            ByteSize::gib(1),
        )?;
        let largest_put = ByteSize::gib(5);
        between("upload.multipart.threshold", self.multipart.threshold, ByteSize::mib(5), largest_put)?;
        if self.in_flight_bytes < ByteSize::mib(8) {
            return Err(format!(
                "upload.in_flight_bytes is {}; it must be at least 8MiB",
                self.in_flight_bytes
            ));
        }
        if let Some(bandwidth) = self.bandwidth.filter(|bandwidth| *bandwidth < ByteSize::kib(1)) {
            return Err(format!(
                "upload.bandwidth is {bandwidth}; it must be at least 1KiB (a second), or left out for no limit"
            ));
        }
        hours::validate(self)?;
        labels::check_metadata(&self.metadata, &destination)?;
        labels::check_tags(&self.tags, &destination)?;
        self.receipts.validate()?;
        match destination {
            Destination::S3 { .. } => self.s3.validate(),
            Destination::Gcs { .. } => self.gcs.validate(),
            Destination::Azure { account, .. } => self.azure.validate(account.as_deref()),
            Destination::Folder { .. } => Ok(()),
        }
    }

    /// Every secret of these settings, so that none of them stands in a message.
    pub(super) fn secrets(&self) -> Vec<String> {
        let s3 = [&self.s3.secret_access_key, &self.s3.session_token, &self.s3.external_id];
        let azure = [&self.azure.access_key, &self.azure.sas_token, &self.azure.client_secret];
        s3.into_iter()
            .chain(azure)
            .chain([&self.gcs.service_account_key, &self.proxy])
            .flatten()
            .chain(self.receipts.webhook.headers.values())
            .map(|secret| secret.reveal().to_string())
            .filter(|secret| !secret.is_empty())
            .collect()
    }
}

const fn milliseconds(count: u64) -> Span {
    Span(std::time::Duration::from_millis(count))
}

fn between<T>(name: &str, value: T, least: T, most: T) -> Result<(), String>
where
    T: PartialOrd + std::fmt::Display + Copy,
{
    if value < least || value > most {
        return Err(format!("{name} is {value}; it must be {least} to {most}"));
    }
    Ok(())
}

/// Refuses an address that is no URL, or an `http://` one that was not allowed.
fn check_endpoint(name: &str, endpoint: &str, allow_http: bool) -> Result<(), String> {
    if endpoint.starts_with("http://") && !allow_http {
        let section = name.rsplit_once('.').map_or(name, |(section, _)| section);
        return Err(format!(
            "{name} is {endpoint}, which is not encrypted; use https://, or set {section}.allow_http to true"
        ));
    }
    let uri: Result<http::Uri, _> = endpoint.parse();
    match uri {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() => Ok(()),
        _ => Err(format!("{name} is {endpoint}; it must be a URL like https://storage.example.com:9000")),
    }
}

/// Refuses a setting that is of no use without another one.
fn needs<T, U>(name: &str, setting: Option<&T>, needed_name: &str, needed: Option<&U>) -> Result<(), String> {
    if setting.is_some() && needed.is_none() {
        return Err(format!("{name} is set and {needed_name} is not; set both or neither"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Options, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_right() {
        assert_eq!(Options::default().validate(), Ok(()));
        assert_eq!(read("{}").unwrap(), Options::default());
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(read("{ s3: { regoin: eu-west-1 } }").unwrap_err().contains("regoin"));
    }

    #[test]
    fn an_error_names_the_setting_its_value_and_what_to_do() {
        for (yaml, message) in [
            ("{ to: 's3:/bucket' }", "upload.to is s3:/bucket; it must be"),
            ("{ concurrency: 0 }", "upload.concurrency is 0; it must be 1 to 64"),
            ("{ retry: { longest_wait: 2m } }", "upload.retry.longest_wait is 2m; it must be 500ms to 1m"),
            (
                "{ multipart: { part_bytes: 1MiB } }",
                "upload.multipart.part_bytes is 1MiB; it must be 5MiB to 1GiB",
            ),
            (
                "{ to: 's3://b', s3: { endpoint: 'http://minio:9000' } }",
                "upload.s3.endpoint is http://minio:9000, which is not encrypted; use https://, or set \
                 upload.s3.allow_http to true",
            ),
            ("{ to: 's3://b', s3: { access_key_id: AKIA } }", "upload.s3.access_key_id is set and"),
            ("{ to: 'az://c' }", "upload.azure.account is not set"),
            ("{ timezone: Berlin }", "upload.timezone is `Berlin`; it must be a name in the IANA time zone"),
            (
                "{ hours_unless_disk_over: 80% }",
                "upload.hours_unless_disk_over is 80% and upload.hours is empty",
            ),
            (
                "{ hours: ['1:00-2:00'], hours_unless_disk_over: 100% }",
                "upload.hours_unless_disk_over is 100%; it must be 1% to 99%",
            ),
        ] {
            let error = read(yaml).unwrap().validate().unwrap_err();
            assert!(error.starts_with(message), "{yaml}: {error}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let options = read(
            "{ s3: { access_key_id: AKIA, secret_access_key: hidden1, session_token: hidden2 }, proxy: 'http://u:hidden3@p',
               azure: { access_key: hidden4, sas_token: hidden5, client_secret: hidden6 }, gcs: { service_account_key: hidden7 },
               receipts: { webhook: { headers: { Authorization: hidden8 } } } }",
        )
        .unwrap();
        for printed in [format!("{options:?}"), serde_json::to_string(&options).unwrap()] {
            assert!(!printed.contains("hidden"), "{printed}");
        }
        assert_eq!(options.secrets().len(), 8);
    }
}
