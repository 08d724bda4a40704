//! The bucket of `upload.to`, and those beside it that objects name: of the same store, opened with the same settings.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::http::Connector;
use super::pace::Pace;
use super::store::StoreBucket;
use super::{Body, Bucket, Environment, FolderBucket, Journal, Kind, PutError, Receipt, Trouble, blocking};
use crate::disk::Disk;
use crate::pack::Object;
use crate::upload::destination::Destination;
use crate::upload::options::Options;

/// Buckets beside the main one that are open at once; the one that was not used for longest is closed for another.
const OPEN_MAX: usize = 32;

/// All buckets of an output.
#[derive(Debug)]
pub(super) struct Routed {
    opening: Arc<Opening>,
    main: Arc<dyn Bucket>,
    /// Those that are open, the one that was used last at the end.
    others: Mutex<Vec<(String, Arc<dyn Bucket>)>>,
}

/// What is needed to open a bucket.
#[derive(Debug)]
struct Opening {
    options: Options,
    destination: Destination,
    environment: Environment,
    /// None for folders.
    connector: Option<Connector>,
    disk: Arc<dyn Disk>,
    writer: String,
}

impl Routed {
    /// Opens the main one. `pace` is that of those in whose place these come.
    ///
    /// # Errors
    /// As [`super::open`].
    pub(super) fn new(
        options: &Options,
        environment: &Environment,
        disk: &Arc<dyn Disk>,
        writer: &str,
        pace: Option<Arc<Pace>>,
    ) -> Result<Self, String> {
        let destination = Destination::parse(&options.to)?;
        let connector = match &destination {
            Destination::Folder { .. } => None,
            store => Some(StoreBucket::connector(options, store, environment, pace)?),
        };
        let opening = Opening {
            options: options.clone(),
            destination,
            environment: environment.clone(),
            connector,
            disk: Arc::clone(disk),
            writer: writer.to_owned(),
        };
        let main = opening.open(&opening.destination)?;
        Ok(Self { opening: Arc::new(opening), main, others: Mutex::default() })
    }

    /// The bucket `name`.
    async fn beside(&self, name: &str) -> Result<Arc<dyn Bucket>, PutError> {
        if let Some(open) = self.use_open(name) {
            return Ok(open);
        }
        let (opening, wanted) = (Arc::clone(&self.opening), name.to_owned());
        // Settings may name files.
        let opened = blocking(move || {
            let words =
                |error| Trouble::new(Kind::Other, format!("cannot open the bucket {wanted}: {error}"));
            Ok(opening.open(&opening.destination.with_bucket(&wanted)).map_err(words)?)
        });
        let opened = opened.await?;
        // Another put may have been faster.
        if let Some(open) = self.use_open(name) {
            return Ok(open);
        }
        let mut others = self.lock();
        if others.len() >= OPEN_MAX {
            others.remove(0);
        }
        others.push((name.to_owned(), Arc::clone(&opened)));
        Ok(opened)
    }

    /// The bucket `name`, if it is open.
    fn use_open(&self, name: &str) -> Option<Arc<dyn Bucket>> {
        let mut others = self.lock();
        let place = others.iter().position(|(open, _)| open == name)?;
        others[place..].rotate_left(1);
        others.last().map(|(_, bucket)| Arc::clone(bucket))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Arc<dyn Bucket>)>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening {
    fn open(&self, destination: &Destination) -> Result<Arc<dyn Bucket>, String> {
        match (destination, &self.connector) {
            (Destination::Folder { path }, _) => {
                Ok(Arc::new(FolderBucket::new(Arc::clone(&self.disk), path.clone())))
            }
            (store, Some(connector)) => {
                let opened =
                    StoreBucket::new(&self.options, store, &self.environment, connector, &self.writer)?;
                Ok(Arc::new(opened))
            }
            (_, None) => Err("a folder has no buckets of a store beside it".to_owned()),
        }
    }
}

#[async_trait]
impl Bucket for Routed {
    async fn put(&self, object: &Object, body: &Body, journal: &dyn Journal) -> Result<Receipt, PutError> {
        let main = self.opening.destination.bucket();
        match object.bucket.as_deref().filter(|name| Some(*name) != main) {
            None => self.main.put(object, body, journal).await,
            Some(name) => self.beside(name).await?.put(object, body, journal).await,
        }
    }

    fn memory_of_put(&self, object_bytes: u64) -> u64 {
        self.main.memory_of_put(object_bytes)
    }

    fn pace(&self) -> Option<Arc<Pace>> {
        self.opening.connector.as_ref().map(|connector| Arc::clone(connector.pace()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::PartialUpload;
    use crate::disk::RealDisk;
    use crate::upload::testing::spooled;

    /// Remembers nothing.
    struct Forgetful;

    #[async_trait]
    impl Journal for Forgetful {
        async fn load(&self) -> Option<PartialUpload> {
            None
        }

        async fn save(&self, _upload: Option<PartialUpload>) {}
    }

    #[tokio::test]
    async fn objects_go_into_the_folders_of_their_buckets_and_few_of_these_are_open() {
        let folder = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let root = folder.path().join("bucket");
        let options = Options { to: format!("file://{}", root.display()), ..Options::default() };
        let routed = Routed::new(&options, &Environment::default(), &disk, "a1b2c3d4", None).unwrap();
        let (mut object, body) = spooled(&RealDisk, folder.path(), "object", b"content");
        for number in 0..OPEN_MAX * 2 {
            object.bucket = Some(format!("lake-{number}"));
            assert!(!routed.put(&object, &body, &Forgetful).await.unwrap().was_there());
            assert!(root.join(format!("lake-{number}")).join(&object.key).is_file());
            // One that is used all the time stays open.
            object.bucket = Some("lake-0".into());
            assert!(routed.put(&object, &body, &Forgetful).await.unwrap().was_there());
        }
        let open: Vec<_> = routed.lock().iter().map(|(name, _)| name.clone()).collect();
        assert_eq!((open.len(), open.contains(&"lake-0".to_owned())), (OPEN_MAX, true));
        assert!(!root.join(&object.key).exists());
        object.bucket = None;
        routed.put(&object, &body, &Forgetful).await.unwrap();
        assert!(root.join(&object.key).is_file());
    }
}
