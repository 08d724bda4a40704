//! Large objects in parts, which go on where they were after a cut line or a restart.
//!
//! The upload's id and every finished part are in the journal. Completing is create-only, like a whole put. What may be
//! unclear, and how it becomes clear:
//!
//! - *complete* is answered 404: the upload is gone, because an earlier *complete* succeeded whose answer was lost, or
//!   because the store has cleaned up. If reading is permitted, the object's size tells; if not, all is sent again, and
//!   a second *complete* answers "exists already" if it was there.
//! - a part is answered 404: the store has cleaned up; all is sent again.
//! - *complete* is answered 409, or 400: the store wants a new upload.
//!
//! The store keeps the parts of an upload, and somebody pays for them, until it is completed or aborted. So an upload
//! that is of no use any more stays in the journal until the store has said that it is gone, or that we may not abort
//! it. One whose beginning was never answered nobody can name; it has no parts.

use std::sync::Arc;

use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutPayload};

use super::answer::recorded;
use super::store::Target;
use super::{Body, Journal, Kind, PutError, Receipt, Trouble, blocking};
use crate::catalog::{Part, PartialUpload};
use crate::pack::Object;
use crate::upload::body::Parts;
use crate::upload::options::MultipartOptions;

/// Puts large objects in parts.
pub(super) struct Multipart {
    parts: Arc<dyn MultipartStore>,
    objects: Arc<dyn ObjectStore>,
    target: Target,
    threshold: u64,
    part_bytes: u64,
}

/// S3 takes no more parts than these.
const PARTS_MOST: u64 = 10_000;
/// Uploads that one attempt begins at most; a store that forgets them faster than that is given time.
const BEGINNINGS: u32 = 2;

/// How a round of an upload ended, other than with a receipt.
enum Ending {
    /// The upload is gone or of no use: begin another.
    BeginAnew(Trouble),
    /// To be tried again later, going on where it was.
    Stop(PutError),
}

impl From<PutError> for Ending {
    fn from(error: PutError) -> Self {
        Self::Stop(error)
    }
}

impl std::fmt::Debug for Multipart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multipart")
            .field("threshold", &self.threshold)
            .field("part_bytes", &self.part_bytes)
            .finish_non_exhaustive()
    }
}

impl Multipart {
    pub(super) fn new(
        parts: Arc<dyn MultipartStore>,
        objects: Arc<dyn ObjectStore>,
        target: Target,
        options: &MultipartOptions,
    ) -> Self {
        let (threshold, part_bytes) = (options.threshold.bytes(), options.part_bytes.bytes());
        Self { parts, objects, target, threshold, part_bytes }
    }

    /// Whether an object of this size is put in parts.
    pub(super) fn takes(&self, bytes: u64) -> bool {
        bytes > self.threshold
    }

    /// The size of a part.
    pub(super) fn part_bytes(&self) -> u64 {
        self.part_bytes
    }

    /// Puts an object in parts, going on with an upload that `journal` knows.
    pub(super) async fn put(
        &self,
        object: &Object,
        body: &Body,
        journal: &dyn Journal,
    ) -> Result<Receipt, PutError> {
        let path = self.target.path(&object.key)?;
        let mut beginnings = 0;
        loop {
            let known = journal.load().await.filter(|upload| upload.part_bytes > 0);
            let upload = match known {
                Some(upload) => upload,
                None if beginnings == BEGINNINGS => {
                    let words = "the store forgot the multipart upload again and again";
                    return Err(Trouble::new(Kind::Conflict, words).into());
                }
                None => {
                    beginnings += 1;
                    self.begin(&path, object, body, journal).await?
                }
            };
            let id = upload.id.clone();
            match self.go_on(&path, body, upload, journal).await {
                Ok(receipt) => {
                    journal.save(None).await;
                    return Ok(receipt);
                }
                Err(Ending::Stop(error)) => return Err(error),
                Err(Ending::BeginAnew(trouble)) => {
                    tracing::info!(key = object.key, why = trouble.words, "a multipart upload begins anew");
                    self.abandon(&path, &id).await?;
                    journal.save(None).await;
                    if trouble.kind == Kind::Conflict {
                        return Err(trouble.into());
                    }
                }
            }
        }
    }

    async fn begin(
        &self,
        path: &Path,
        object: &Object,
        body: &Body,
        journal: &dyn Journal,
    ) -> Result<PartialUpload, PutError> {
        let attributes = self.target.attributes(object);
        let tags = self.target.tags();
        let options = PutMultipartOptions { attributes, tags, ..PutMultipartOptions::default() };
        let (outcome, answer) = recorded(self.parts.create_multipart_opts(path, options)).await;
        let id = outcome.map_err(|error| self.target.trouble(&error, answer))?;
        let part_bytes = self.part_bytes.max(body.bytes().div_ceil(PARTS_MOST));
        let upload = PartialUpload { id, part_bytes, parts: Vec::new(), is_needless: false };
        journal.save(Some(upload.clone())).await;
        Ok(upload)
    }

    /// Sends the parts that are missing, and completes the upload.
    async fn go_on(
        &self,
        path: &Path,
        body: &Body,
        mut upload: PartialUpload,
        journal: &dyn Journal,
    ) -> Result<Receipt, Ending> {
        if upload.is_needless {
            return self.was_there(path, &upload).await;
        }
        let (whole, part_bytes) = (body.clone(), upload.part_bytes);
        let parts = Arc::new(blocking(move || Ok(whole.parts(part_bytes)?)).await?);
        for index in 0..parts.count() {
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            if upload.parts.iter().any(|part| part.index == number) {
                continue;
            }
            let part = self.send(path, body, &upload.id, &parts, index).await?;
            upload.parts.push(part);
            journal.save(Some(upload.clone())).await;
        }
        self.complete(path, body, upload, &parts, journal).await
    }

    async fn send(
        &self,
        path: &Path,
        body: &Body,
        id: &String,
        parts: &Arc<Parts>,
        index: usize,
    ) -> Result<Part, Ending> {
        let (source, hashes) = (body.clone(), Arc::clone(parts));
        let chunks = blocking(move || Ok(source.part(&hashes, index)?)).await?;
        let payload: PutPayload = chunks.into_iter().collect();
        let bytes = payload.content_length() as u64;
        let (outcome, answer) = recorded(self.parts.put_part(path, id, index, payload)).await;
        match outcome {
            Ok(part) => {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                Ok(Part { index, content_id: part.content_id, bytes })
            }
            Err(error) => Err(self.ending(&error, answer)),
        }
    }

    async fn complete(
        &self,
        path: &Path,
        body: &Body,
        mut upload: PartialUpload,
        parts: &Parts,
        journal: &dyn Journal,
    ) -> Result<Receipt, Ending> {
        upload.parts.sort_by_key(|part| part.index);
        let ids: Vec<PartId> =
            upload.parts.iter().map(|part| PartId { content_id: part.content_id.clone() }).collect();
        if ids.len() != parts.count() {
            let words = "the noted parts are not those of the object";
            return Err(Ending::BeginAnew(Trouble::new(Kind::Other, words)));
        }
        let (outcome, answer) = recorded(self.parts.complete_multipart(path, &upload.id, ids)).await;
        match outcome {
            Ok(put) => Ok(Receipt { etag: put.e_tag, was_there: false }),
            Err(error) if self.target.says_exists(&error) => {
                upload.is_needless = true;
                journal.save(Some(upload.clone())).await;
                self.was_there(path, &upload).await
            }
            Err(error) => {
                let ending = self.ending(&error, answer);
                if matches!(&ending, Ending::BeginAnew(trouble) if is_missing_upload(trouble))
                    && let Some(receipt) = self.look(path, body.bytes()).await
                {
                    return Ok(receipt);
                }
                Err(ending)
            }
        }
    }

    /// The receipt for an object that is in the bucket without this upload, once the upload is gone.
    async fn was_there(&self, path: &Path, upload: &PartialUpload) -> Result<Receipt, Ending> {
        self.abandon(path, &upload.id).await?;
        Ok(Receipt { etag: None, was_there: true })
    }

    /// Has the store let go of an upload and its parts.
    ///
    /// # Errors
    /// If it may be there still, and trying again may help. What a store does not permit holds nothing up.
    async fn abandon(&self, path: &Path, id: &String) -> Result<(), PutError> {
        let (outcome, answer) = recorded(self.parts.abort_multipart(path, id)).await;
        let Err(error) = outcome else { return Ok(()) };
        let trouble = self.target.trouble(&error, answer);
        if is_missing_upload(&trouble) {
            return Ok(());
        }
        let is_passing =
            matches!(trouble.kind, Kind::Connect | Kind::Dns | Kind::Tls | Kind::Timeout | Kind::Throttled);
        if is_passing {
            return Err(trouble.into());
        }
        tracing::warn!(
            key = path.as_ref(),
            why = trouble.words,
            "cannot abort a multipart upload; its parts stay until the bucket's own rule removes them"
        );
        Ok(())
    }

    /// The receipt, if the object can be seen in the bucket. Mostly reading is not permitted, and it cannot.
    async fn look(&self, path: &Path, bytes: u64) -> Option<Receipt> {
        let (outcome, _) = recorded(self.objects.head(path)).await;
        let found = outcome.ok().filter(|found| found.size == bytes)?;
        Some(Receipt { etag: found.e_tag, was_there: true })
    }

    fn ending(&self, error: &Error, answer: Option<Trouble>) -> Ending {
        let trouble = self.target.trouble(error, answer);
        let unusable = matches!(
            trouble.code.as_deref(),
            Some("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" | "NoSuchUpload")
        );
        if unusable || is_missing_upload(&trouble) || trouble.kind == Kind::Conflict {
            return Ending::BeginAnew(trouble);
        }
        Ending::Stop(trouble.into())
    }
}

/// Whether the store does not know the upload. A 404 that names the bucket is another matter: the upload may still be
/// there when the bucket is back.
fn is_missing_upload(trouble: &Trouble) -> bool {
    match trouble.code.as_deref() {
        Some("NoSuchUpload") => true,
        Some("NoSuchBucket") => false,
        _ => trouble.status == Some(404),
    }
}
