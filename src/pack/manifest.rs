//! The list of a batch's objects. Its name in the spool's folder is the commit point of packing.
//!
//! `<segment>-<output>.manifest` is text: a line, JSON, and a line.
//!
//! ```text
//! forebay manifest 1
//! {
//!   "segment": "00000042",
//!   "output": "main",
//!   "objects": [
//!     {
//!       "key": "logs/date=2026-08-22/hour=10/logs_20260822T101112123Z-a1b2c3d4-00000042-0123456789abcdef.jsonl.gz",
//!       "file": "00000042-main-0.logs.object",
//!       ...
//! }
//! blake3 <hash of all lines above, 64 hexadecimal digits>
//! ```
//!
//! Format 1 is held by `tests/data/spool/00000042-main.manifest`. In format 2, which `00000043-main.manifest` holds, an
//! object may name the bucket that it goes into; a manifest in which none does is one of format 1.

use std::collections::BTreeSet;

use super::batch::Batch;
use super::names;

/// What the first line begins with; the number of the format follows.
const MAGIC: &str = "forebay manifest ";
/// The format in which all objects go into the bucket of `upload.to`.
const VERSION: &str = "1";
/// The format in which objects name buckets. There is no other that this version reads.
const VERSION_WITH_BUCKETS: &str = "2";
/// What the last line begins with.
const CHECKSUM: &str = "blake3 ";
/// The length of the last line with its line break.
const CHECKSUM_BYTES: usize = CHECKSUM.len() + 64 + 1;

/// Why a manifest was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is not what was written.
    Damaged(String),
    /// It is what was written, but not by this version.
    Newer(String),
}

/// The content of the manifest of `batch`.
pub(super) fn encode(batch: &Batch) -> Vec<u8> {
    let json = match serde_json::to_string_pretty(batch) {
        Ok(json) => json,
        Err(error) => unreachable!("strings and numbers are always JSON: {error}"),
    };
    let has_buckets = batch.objects.iter().any(|object| object.bucket.is_some());
    let version = if has_buckets { VERSION_WITH_BUCKETS } else { VERSION };
    let lines = format!("{MAGIC}{version}\n{json}\n");
    let checksum = checksum(lines.as_bytes());
    (lines + &checksum).into_bytes()
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(content: &[u8]) -> Result<Batch, Unreadable> {
    let (lines, last) = content.split_at(content.len().saturating_sub(CHECKSUM_BYTES));
    if last != checksum(lines).as_bytes() {
        return Err(Unreadable::Damaged("its checksum is wrong".into()));
    }
    let newer = |reason: String| Unreadable::Newer(reason);
    let lines = str::from_utf8(lines).map_err(|error| newer(error.to_string()))?;
    let (first, json) = lines.split_once('\n').unwrap_or((lines, ""));
    if !matches!(first.strip_prefix(MAGIC), Some(VERSION | VERSION_WITH_BUCKETS)) {
        return Err(newer(format!("it begins with `{first}`, not `{MAGIC}{VERSION_WITH_BUCKETS}`")));
    }
    let batch: Batch = serde_json::from_str(json).map_err(|error| newer(error.to_string()))?;
    check_files(&batch).map_err(newer)?;
    Ok(batch)
}

/// Checks that each object has a file of its own in the spool's folder. Files are renamed and removed as the manifest
/// says, so it must not name those of others, nor one file twice.
fn check_files(batch: &Batch) -> Result<(), String> {
    let mut files = BTreeSet::new();
    for object in &batch.objects {
        if names::batch_of_object(&object.file) != Some(batch.id()) {
            return Err(format!("`{}` is no file of batch {}", object.file, batch.id()));
        }
        if !files.insert(&object.file) {
            return Err(format!("it names `{}` twice", object.file));
        }
    }
    Ok(())
}

/// The last line, if these are the lines above it.
fn checksum(lines: &[u8]) -> String {
    format!("{CHECKSUM}{}\n", blake3::hash(lines).to_hex())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::log::SegmentId;
    use crate::otlp::Signal;
    use crate::pack::{Object, OutputName};

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/spool/00000042-main.manifest");
    const WITH_BUCKETS: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/spool/00000043-main.manifest");

    fn batch() -> Batch {
        let object = |file: &str, signal: Signal, content_encoding: Option<&str>| Object {
            bucket: None,
            key: format!(
                "{signal}/date=2026-08-22/hour=10/{signal}_20260822T101112123Z-a1b2c3d4-00000042-00.jsonl.gz"
            ),
            file: file.into(),
            signal,
            records: 3,
            items: 120,
            bytes: 4567,
            blake3: blake3::hash(file.as_bytes()).to_hex().to_string(),
            first_received_at: 1_787_393_472_123_456_789,
            last_received_at: u64::MAX,
            content_type: "application/x-ndjson".into(),
            content_encoding: content_encoding.map(Into::into),
        };
        let objects = vec![
            object("00000042-main-0.logs.object", Signal::Logs, None),
            object("00000042-main-1.metrics.object", Signal::Metrics, Some("gzip")),
        ];
        Batch { segment: SegmentId(42), output: OutputName::main(), objects }
    }

    #[test]
    fn the_format_is_that_of_the_golden_file() {
        let golden = fs::read(GOLDEN).unwrap();
        assert_eq!(String::from_utf8(encode(&batch())).unwrap(), String::from_utf8(golden.clone()).unwrap());
        assert_eq!(decode(&golden).unwrap(), batch());
    }

    #[test]
    fn a_manifest_that_names_buckets_is_one_that_older_versions_leave_alone() {
        let mut batch = Batch { segment: SegmentId(43), ..batch() };
        batch.objects[0].file = "00000043-main-0.logs.object".into();
        batch.objects[1].file = "00000043-main-1.metrics.object".into();
        batch.objects[1].bucket = Some("lake-acme".into());
        let golden = fs::read_to_string(WITH_BUCKETS).unwrap();
        assert_eq!(String::from_utf8(encode(&batch)).unwrap(), golden);
        assert_eq!(decode(golden.as_bytes()).unwrap(), batch);
        assert!(golden.starts_with("forebay manifest 2\n"));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let content = encode(&batch());
        for place in 0..content.len() {
            for bit in 0..8 {
                let mut damaged = content.clone();
                damaged[place] ^= 1 << bit;
                assert!(matches!(decode(&damaged), Err(Unreadable::Damaged(_))), "bit {bit} of byte {place}");
            }
            assert!(matches!(decode(&content[..place]), Err(Unreadable::Damaged(_))), "cut at {place}");
        }
    }

    #[test]
    fn what_a_newer_version_wrote_is_no_damage() {
        for lines in [
            "forebay manifest 3\n{\"segment\": \"00000042\", \"output\": \"main\", \"objects\": []}\n",
            "forebay manifest 1\n{\"segment\": \"00000042\", \"output\": \"main\", \"objects\": [], \"rows\": 7}\n",
        ] {
            let content = lines.to_owned() + &checksum(lines.as_bytes());
            assert!(matches!(decode(content.as_bytes()), Err(Unreadable::Newer(_))), "{lines}");
        }
    }

    #[test]
    fn a_manifest_names_files_of_its_batch_and_each_once() {
        for file in [
            "00000042-main-0.logs.object",
            "00000041-main-1.metrics.object",
            "00000042-archive-1.metrics.object",
            "00000042-main-/../numbers.object",
            "numbers",
        ] {
            let mut named = batch();
            named.objects[1].file = file.into();
            let Err(Unreadable::Newer(reason)) = decode(&encode(&named)) else { panic!("{file}") };
            assert!(reason.contains(file), "{reason}");
        }
    }
}
