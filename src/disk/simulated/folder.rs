//! Names, in memory and on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::Node;
use super::chance::Chance;

/// A folder: its names as programs see them, and as they are on disk.
#[derive(Clone, Debug, Default)]
pub(super) struct FolderNode {
    seen: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    /// What was done since the folder was synced, in order.
    changes: Vec<Change>,
}

/// The names that change together, and what each stands for afterwards.
type Change = Vec<(String, Option<Node>)>;

impl FolderNode {
    /// A folder whose names are all durable.
    pub(super) fn durable(names: BTreeMap<String, Node>) -> Self {
        Self { seen: names.clone(), durable: names, changes: Vec::new() }
    }

    pub(super) fn get(&self, name: &str) -> Option<Node> {
        self.seen.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.seen.iter()
    }

    pub(super) fn set(&mut self, name: String, node: Option<Node>) {
        self.change(vec![(name, node)]);
    }

    pub(super) fn rename(&mut self, from: String, to: String) -> io::Result<()> {
        let node = self.get(&from).ok_or(io::ErrorKind::NotFound)?;
        self.change(vec![(from, None), (to, Some(node))]);
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.seen);
        self.changes.clear();
    }

    /// The names after a power loss. A change whose names have no earlier change that was lost is kept or lost as
    /// `chance` decides; behind a change that was lost, the later ones of its names are lost too.
    pub(super) fn after_power_loss(&self, chance: &mut Chance) -> BTreeMap<String, Node> {
        let mut names = self.durable.clone();
        let mut lost = BTreeSet::new();
        for change in &self.changes {
            let is_behind_a_lost_one = change.iter().any(|(name, _)| lost.contains(name));
            if !is_behind_a_lost_one && chance.keeps() {
                apply(change, &mut names);
            } else {
                lost.extend(change.iter().map(|(name, _)| name));
            }
        }
        names
    }

    fn change(&mut self, change: Change) {
        apply(&change, &mut self.seen);
        self.changes.push(change);
    }
}

fn apply(change: &Change, names: &mut BTreeMap<String, Node>) {
    for (name, node) in change {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}
