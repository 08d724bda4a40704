//! The ledger, as this stage writes into it: off the threads of the runtime, which its calls would block.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::bucket::Journal;
use crate::catalog::{Catalog, PartialUpload, State};
use crate::pack::{Batch, BatchId, Object, OutputName};

/// The ledger, as the delivery of one output uses it.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    catalog: Arc<Catalog>,
    /// Multipart uploads of this process by the addresses of their objects, in case the ledger is out of order. One for each object that failed half-way.
    uploads: Arc<Mutex<HashMap<String, PartialUpload>>>,
}

impl Ledger {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, uploads: Arc::default() }
    }

    pub(super) fn is_degraded(&self) -> bool {
        self.catalog.is_degraded()
    }

    /// Whether the object is known to be delivered.
    pub(super) async fn is_delivered(&self, object: &Object, output: &OutputName) -> bool {
        let (output, address) = (output.clone(), object.address());
        let entry = self.ask(move |catalog| catalog.entry(&output, &address)).await.flatten();
        entry.is_some_and(|entry| entry.state == State::Delivered && entry.bytes == object.bytes)
    }

    pub(super) async fn note_attempt(&self, object: &Object, batch: &BatchId, now: u64) {
        let (object, batch) = (object.clone(), batch.clone());
        self.ask(move |catalog| catalog.note_attempt(&object, &batch, now)).await;
    }

    pub(super) async fn note_failure(&self, object: &Object, batch: &BatchId, words: &str) {
        let (object, batch, words) = (object.clone(), batch.clone(), words.to_string());
        self.ask(move |catalog| catalog.note_failure(&object, &batch, &words)).await;
    }

    /// Notes durably that the object is delivered.
    pub(super) async fn note_delivered(
        &self,
        object: &Object,
        batch: &BatchId,
        etag: Option<&str>,
        now: u64,
    ) {
        self.lock().remove(&object.address());
        let (object, batch, etag) = (object.clone(), batch.clone(), etag.map(str::to_string));
        self.ask(move |catalog| catalog.note_delivered(&object, &batch, etag, now)).await;
    }

    /// Notes that a batch came into the spool; blocks the thread.
    pub(super) fn note_spooled(&self, batch: &Batch) {
        self.catalog.note_spooled(batch);
    }

    /// Strikes out a batch that was dropped; blocks the thread.
    pub(super) fn forget(&self, batch: &Batch) {
        for object in &batch.objects {
            self.lock().remove(&object.address());
        }
        self.catalog.forget(batch);
    }

    /// The journal of one object's multipart upload.
    pub(super) fn journal(&self, object: &Object, batch: &BatchId) -> ObjectJournal {
        ObjectJournal { ledger: self.clone(), object: object.clone(), batch: batch.clone() }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Catalog) -> T + Send + 'static,
    ) -> Option<T> {
        if self.catalog.is_degraded() {
            return None;
        }
        let catalog = Arc::clone(&self.catalog);
        tokio::task::spawn_blocking(move || question(&catalog)).await.ok()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, PartialUpload>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journal of one object's multipart upload.
pub(super) struct ObjectJournal {
    ledger: Ledger,
    object: Object,
    batch: BatchId,
}

#[async_trait]
impl Journal for ObjectJournal {
    async fn load(&self) -> Option<PartialUpload> {
        let known = self.ledger.lock().get(&self.object.address()).cloned();
        if known.is_some() {
            return known;
        }
        let (output, address) = (self.batch.output.clone(), self.object.address());
        self.ledger.ask(move |catalog| catalog.entry(&output, &address)).await.flatten()?.upload
    }

    async fn save(&self, upload: Option<PartialUpload>) {
        match &upload {
            Some(upload) => {
                self.ledger.lock().insert(self.object.address(), upload.clone());
            }
            None => {
                self.ledger.lock().remove(&self.object.address());
            }
        }
        let (object, batch) = (self.object.clone(), self.batch.clone());
        self.ledger.ask(move |catalog| catalog.note_upload(&object, &batch, upload)).await;
    }
}
