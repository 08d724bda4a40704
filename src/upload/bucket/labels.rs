//! What a store keeps beside the bytes of an object: user metadata and tags.
//!
//! Every object says where it comes from and what is in it, so that a bucket can be audited with nothing but `HEAD`:
//!
//! ```text
//! forebay-writer             the id of the data folder that it comes from, as in its name
//! forebay-version            the version of forebay that put it
//! forebay-records            records (exports) in it
//! forebay-items              log records, data points, spans or profiles in it
//! forebay-first-received-at  when its first record was received, RFC 3339 in UTC
//! forebay-last-received-at   when its last record was received
//! forebay-blake3             the BLAKE3 hash of its bytes
//! ```
//!
//! The names have hyphens: proxies such as nginx drop request headers with underscores, and the signature of a put to S3
//! would not hold any more. Azure takes only names that are identifiers of C#; there, and only there, each hyphen is an
//! underscore.

use object_store::{Attribute, Attributes, TagSet};

use super::http::Dialect;
use crate::pack::Object;
use crate::upload::options::Options;
use crate::upload::time::written;

/// What every object of a bucket is labelled with.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    dialect: Dialect,
    writer: String,
    /// The operator's own.
    metadata: Vec<(String, String)>,
    tags: TagSet,
}

impl Labels {
    /// The labels that the settings ask for, of objects of the data folder `writer`.
    pub(super) fn new(options: &Options, dialect: Dialect, writer: &str) -> Self {
        let metadata = options.metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut tags = TagSet::default();
        for (name, value) in &options.tags {
            tags.push(name, value);
        }
        Self { dialect, writer: writer.to_string(), metadata, tags }
    }

    /// The tags of every object.
    pub(super) fn tags(&self) -> TagSet {
        self.tags.clone()
    }

    /// Adds the user metadata of an object.
    pub(super) fn add_metadata(&self, object: &Object, attributes: &mut Attributes) {
        let about = [
            ("forebay-writer", self.writer.clone()),
            ("forebay-version", env!("CARGO_PKG_VERSION").to_string()),
            ("forebay-records", object.records.to_string()),
            ("forebay-items", object.items.to_string()),
            ("forebay-first-received-at", written(object.first_received_at)),
            ("forebay-last-received-at", written(object.last_received_at)),
            ("forebay-blake3", object.blake3.clone()),
        ];
        let own = self.metadata.iter().map(|(name, value)| (name.as_str(), value.clone()));
        for (name, value) in own.chain(about) {
            let name = match self.dialect {
                Dialect::Azure => name.replace('-', "_"),
                Dialect::S3 | Dialect::Gcs => name.to_string(),
            };
            attributes.insert(Attribute::Metadata(name.into()), value.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::upload::testing::spooled;

    #[test]
    fn azure_gets_names_that_are_identifiers_and_the_others_names_that_every_proxy_lets_through() {
        let folder = tempfile::tempdir().unwrap();
        let (object, _) = spooled(&RealDisk, folder.path(), "object", b"content");
        let metadata = [("cost-center".to_string(), "42".to_string())].into();
        let options = Options { metadata, ..Options::default() };
        for (dialect, separator) in [(Dialect::S3, '-'), (Dialect::Gcs, '-'), (Dialect::Azure, '_')] {
            let mut attributes = Attributes::new();
            Labels::new(&options, dialect, "a1b2c3d4").add_metadata(&object, &mut attributes);
            assert_eq!(attributes.len(), 8);
            for (attribute, _) in &attributes {
                let Attribute::Metadata(name) = attribute else { panic!("{attribute:?}") };
                let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == separator;
                assert!(name.chars().all(allowed), "{dialect:?}: {name}");
            }
        }
    }
}
