//! Spooled objects for the tests of this stage.

use std::io::IoSlice;
use std::path::Path;

use super::body::Body;
use crate::disk::Disk;
use crate::otlp::Signal;
use crate::pack::{Object, ObjectFile};

/// An object with this content, whose file is `name` in `folder`, and its bytes.
pub(super) fn spooled(disk: &dyn Disk, folder: &Path, name: &str, content: &[u8]) -> (Object, Body) {
    let file = disk.create(&folder.join(name)).unwrap();
    file.write_at(&[IoSlice::new(content)], 0).unwrap();
    file.sync().unwrap();
    disk.sync_folder(folder).unwrap();
    let object = Object {
        bucket: None,
        key: format!("logs/date=2026-08-22/hour=10/{name}.jsonl.gz"),
        file: name.to_string(),
        signal: Signal::Logs,
        records: 1,
        items: 10,
        bytes: content.len() as u64,
        blake3: blake3::hash(content).to_hex().to_string(),
        first_received_at: 1,
        last_received_at: 2,
        content_type: "application/gzip".into(),
        content_encoding: None,
    };
    let body = Body::new(ObjectFile::open(disk, folder, &object).unwrap(), &object);
    (object, body)
}
