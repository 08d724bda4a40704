//! A disk in memory that loses power, for tests.
//!
//! It takes POSIX at its word. A sector (512 bytes) that was not synced may be on disk after a power loss or not, each
//! for itself; so may a name whose folder was not synced. A rename is one change: both of its names have it or neither.
//! A failed sync drops what it should have written, as Linux does: the content can still be read, from memory, and a
//! second sync succeeds without writing it.

mod file;
mod folder;
mod power;

use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::file::FileNode;
use self::folder::FolderNode;
pub use self::power::AfterPowerLoss;
use super::{Disk, Entry, File, Lock};

/// The number of a file or folder.
type Node = u64;

/// The root folder, which is always there.
const ROOT: Node = 0;

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    folders: HashMap<Node, FolderNode>,
    files: HashMap<Node, FileNode>,
    next_node: Node,
    /// Operations that changed something, so far.
    steps: u64,
    /// The number of steps after which the power fails.
    power_fails_after: Option<u64>,
    /// The numbers of the steps that fail, as they come to be.
    failing: Box<dyn Failing>,
    /// Bytes that may still be written.
    free_bytes: u64,
    /// What was done, for the report of a failing test.
    trace: Vec<String>,
}

/// Decides which operations fail.
pub trait Failing: std::fmt::Debug + Send {
    /// The error of this operation, if it is to fail. `operation` is `write`, `sync`, `create`, `link`, `rename`,
    /// `remove`, `create_folder` or `sync_folder`.
    fn error(&mut self, operation: &str, path: &str) -> Option<io::Error>;
}

/// No operation fails.
#[derive(Debug)]
struct NeverFailing;

impl Failing for NeverFailing {
    fn error(&mut self, _operation: &str, _path: &str) -> Option<io::Error> {
        None
    }
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new(HashMap::from([(ROOT, FolderNode::default())]), HashMap::new(), 1)
    }
}

impl SimulatedDisk {
    fn new(folders: HashMap<Node, FolderNode>, files: HashMap<Node, FileNode>, next_node: Node) -> Self {
        let state = State {
            folders,
            files,
            next_node,
            steps: 0,
            power_fails_after: None,
            failing: Box::new(NeverFailing),
            free_bytes: 1 << 40,
            trace: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The same disk, which loses power after this many more steps: from then on every operation fails.
    #[must_use]
    pub fn losing_power_after(self, steps: u64) -> Self {
        let mut state = self.lock_state();
        state.power_fails_after = Some(state.steps + steps);
        drop(state);
        self
    }

    /// It was not the power that failed but the process that was killed: what it wrote is there, and not yet durable.
    pub fn only_the_process_was_killed(&self) {
        self.lock_state().power_fails_after = None;
    }

    /// Asks `failing` before every step from now on.
    pub fn fail(&self, failing: impl Failing + 'static) {
        self.lock_state().failing = Box::new(failing);
    }

    /// Sets how many bytes may still be written.
    pub fn set_free_bytes(&self, bytes: u64) {
        self.lock_state().free_bytes = bytes;
    }

    /// How many operations have changed something so far.
    pub fn steps(&self) -> u64 {
        self.lock_state().steps
    }

    /// The steps so far, one a line.
    pub fn trace(&self) -> String {
        self.lock_state().trace.join("\n")
    }

    /// Whether the power has failed.
    pub fn is_dark(&self) -> bool {
        let state = self.lock_state();
        state.power_fails_after.is_some_and(|limit| state.steps >= limit)
    }

    /// Bytes of a file that are not durable.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn unsynced_bytes(&self, path: &Path) -> io::Result<u64> {
        let state = self.lock_state();
        let node = state.find(path)?;
        Ok(state.files.get(&node).ok_or(io::ErrorKind::IsADirectory)?.unsynced_bytes())
    }

    /// Flips one bit of a file, as a failing disk does.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn flip_bit(&self, path: &Path, offset: u64) -> io::Result<()> {
        let mut state = self.lock_state();
        let node = state.find(path)?;
        state.files.get_mut(&node).ok_or(io::ErrorKind::IsADirectory)?.flip_bit(offset);
        Ok(())
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a step, which fails if the power has.
    fn step(&mut self, operation: &str, path: &Path) -> io::Result<()> {
        self.powered()?;
        self.steps += 1;
        let path = path.display().to_string();
        self.trace.push(format!("{:>4} {operation} {path}", self.steps));
        match self.failing.error(operation, &path) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn powered(&self) -> io::Result<()> {
        match self.power_fails_after {
            Some(limit) if self.steps >= limit => Err(io::Error::other("the power failed")),
            _ => Ok(()),
        }
    }

    fn find(&self, path: &Path) -> io::Result<Node> {
        let mut node = ROOT;
        for component in path.components() {
            if let Component::Normal(name) = component {
                let folder = self.folders.get(&node).ok_or(io::ErrorKind::NotFound)?;
                node = folder.get(&name.to_string_lossy()).ok_or(io::ErrorKind::NotFound)?;
            }
        }
        Ok(node)
    }

    /// The folder a path lies in, and its name there.
    fn place(&mut self, path: &Path) -> io::Result<(&mut FolderNode, String)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        let folder = self.find(path.parent().unwrap_or(Path::new("")))?;
        Ok((self.folders.get_mut(&folder).ok_or(io::ErrorKind::NotADirectory)?, name))
    }

    fn add_name(&mut self, path: &Path, node: Node) -> io::Result<()> {
        let (folder, name) = self.place(path)?;
        if folder.get(&name).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        folder.set(name, Some(node));
        Ok(())
    }

    /// The name that a file has now; it may have been renamed since it was opened.
    fn name_of(&self, node: Node) -> PathBuf {
        let names = self.folders.values().flat_map(FolderNode::names);
        let name = names.filter(|(_, named)| **named == node).map(|(name, _)| name).next();
        PathBuf::from(name.map_or("(unnamed)", String::as_str))
    }

    fn new_node(&mut self) -> Node {
        self.next_node += 1;
        self.next_node - 1
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.lock_state();
        state.step("create", path)?;
        let node = state.new_node();
        state.add_name(path, node)?;
        state.files.insert(node, FileNode::default());
        Ok(self.handle(node))
    }

    fn create_unnamed(&self, folder: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.lock_state();
        state.powered()?;
        state.find(folder)?;
        let node = state.new_node();
        state.files.insert(node, FileNode::default());
        Ok(self.handle(node))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let state = self.lock_state();
        state.powered()?;
        let node = state.find(path)?;
        if !state.files.contains_key(&node) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(self.handle(node))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.step("create_folder", path)?;
        let node = state.new_node();
        state.add_name(path, node)?;
        state.folders.insert(node, FolderNode::default());
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let state = self.lock_state();
        state.powered()?;
        let node = state.find(folder)?;
        let folder = state.folders.get(&node).ok_or(io::ErrorKind::NotADirectory)?;
        let entry = |(name, node): (&String, &Node)| match state.files.get(node) {
            Some(file) => Entry { name: name.clone(), is_folder: false, bytes: file.length() },
            None => Entry { name: name.clone(), is_folder: true, bytes: 0 },
        };
        Ok(folder.names().map(entry).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        if from.parent() != to.parent() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a rename stays in its folder"));
        }
        state.step("rename", to)?;
        let (_, target) = state.place(to)?;
        let (folder, name) = state.place(from)?;
        folder.rename(name, target)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.find(path)?;
        state.step("remove", path)?;
        let (folder, name) = state.place(path)?;
        folder.set(name, None);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.step("sync_folder", folder)?;
        let node = state.find(folder)?;
        state.folders.get_mut(&node).ok_or(io::ErrorKind::NotADirectory)?.sync();
        Ok(())
    }

    fn free_bytes(&self, _folder: &Path) -> io::Result<u64> {
        let state = self.lock_state();
        state.powered()?;
        Ok(state.free_bytes)
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Lock>> {
        self.lock_state().powered()?;
        Ok(Box::new(SimulatedLock))
    }
}

impl SimulatedDisk {
    fn handle(&self, node: Node) -> Arc<dyn File> {
        Arc::new(file::Handle::new(self.clone(), node))
    }
}

/// Nobody else has this disk.
#[derive(Debug)]
struct SimulatedLock;

impl Lock for SimulatedLock {}
