//! Holds what is in the bucket against the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use forebay::otlp::{Signal, read_json, validate};

use crate::decoded::Decoded;

use super::ledger::{Copies, Exports};
use super::telemetry::{first_number, request};

/// Whose objects are in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machines {
    /// One machine's, whose segments have numbers of their own.
    One,
    /// Those of copies of one machine, which give the same numbers.
    Copies,
}

/// Finds every acknowledged export exactly once in the bucket and unchanged, however often it was sent, every other at
/// most once, nothing that was never sent, and every object complete. Returns how many exports were found.
pub(crate) fn audit(exports: &Exports, objects: &BTreeMap<String, Vec<u8>>, machines: Machines) -> u64 {
    let (found, lost) = audit_with_losses(exports, objects, machines);
    assert!(lost.is_empty(), "{} exports were acknowledged and are lost: {lost:?}", lost.len());
    found
}

/// As [`audit`], where what was acknowledged may be missing: returns also the first numbers of what is.
///
/// An export is a line, so none can be there in part.
pub(crate) fn audit_with_losses(
    exports: &Exports,
    objects: &BTreeMap<String, Vec<u8>>,
    machines: Machines,
) -> (u64, BTreeSet<u64>) {
    let mut found: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    let mut segments = BTreeMap::new();
    for (key, bytes) in objects {
        if let Some(before) = segments.insert(partition_and_segment(key), key)
            && machines == Machines::One
        {
            panic!("the segment of {key} has the number of the one of {before}");
        }
        let signal = Signal::ALL.into_iter().find(|signal| key.starts_with(&format!("{signal}/"))).unwrap();
        for line in lines(key, bytes) {
            let decoded = Decoded::from_json(signal, line.as_bytes())
                .unwrap_or_else(|error| panic!("{key}: a line is no request: {error}"));
            let first = first_number(&decoded).unwrap_or_else(|| panic!("{key}: a line has no number"));
            let Some((export, _)) = exports.get(&first) else { panic!("{key}: {first} was never sent") };
            assert!(decoded == request(export), "{key}: {first} is not what was sent: {export:?}");
            let keys = found.entry(first).or_default();
            keys.push(key);
            assert!(keys.len() == 1, "{first} is in the bucket more than once: in {keys:?}");
        }
    }
    let is_lost = |first: u64, copies: &Copies| copies.acknowledged > 0 && !found.contains_key(&first);
    let lost = exports.values().filter(|(export, copies)| is_lost(export.first, copies));
    (found.len() as u64, lost.map(|(export, _)| export.first).collect())
}

/// The first numbers of the exports in an object.
pub(crate) fn exports_in(key: &str, bytes: &[u8]) -> BTreeSet<u64> {
    let signal = Signal::ALL.into_iter().find(|signal| key.contains(signal.name())).unwrap();
    let decoded = |line: &String| Decoded::from_json(signal, line.as_bytes()).unwrap();
    lines(key, bytes).iter().map(|line| first_number(&decoded(line)).unwrap()).collect()
}

/// How many exports there are in the bucket.
pub(crate) fn count(objects: &BTreeMap<String, Vec<u8>>) -> u64 {
    objects.iter().map(|(key, bytes)| lines(key, bytes).len() as u64).sum()
}

/// How many log records, data points, spans and profiles there are in the bucket.
pub(crate) fn items(objects: &BTreeMap<String, Vec<u8>>) -> u64 {
    let of_line = |signal: Signal, line: &str| {
        let body = read_json(signal, line.as_bytes(), usize::MAX).unwrap();
        u64::from(validate(signal, &body).unwrap())
    };
    let of_object = |(key, bytes): (&String, &Vec<u8>)| {
        let signal = Signal::ALL.into_iter().find(|signal| key.starts_with(signal.name())).unwrap();
        lines(key, bytes).iter().map(|line| of_line(signal, line)).sum::<u64>()
    };
    objects.iter().map(of_object).sum()
}

/// The lines of an object, which must be whole: one gzip member and nothing behind it, all of its lines ended.
fn lines(key: &str, bytes: &[u8]) -> Vec<String> {
    let mut decoder = flate2::bufread::GzDecoder::new(bytes);
    let mut text = String::new();
    decoder.read_to_string(&mut text).unwrap_or_else(|error| panic!("{key} is not whole: {error}"));
    assert!(decoder.into_inner().is_empty(), "{key}: something is behind the gzip member");
    assert!(text.ends_with('\n'), "{key}: the last line is not whole");
    text.lines().map(str::to_owned).collect()
}

/// What only one object may have: `signal/date/hour`, and the number of its segment.
fn partition_and_segment(key: &str) -> (String, String) {
    let (folder, name) = key.rsplit_once('/').unwrap();
    let segment = name.split('-').nth(2).unwrap_or_else(|| panic!("{key} names no segment"));
    (folder.to_owned(), segment.to_owned())
}
