//! The names of files in the spool's folder.
//!
//! ```text
//! 00000042-main-0.logs.object  an object, the first that was begun of segment 42 for the output `main`
//! 00000042-main.manifest       the list of these objects: they are committed
//! 00000042-main.manifest.new   a manifest being written
//! *.damaged                    what cannot be delivered, kept for a person
//! ```
//!
//! Files of other names are none of ours and left alone.

use super::batch::BatchId;
use crate::otlp::Signal;

/// The file of the object that was begun as the `number`th of its batch.
pub(super) fn object(batch: &BatchId, number: usize, signal: Signal) -> String {
    format!("{batch}-{number}.{signal}.object")
}

/// The file of a batch's manifest.
pub(super) fn manifest(batch: &BatchId) -> String {
    format!("{batch}.manifest")
}

/// The name of a manifest until it is complete.
pub(super) fn staged_manifest(batch: &BatchId) -> String {
    format!("{batch}.manifest.new")
}

/// The name under which a damaged file is kept.
pub(super) fn damaged(name: &str) -> String {
    format!("{name}.damaged")
}

/// The batch of an object's file, if it is one that lies in the folder.
pub(super) fn batch_of_object(name: &str) -> Option<BatchId> {
    if name.contains('/') {
        return None;
    }
    let (batch, _number) = name.strip_suffix(".object")?.rsplit_once('-')?;
    BatchId::parse(batch)
}

/// The batch of a manifest, if it is one.
pub(super) fn batch_of_manifest(name: &str) -> Option<BatchId> {
    BatchId::parse(name.strip_suffix(".manifest")?)
}

/// Whether it is a manifest that was not completed.
pub(super) fn is_staged_manifest(name: &str) -> bool {
    name.strip_suffix(".new").is_some_and(|name| batch_of_manifest(name).is_some())
}
