//! The names of files in the spool's folder.
//!
//! ```text
//! 00000042-0.logs.object       an object, the first that was begun for segment 42
//! 00000042.manifest            the list of the segment's objects: it is committed
//! 00000042.manifest.new        a manifest being written
//! *.damaged                    what cannot be delivered, kept for a person
//! ```
//!
//! Files of other names are none of ours and left alone.

use crate::log::SegmentId;
use crate::otlp::Signal;

/// The file of the object that was begun as the `number`th of its segment.
pub(super) fn object(segment: SegmentId, number: usize, signal: Signal) -> String {
    format!("{segment}-{number}.{signal}.object")
}

/// The file of a segment's manifest.
pub(super) fn manifest(segment: SegmentId) -> String {
    format!("{segment}.manifest")
}

/// The name of a manifest until it is complete.
pub(super) fn staged_manifest(segment: SegmentId) -> String {
    format!("{segment}.manifest.new")
}

/// The name under which a damaged file is kept.
pub(super) fn damaged(name: &str) -> String {
    format!("{name}.damaged")
}

/// The segment of an object's file, if it is one that lies in the folder.
pub(super) fn segment_of_object(name: &str) -> Option<SegmentId> {
    if name.contains('/') {
        return None;
    }
    SegmentId::parse(name.strip_suffix(".object")?.split_once('-')?.0)
}

/// The segment of a manifest, if it is one.
pub(super) fn segment_of_manifest(name: &str) -> Option<SegmentId> {
    SegmentId::parse(name.strip_suffix(".manifest")?)
}

/// Whether it is a manifest that was not completed.
pub(super) fn is_staged_manifest(name: &str) -> bool {
    name.strip_suffix(".new").is_some_and(|name| segment_of_manifest(name).is_some())
}
