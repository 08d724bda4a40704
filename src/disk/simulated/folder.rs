//! Names, in memory and on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::Node;

/// A folder: its names as programs see them, and as they are on disk.
#[derive(Clone, Debug, Default)]
pub(super) struct FolderNode {
    seen: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    /// Renames that are not durable: pairs of names that change together.
    renames: Vec<(String, String)>,
}

impl FolderNode {
    /// A folder whose names are all durable.
    pub(super) fn durable(names: BTreeMap<String, Node>) -> Self {
        Self { seen: names.clone(), durable: names, renames: Vec::new() }
    }

    pub(super) fn get(&self, name: &str) -> Option<Node> {
        self.seen.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.seen.iter()
    }

    pub(super) fn set(&mut self, name: String, node: Option<Node>) {
        match node {
            Some(node) => self.seen.insert(name, node),
            None => self.seen.remove(&name),
        };
    }

    pub(super) fn rename(&mut self, from: String, to: String) -> io::Result<()> {
        let node = self.seen.remove(&from).ok_or(io::ErrorKind::NotFound)?;
        self.seen.insert(to.clone(), node);
        self.renames.push((from, to));
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        self.durable = self.seen.clone();
        self.renames.clear();
    }

    /// The names after a power loss, where `keep` decides about each change that was not durable.
    pub(super) fn after_power_loss(&self, mut keep: impl FnMut() -> bool) -> BTreeMap<String, Node> {
        let mut names = self.durable.clone();
        let mut undecided: BTreeSet<&String> =
            self.seen.keys().chain(self.durable.keys()).filter(|name| self.is_changed(name)).collect();
        while let Some(name) = undecided.pop_first() {
            let kept = keep();
            let mut together = vec![name];
            while let Some(name) = together.pop() {
                undecided.remove(name);
                if kept {
                    match self.seen.get(name) {
                        Some(node) => names.insert(name.clone(), *node),
                        None => names.remove(name),
                    };
                }
                for (from, to) in &self.renames {
                    for (one, other) in [(from, to), (to, from)] {
                        if one == name && undecided.contains(other) {
                            together.push(other);
                        }
                    }
                }
            }
        }
        names
    }

    fn is_changed(&self, name: &str) -> bool {
        self.seen.get(name) != self.durable.get(name)
    }
}
