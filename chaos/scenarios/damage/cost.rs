//! What damage may cost: what was in the damaged part and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::world::audit::exports_in;
use crate::world::damaged::{Counted, Damaged};
use crate::world::segment::Segment;

use super::ruin::{Files, named};

/// Items of each export.
const ITEMS: u64 = 3;

/// What was in the files of a data folder.
pub(super) struct Contents(BTreeMap<PathBuf, Vec<u8>>);

/// What damage costs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Exports.
    pub(super) lost: u64,
    /// What is to be counted.
    pub(super) counted: Counted,
    /// Whether it is to be told although nobody can count it.
    is_cut: bool,
}

impl Contents {
    /// Reads them.
    pub(super) fn of(data: &Path) -> Self {
        let folders = [data.join("log"), data.join("spool")];
        let paths = folders.iter().flat_map(|folder| named(folder, ""));
        Self(paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect())
    }

    /// What it costs that the files of this data folder, whose kinds are `files`, are no more what they were.
    pub(super) fn cost_of_damage(&self, files: &Files) -> Cost {
        let mut cost = Cost::default();
        for path in &files.sealed {
            let (now, before) = (std::fs::read(path).unwrap(), &self.0[path]);
            let damaged = Segment(&now).count_damaged(&Segment(before));
            cost.lost += damaged;
            cost.counted.records += damaged;
        }
        let (now, before) = (std::fs::read(&files.active).unwrap(), &self.0[&files.active]);
        cost.lost += Segment(&now).count_damaged(&Segment(before));
        cost.counted.records += proven(&now, before);
        cost.is_cut = now.len() < before.len();
        let mut lost_objects = BTreeSet::new();
        for manifest in files.manifests.iter().filter(|path| self.has_changed(path)) {
            cost.counted.manifests += 1;
            let segment = manifest.file_stem().unwrap().to_str().unwrap();
            lost_objects.extend(files.objects.iter().filter(|path| path.to_str().unwrap().contains(segment)));
        }
        for object in files.objects.iter().filter(|path| !self.begins_as_before(path)) {
            cost.counted.objects += 1;
            cost.counted.items += ITEMS * exports_in(object.to_str().unwrap(), &self.0[object]).len() as u64;
            lost_objects.insert(object);
        }
        cost.lost += lost_objects
            .into_iter()
            .map(|object| {
                exports_in(object.file_name().unwrap().to_str().unwrap(), &self.0[object]).len() as u64
            })
            .sum::<u64>();
        cost
    }

    fn has_changed(&self, path: &Path) -> bool {
        std::fs::read(path).unwrap() != self.0[path]
    }

    fn begins_as_before(&self, path: &Path) -> bool {
        std::fs::read(path).unwrap().starts_with(&self.0[path])
    }
}

/// How many damaged records of a segment that was active have one behind them that is whole, which proves that they were
/// acknowledged. The last ones may be those of a write that the kill has torn.
fn proven(now: &[u8], before: &[u8]) -> u64 {
    let records = Segment(before).records();
    let is_whole: Vec<_> =
        records.iter().map(|record| now.get(record.clone()) == Some(&before[record.clone()])).collect();
    let last = is_whole.iter().rposition(|is_whole| *is_whole).unwrap_or(0);
    is_whole[..last].iter().filter(|is_whole| !**is_whole).count() as u64
}

impl Cost {
    /// Holds what was found against it.
    pub(super) fn assert_is(&self, found: &Damaged) {
        assert_eq!(found.lost.len() as u64, self.lost, "lost; {found:#?}");
        let Counted { records, items, objects, manifests, .. } = found.counted;
        assert_eq!((records, items), (self.counted.records, self.counted.items), "counted; {found:#?}");
        if self.lost > 0 {
            assert_eq!((objects, manifests), (self.counted.objects, self.counted.manifests), "{found:#?}");
        } else if !self.is_cut {
            assert_eq!(found.status, None, "nothing is lost; {found:#?}");
        }
        if self.counted != Counted::default() || (self.is_cut && self.lost > 0) {
            assert!(found.said.contains(" ERROR "), "it is logged; {found:#?}");
            assert!(found.status.is_some(), "it is in the status; {found:#?}");
            // Of what is cut off there is nothing to keep.
            assert!(!found.kept.is_empty() || self.is_cut, "it is kept; {found:#?}");
        }
    }
}
