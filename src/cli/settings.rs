//! The main settings as flags.
#![allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    reason = "these comments are the help, which is no Markdown"
)]

use clap::Args;

use crate::config::Flag;

/// Makes the flags, and the list of what each of them sets.
macro_rules! settings {
    ($($(#[doc = $doc:literal])* $field:ident $name:literal $key:literal $value:literal;)*) => {
        /// The main settings as flags. They are text here: the configuration gives them their types, and says what is
        /// wrong with them in the words it has for files and environment variables.
        #[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
        #[command(next_help_heading = "Settings")]
        pub struct Settings {
            $($(#[doc = $doc])* #[arg(long = $name, value_name = $value)] pub $field: Option<String>,)*
        }

        impl Settings {
            /// Those that are given.
            pub fn flags(&self) -> Vec<Flag> {
                let all = [$(($key, concat!("--", $name), &self.$field),)*];
                all.into_iter()
                    .filter_map(|(key, name, value)| value.clone().map(|value| Flag { key, name, value }))
                    .collect()
            }
        }

        /// The keys that have a flag.
        #[cfg(test)]
        pub(super) const KEYS: &[&str] = &[$($key),*];
    };
}

settings! {
    /// Where the objects go: s3://bucket/prefix, gs://, az:// or file://folder (upload.to)
    to "to" "upload.to" "URL";
    /// The address for gRPC; it also takes HTTP (receive.grpc)
    grpc "grpc" "receive.grpc" "ADDRESS";
    /// The address for HTTP; it also takes gRPC (receive.http)
    http "http" "receive.http" "ADDRESS";
    /// The address for metrics, probes and status, or `off` (admin.listen)
    admin "admin" "admin.listen" "ADDRESS";
    /// The objects' format: parquet, jsonl, csv, otlp_jsonl, otlp_json or otlp_proto (objects.format)
    format "format" "objects.format" "FORMAT";
    /// The objects' compression: gzip, zstd, none, and for parquet snappy or lz4 (objects.compression)
    compression "compression" "objects.compression" "NAME";
    /// What every object's key begins with (objects.prefix)
    prefix "prefix" "objects.prefix" "TEXT";
    /// Age at which records are made into objects, such as 5m (log.seal_after)
    seal_after "seal-after" "log.seal_after" "TIME";
    /// Bytes of disk for what is not delivered yet, such as 10GiB (log.disk_budget)
    disk_budget "disk-budget" "log.disk_budget" "SIZE";
    /// What to do when it is used up: refuse or drop_oldest (log.when_full)
    when_full "when-full" "log.when_full" "POLICY";
    /// The largest request, such as 64MiB (receive.max_request_bytes)
    max_request_bytes "max-request-bytes" "receive.max_request_bytes" "SIZE";
    /// The address of an S3-compatible store (upload.s3.endpoint)
    endpoint "endpoint" "upload.s3.endpoint" "URL";
    /// The region of the S3 bucket (upload.s3.region)
    region "region" "upload.s3.region" "NAME";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    #[test]
    fn every_flag_sets_a_setting_that_there_is() {
        let known: Vec<_> =
            load(&Sources::default()).unwrap().settings.into_iter().map(|setting| setting.key).collect();
        for key in KEYS {
            assert!(known.iter().any(|known| known == key), "{key}");
        }
    }
}
