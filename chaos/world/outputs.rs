//! Outputs beside the main one, and what has to be in them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;

use forebay::otlp::Signal;

use super::audit::{Machines, audit, audit_with_losses, count, items};
use super::ledger::Exports;

/// A copy of the main output, and rows.
pub(super) const CONFIGURATION: &str = "
outputs:
  copy: { objects: { prefix: copy } }
  rows: { objects: { format: parquet, prefix: rows } }
";

/// Objects by their keys, without the prefix of their output.
type Objects = BTreeMap<String, Vec<u8>>;

/// The objects of each output.
pub(super) struct Outputs {
    pub(super) main: Objects,
    copy: Objects,
    rows: Objects,
}

/// The objects of each output, told by their prefixes.
pub(super) fn split(objects: &Objects) -> Outputs {
    let mut outputs = Outputs { main: Objects::new(), copy: Objects::new(), rows: Objects::new() };
    for (key, bytes) in objects {
        let (of, key) = match key.split_once('/') {
            Some(("copy", key)) => (&mut outputs.copy, key),
            Some(("rows", key)) => (&mut outputs.rows, key),
            _ => (&mut outputs.main, key.as_str()),
        };
        of.insert(key.to_owned(), bytes.clone());
    }
    outputs
}

impl Outputs {
    /// That the copy has each of the `found` exports of the main output once, and the rows each of their items, but for
    /// profiles each of their exports.
    pub(super) fn audit(&self, exports: &Exports, found: u64, machines: Machines) {
        assert_eq!(audit(exports, &self.copy, machines), found, "the copy has what the main output has");
        // Profiles have no rows: beside those of the others they are the lines that they are in the main output.
        let of = |objects: &Objects| -> (Objects, Objects) {
            objects.clone().into_iter().partition(|(key, _)| key.starts_with(Signal::Profiles.name()))
        };
        let ((profiles, others), (lines, objects)) = (of(&self.main), of(&self.rows));
        let (found, _) = audit_with_losses(exports, &lines, machines);
        assert_eq!(found, count(&profiles), "every export of profiles is there once");
        let mut ids = BTreeSet::new();
        let mut rows = 0;
        for (key, bytes) in &objects {
            let reader = SerializedFileReader::new(Bytes::from(bytes.clone()))
                .unwrap_or_else(|error| panic!("{key} is not whole: {error}"));
            for row in reader.get_row_iter(None).unwrap() {
                let id = row.unwrap().get_string(0).unwrap().clone();
                assert!(ids.insert(id), "{key}: a row is there twice");
                rows += 1;
            }
        }
        assert_eq!(rows, items(&others), "there is a row for each item");
        let schema_objects = self.rows.keys().filter(|key| key.contains("/date=1970-01-01/")).count();
        assert!(schema_objects == 3 || self.rows.is_empty(), "{:?}", self.rows.keys());
    }
}
