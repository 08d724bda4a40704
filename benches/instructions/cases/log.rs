//! Exports that become durable records: hash, checksum, and the write to the disk that cargo builds on.

use std::path::Path;

use forebay::receive::Export;

use super::{Named, Work, requests};
use crate::storage;
use crate::telemetry::{Items, START};

pub(super) const CASES: Named = &[
    ("log/append/1x1000", |folder| append(folder, 1, 1000, 20)),
    ("log/append/16x10", |folder| append(folder, 16, 10, 20)),
];

/// Groups of so many requests of so many log records.
fn append(folder: &Path, group: usize, items: u64, groups: usize) -> Work {
    let requests = requests(Items::LogRecords, items, (group * groups) as u64);
    let exports: Vec<Export> =
        requests.into_iter().map(|body| storage::export(Items::LogRecords.signal(), body)).collect();
    let mut log = storage::stepwise(folder);
    Work::new(items * exports.len() as u64, move || {
        for group in exports.chunks(group) {
            assert!(!log.append(group, START).unwrap().is_resend());
        }
    })
}
