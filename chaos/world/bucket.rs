//! The bucket as the test sees it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::faults::proxy::Proxy;
use crate::support::program;
use crate::support::s3::{BUCKET, FakeS3, Fault, On};

use super::random::Random;
use super::seaweedfs::SeaweedFs;

/// Where the objects go.
pub(crate) enum Bucket {
    /// The folder in the data folder.
    Folder(PathBuf),
    /// A server in the process of the test, which is not killed.
    S3(FakeS3),
    /// The same, behind a line that plays faults.
    Proxied(FakeS3, Proxy),
    /// A real server, as a process of its own.
    SeaweedFs(SeaweedFs),
    /// The same, behind a line that plays faults.
    ProxiedSeaweedFs(SeaweedFs, Proxy),
}

impl Bucket {
    /// The folder that the program uses when it is told nothing.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self::Folder(program::bucket(folder))
    }

    /// The server, if it is one.
    fn store(&self) -> Option<&FakeS3> {
        match self {
            Self::Folder(_) | Self::SeaweedFs(_) | Self::ProxiedSeaweedFs(..) => None,
            Self::S3(store) | Self::Proxied(store, _) => Some(store),
        }
    }

    /// The settings that make the program use it.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let endpoint = match self {
            Self::Folder(_) => return Vec::new(),
            Self::SeaweedFs(store) => return SeaweedFs::settings(&store.endpoint()),
            Self::ProxiedSeaweedFs(_, proxy) => return SeaweedFs::settings(&proxy.endpoint()),
            Self::S3(store) => store.endpoint(),
            Self::Proxied(_, proxy) => proxy.endpoint(),
        };
        vec![
            ("FOREBAY_UPLOAD_TO", format!("s3://{BUCKET}")),
            ("FOREBAY_UPLOAD_S3_ENDPOINT", endpoint),
            ("FOREBAY_UPLOAD_S3_ALLOW_HTTP", "true".to_owned()),
            ("FOREBAY_UPLOAD_S3_PATH_STYLE", "true".to_owned()),
            ("FOREBAY_UPLOAD_S3_ACCESS_KEY_ID", "test".to_owned()),
            ("FOREBAY_UPLOAD_S3_SECRET_ACCESS_KEY", "test".to_owned()),
            ("FOREBAY_UPLOAD_MULTIPART_THRESHOLD", "5MiB".to_owned()),
            ("FOREBAY_UPLOAD_MULTIPART_PART_BYTES", "5MiB".to_owned()),
            ("FOREBAY_UPLOAD_RETRY_FIRST_WAIT", "20ms".to_owned()),
            ("FOREBAY_UPLOAD_RETRY_LONGEST_WAIT", "200ms".to_owned()),
        ]
    }

    /// Has the next requests go wrong, or stops that.
    pub(crate) fn play_faults(&self, random: Option<&mut Random>) {
        let Some(store) = self.store() else { return };
        store.heal();
        let Some(random) = random else { return };
        let faults = [
            (On::Put, Fault::LoseAnswer),
            (On::Put, Fault::Answer(409, "ConditionalRequestConflict")),
            (On::Put, Fault::Answer(503, "SlowDown")),
            (On::Put, Fault::LieAfterEffect(500, "InternalError")),
            (On::Put, Fault::Slow(std::time::Duration::from_millis(50))),
            (On::Put, Fault::Reset),
            (On::Complete, Fault::LoseAnswer),
            (On::Part, Fault::Answer(503, "SlowDown")),
        ];
        store.script((0..4).map(|_| random.one_of(&faults)));
    }

    /// Has no request come through until [`Bucket::play_faults`].
    pub(crate) fn go_away(&self) {
        let Self::S3(store) = self else { return };
        store.poison("", Fault::Answer(503, "SlowDown"));
    }

    /// Every object, by its key.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        match self {
            Self::Folder(root) => files(root)
                .into_iter()
                .map(|key| (key.clone(), std::fs::read(root.join(key)).unwrap()))
                .collect(),
            Self::S3(store) | Self::Proxied(store, _) => {
                let objects = store.objects();
                for (key, object) in &objects {
                    assert_eq!(object.writes, 1, "{key} was written more than once");
                }
                objects.into_iter().map(|(key, object)| (key, object.bytes.to_vec())).collect()
            }
            Self::SeaweedFs(store) | Self::ProxiedSeaweedFs(store, _) => store.objects(),
        }
    }

    /// How many objects there are; for asking often.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Folder(root) => files(root).len(),
            Self::S3(store) | Self::Proxied(store, _) => store.object_count(),
            Self::SeaweedFs(store) | Self::ProxiedSeaweedFs(store, _) => store.keys().len(),
        }
    }

    /// Whether there is an object of this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        match self {
            Self::Folder(root) => root.join(key).exists(),
            Self::S3(store) | Self::Proxied(store, _) => store.has(key),
            Self::SeaweedFs(store) | Self::ProxiedSeaweedFs(store, _) => {
                store.keys().iter().any(|known| known == key)
            }
        }
    }
}

/// The paths of all files below a folder, relative to it.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}
