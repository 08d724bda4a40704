//! What a killed process left in its data folder: which stages it was in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::bucket::Bucket;

/// A state in which a process can be killed. A process is in several, for its stages work beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It had not yet said that it has started.
    Starting,
    /// It had something of its predecessors to deliver, and had not yet said that it has started.
    Recovering,
    /// It was taking telemetry in.
    TakingIn,
    /// A file of zeros, to become a segment, was written in part.
    MakingSpare,
    /// A segment was sealed and not packed.
    Sealed,
    /// An object was in the spool, and no manifest.
    Packing,
    /// A manifest was written and its segment still in the log.
    Committed,
    /// Objects waited to be put.
    Delivering,
    /// An object was in the bucket and still in the spool.
    Delivered,
    /// None of it: all that there was had been delivered.
    Idle,
}

/// How often each state was met.
pub(crate) type Tally = BTreeMap<State, usize>;

/// The files of a data folder that tell what a process did.
#[derive(Debug, Default)]
struct Files {
    segments: BTreeSet<String>,
    unfinished_spares: usize,
    /// Of batches: `00000042-main`.
    manifests: BTreeSet<String>,
    /// As well.
    objects: BTreeSet<String>,
}

impl Files {
    fn of(data: &Path) -> Self {
        let mut files = Self::default();
        for name in names(&data.join("log")) {
            if name.ends_with(".segment.new") {
                files.unfinished_spares += 1;
            } else if let Some(id) = name.strip_suffix(".segment")
                && !name.starts_with("spare-")
            {
                files.segments.insert(id.to_owned());
            }
        }
        for name in names(&data.join("spool")) {
            if let Some(batch) = name.strip_suffix(".manifest") {
                files.manifests.insert(batch.to_owned());
            } else if let Some((batch, _)) = name.strip_suffix(".object").and_then(|n| n.rsplit_once('-')) {
                files.objects.insert(batch.to_owned());
            }
        }
        files
    }

    fn is_packing(&self) -> bool {
        self.objects.difference(&self.manifests).next().is_some()
    }
}

/// Whether an object is being packed in this data folder.
pub(crate) fn is_packing(data: &Path) -> bool {
    Files::of(data).is_packing()
}

/// The states of the process that was killed on this data folder.
pub(crate) fn states(data: &Path, has_started: bool, bucket: &Bucket) -> BTreeSet<State> {
    let files = Files::of(data);
    let delivered = || {
        files.manifests.iter().any(|batch| {
            let manifest =
                std::fs::read_to_string(data.join("spool").join(format!("{batch}.manifest"))).unwrap();
            keys(&manifest).iter().any(|key| bucket.has(key))
        })
    };
    let is_in_log = |batch: &String| files.segments.contains(batch.split_once('-').unwrap().0);
    let has_backlog = files.segments.len() > 1 || !files.manifests.is_empty();
    let met = [
        (State::Starting, !has_started),
        (State::Recovering, !has_started && has_backlog),
        (State::TakingIn, has_started),
        (State::MakingSpare, files.unfinished_spares > 0),
        // The last one is the active one.
        (State::Sealed, files.segments.len() > 1),
        (State::Packing, files.is_packing()),
        (State::Committed, files.manifests.iter().any(is_in_log)),
        (State::Delivering, !files.manifests.is_empty()),
        (State::Delivered, delivered()),
        (State::Idle, !has_backlog && files.objects.is_empty()),
    ];
    met.into_iter().filter(|(_, is_met)| *is_met).map(|(state, _)| state).collect()
}

/// The keys in a manifest, whose lines between the first and the last are JSON.
fn keys(manifest: &str) -> Vec<String> {
    let (_, json) = manifest.split_once('\n').unwrap();
    let (json, _) = json.rsplit_once("blake3 ").unwrap();
    let manifest: serde_json::Value = serde_json::from_str(json).unwrap();
    let objects = manifest["objects"].as_array().unwrap();
    objects.iter().map(|object| object["key"].as_str().unwrap().to_owned()).collect()
}

/// The names in a folder; none if there is no such folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
