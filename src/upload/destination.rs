//! Where objects go: the setting `upload.to`, taken apart.

use std::path::PathBuf;

/// A bucket or a folder, and the prefix of every key in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// S3, or a store that is compatible with it.
    S3 {
        /// The bucket.
        bucket: String,
        /// Folders before every key; may be empty.
        prefix: String,
    },
    /// Google Cloud Storage.
    Gcs {
        /// The bucket.
        bucket: String,
        /// Folders before every key; may be empty.
        prefix: String,
    },
    /// Azure Blob Storage.
    Azure {
        /// The storage account, if the URL names it.
        account: Option<String>,
        /// The container.
        container: String,
        /// Folders before every key; may be empty.
        prefix: String,
    },
    /// A folder of this machine.
    Folder {
        /// Its path.
        path: PathBuf,
    },
}

impl Destination {
    /// Takes `to` apart.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn parse(to: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "upload.to is {to}; it must be s3://bucket[/prefix], gs://bucket[/prefix], az://container[/prefix] or \
                 file://path"
            )
        };
        let (scheme, rest) = to.split_once("://").ok_or_else(wrong)?;
        if scheme == "file" {
            let path = rest.strip_prefix("localhost/").map_or_else(|| rest.into(), |rest| format!("/{rest}"));
            return if path.is_empty() {
                Err(wrong())
            } else {
                Ok(Self::Folder { path: PathBuf::from(path) })
            };
        }
        let (place, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/').to_string();
        if place.is_empty() || place.contains(['?', '#', ' ']) || prefix.contains(['?', '#']) {
            return Err(wrong());
        }
        if prefix.split('/').any(|part| matches!(part, "." | "..")) || prefix.contains("//") {
            return Err(format!(
                "upload.to is {to}; its prefix must not have empty folders, `.` or `..` in it"
            ));
        }
        match scheme {
            "s3" | "s3a" => Ok(Self::S3 { bucket: place.to_string(), prefix }),
            "gs" | "gcs" => Ok(Self::Gcs { bucket: place.to_string(), prefix }),
            "az" | "azure" | "abfs" | "abfss" => {
                let (container, host) = place.split_once('@').map_or((place, None), |(c, h)| (c, Some(h)));
                let account = host.and_then(|host| host.split('.').next()).map(str::to_string);
                Ok(Self::Azure { account, container: container.to_string(), prefix })
            }
            _ => Err(wrong()),
        }
    }

    /// The bucket; none for a folder.
    pub fn bucket(&self) -> Option<&str> {
        match self {
            Self::S3 { bucket, .. } | Self::Gcs { bucket, .. } => Some(bucket),
            Self::Azure { container, .. } => Some(container),
            Self::Folder { .. } => None,
        }
    }

    /// The bucket `name` of the same store, with the same folders before every key. For a folder it is the folder of this
    /// name in it.
    #[must_use]
    pub fn with_bucket(&self, name: &str) -> Self {
        let mut beside = self.clone();
        match &mut beside {
            Self::S3 { bucket: main, .. }
            | Self::Gcs { bucket: main, .. }
            | Self::Azure { container: main, .. } => {
                name.clone_into(main);
            }
            Self::Folder { path } => path.push(name),
        }
        beside
    }

    /// What the destination is called in metrics: `s3`, `gcs`, `azure` or `file`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::S3 { .. } => "s3",
            Self::Gcs { .. } => "gcs",
            Self::Azure { .. } => "azure",
            Self::Folder { .. } => "file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_destination_is_understood() {
        let s3 =
            |bucket: &str, prefix: &str| Destination::S3 { bucket: bucket.into(), prefix: prefix.into() };
        assert_eq!(Destination::parse("s3://b"), Ok(s3("b", "")));
        assert_eq!(Destination::parse("s3://b/a/c/"), Ok(s3("b", "a/c")));
        assert_eq!(
            Destination::parse("gs://b/p"),
            Ok(Destination::Gcs { bucket: "b".into(), prefix: "p".into() })
        );
        assert_eq!(
            Destination::parse("abfss://c@account.dfs.core.windows.net/p"),
            Ok(Destination::Azure {
                account: Some("account".into()),
                container: "c".into(),
                prefix: "p".into()
            })
        );
        for (to, path) in [("file://./x/y", "./x/y"), ("file:///x", "/x"), ("file://localhost/x", "/x")] {
            assert_eq!(Destination::parse(to), Ok(Destination::Folder { path: path.into() }), "{to}");
        }
        let beside = |to: &str| Destination::parse(to).unwrap().with_bucket("lake");
        assert_eq!(beside("s3://b/a"), s3("lake", "a"));
        assert_eq!(beside("file:///x"), Destination::Folder { path: "/x/lake".into() });
        assert_eq!(beside("az://c/p").bucket(), Some("lake"));
        for wrong in ["", "bucket", "s3://", "s3:///p", "ftp://b", "file://", "s3://b/a/../c", "s3://b/a//c"]
        {
            assert!(Destination::parse(wrong).unwrap_err().contains("upload.to"), "{wrong}");
        }
    }
}
