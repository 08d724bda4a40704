//! A disk in memory that loses power, for tests.
//!
//! It takes POSIX at its word, which says of `fsync` that what was written is then on disk, and of all else nothing: not
//! in which order things get there, nor that a file's name goes with its content. After a power loss:
//!
//! - Each sector (512 bytes, which drives write as a whole) that was not synced holds what it held at the last sync, or
//!   what it was given last, or anything that it was given in between; each for itself, in any order.
//! - A file that grew and was not synced has its former length, its last one, or one in between. Where its sectors were
//!   not written there are zeros, or what the disk held there before: sectors of other files.
//! - Each name is where it was when its folder was synced, or at its last change, or at one in between; each for itself.
//!   What is known of an order: the changes of one name get to disk as they came, and a rename concerns both of its names
//!   or neither.
//! - A file that was synced may be gone, for want of its name.
//! - A folder that is not there has nothing in it, whatever was synced.
//!
//! The file systems that forebay meets do less harm, each less of another kind, and all within this. ext4 keeps the order
//! of changes to names, and with `data=ordered` writes data before the length that covers it; with `data=writeback` what a
//! block held before can come to light. XFS logs names in order and lengths after the data, so that a file ends early or
//! has zeros. btrfs orders by tree: a synced file brings its own name along and leaves others behind, and its data may
//! be there without the names of the same moment. All of them write back dirty pages in any order and when they like.
//!
//! An operation that fails does nothing, but for these: a failed write has written half of it. A failed sync has
//! written what [`SimulatedDisk::failed_syncs_write`] says, nothing unless told otherwise, and takes the rest for written,
//! as Linux does: the content can still be read, from memory, and a second sync succeeds without writing it.

mod chance;
mod failing;
mod file;
mod folder;
mod power;

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::chance::Chance;
pub use self::failing::Failing;
use self::failing::NeverFailing;
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

/// Everything that is on it, as programs see it and as it is.
#[derive(Clone, Debug, Default)]
struct Content {
    folders: BTreeMap<Node, FolderNode>,
    files: BTreeMap<Node, FileNode>,
    next_node: Node,
}

#[derive(Debug)]
struct State {
    content: Content,
    /// Operations that changed something, so far.
    steps: u64,
    /// What was on the disk before each step, if that is to be remembered.
    before_each_step: Option<Vec<Content>>,
    /// The number of steps after which the power fails.
    power_fails_after: Option<u64>,
    /// The operations that fail, as they come to be.
    failing: Box<dyn Failing>,
    /// What syncs write that fail.
    failed_syncs: Chance,
    /// Bytes that may still be written.
    free_bytes: u64,
    /// What was done, for the report of a failing test.
    trace: Vec<String>,
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        let folders = BTreeMap::from([(ROOT, FolderNode::default())]);
        Self::new(Content { folders, files: BTreeMap::new(), next_node: 1 })
    }
}

impl SimulatedDisk {
    fn new(content: Content) -> Self {
        let state = State {
            content,
            steps: 0,
            before_each_step: None,
            power_fails_after: None,
            failing: Box::new(NeverFailing),
            failed_syncs: Chance::of(AfterPowerLoss::Lost),
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

    /// Asks nobody any more: every operation works again.
    pub fn work_again(&self) {
        self.fail(NeverFailing);
    }

    /// Says what a sync that fails has written.
    pub fn failed_syncs_write(&self, outcome: AfterPowerLoss) {
        self.lock_state().failed_syncs = Chance::of(outcome);
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
        let node = state.content.find(path)?;
        Ok(state.content.files.get(&node).ok_or(io::ErrorKind::IsADirectory)?.unsynced_bytes())
    }

    /// Flips one bit of a file, as a failing disk does.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn flip_bit(&self, path: &Path, offset: u64) -> io::Result<()> {
        let mut state = self.lock_state();
        let node = state.content.find(path)?;
        state.content.files.get_mut(&node).ok_or(io::ErrorKind::IsADirectory)?.flip_bit(offset);
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
        if let Some(before) = &mut self.before_each_step {
            before.push(self.content.clone());
        }
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

    /// Fails where something that changes nothing is to fail.
    fn look(&mut self, operation: &str, path: &Path) -> io::Result<()> {
        self.powered()?;
        match self.failing.read_error(operation, &path.display().to_string()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Content {
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
        let node = state.content.new_node();
        state.content.add_name(path, node)?;
        state.content.files.insert(node, FileNode::default());
        Ok(self.handle(node))
    }

    fn create_direct(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.create(path)?;
        self.open_direct(path)
    }

    fn open_direct(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)?;
        let node = self.lock_state().content.find(path)?;
        Ok(Arc::new(file::Handle::direct(self.clone(), node)))
    }

    fn create_unnamed(&self, folder: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.lock_state();
        state.step("create_unnamed", folder)?;
        state.content.find(folder)?;
        let node = state.content.new_node();
        state.content.files.insert(node, FileNode::default());
        Ok(self.handle(node))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.lock_state();
        state.look("open", path)?;
        let node = state.content.find(path)?;
        if !state.content.files.contains_key(&node) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(self.handle(node))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        if state.content.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.step("create_folder", path)?;
        let node = state.content.new_node();
        state.content.add_name(path, node)?;
        state.content.folders.insert(node, FolderNode::default());
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut state = self.lock_state();
        state.look("list", folder)?;
        let node = state.content.find(folder)?;
        let folder = state.content.folders.get(&node).ok_or(io::ErrorKind::NotADirectory)?;
        let entry = |(name, node): (&String, &Node)| match state.content.files.get(node) {
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
        let (_, target) = state.content.place(to)?;
        let (folder, name) = state.content.place(from)?;
        folder.rename(name, target)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.content.find(path)?;
        state.step("remove", path)?;
        let (folder, name) = state.content.place(path)?;
        folder.set(name, None);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.step("sync_folder", folder)?;
        let node = state.content.find(folder)?;
        state.content.folders.get_mut(&node).ok_or(io::ErrorKind::NotADirectory)?.sync();
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
