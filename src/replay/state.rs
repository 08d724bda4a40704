//! How far a replay has come, in a file.
//!
//! ```text
//!   {"forebay_replay":1,"from":"s3://telemetry/claude-code","to":"http://127.0.0.1:4318","signal":null}
//!   {"piece":"claude-code/logs/….jsonl.gz","taken":31}
//!   {"piece":"claude-code/logs/….jsonl.gz","taken":58,"done":true}
//! ```
//!
//! A line for each request that was taken, durable before the next one is sent. `taken` counts the resources of the object
//! from its beginning. A line that a power loss has torn is the last one, and written over.

use std::collections::{HashMap, HashSet};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, File, Lock};

/// The version of this format.
const VERSION: u32 = 1;

/// What is replayed to where. The state of one replay is of no use to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    forebay_replay: u32,
    /// As it was written.
    pub from: String,
    /// As it was written.
    pub to: String,
    /// The only one, if there is only one.
    pub signal: Option<String>,
}

impl Of {
    /// A replay.
    pub const fn new(from: String, to: String, signal: Option<String>) -> Self {
        Self { forebay_replay: VERSION, from, to, signal }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<P> {
    piece: P,
    taken: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    done: bool,
}

/// How far a replay has come.
#[derive(Debug)]
pub struct State {
    file: Arc<dyn File>,
    path: PathBuf,
    end: u64,
    done: HashSet<String>,
    /// Resources taken of what is not done.
    partly: HashMap<String, u64>,
    _lock: Box<dyn Lock>,
}

impl State {
    /// Opens the file, and creates it if need be.
    ///
    /// # Errors
    /// A sentence that says why it is of no use: it is of another replay, something else, damaged, or used just now.
    pub fn open(disk: &dyn Disk, path: &Path, of: &Of) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("cannot use {} (--state): {error}", path.display());
        begin(disk, path, of).map_err(cannot)?;
        let lock = disk.lock(path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                format!("another `forebay replay` is using {} (--state)", path.display())
            }
            _ => cannot(error),
        })?;
        let file = disk.open(path).map_err(cannot)?;
        let length = file.length().map_err(cannot)?;
        let mut content = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_at(&mut content, 0).map_err(cannot)?;
        let (done, partly) = (HashSet::new(), HashMap::new());
        let mut state = Self { file, path: path.to_owned(), end: 0, done, partly, _lock: lock };
        state.take(&content, of)?;
        Ok(state)
    }

    /// Whether all of a piece was taken.
    pub fn is_done(&self, piece: &str) -> bool {
        self.done.contains(piece)
    }

    /// How many resources of a piece were taken, from its beginning.
    pub fn taken(&self, piece: &str) -> u64 {
        self.partly.get(piece).copied().unwrap_or(0)
    }

    /// Keeps that so many resources of a piece were taken, or all.
    ///
    /// # Errors
    /// A sentence that says why it cannot be kept.
    pub(super) fn keep(&mut self, piece: &str, taken: u64, done: bool) -> Result<(), String> {
        self.append(&Line { piece, taken, done })
    }

    fn append(&mut self, line: &impl Serialize) -> Result<(), String> {
        let cannot = |error: io::Error| format!("cannot write {} (--state): {error}", self.path.display());
        let mut text = serde_json::to_vec(line).map_err(|error| cannot(error.into()))?;
        text.push(b'\n');
        self.file.write_at(&[IoSlice::new(&text)], self.end).map_err(cannot)?;
        self.file.sync().map_err(cannot)?;
        self.end += text.len() as u64;
        Ok(())
    }

    /// Takes what the file says.
    fn take(&mut self, content: &[u8], of: &Of) -> Result<(), String> {
        let path = self.path.display().to_string();
        let mut lines = content.split_inclusive(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        match serde_json::from_slice::<Of>(first) {
            Ok(found) if found == *of => {}
            Ok(Of { forebay_replay: VERSION, from, to, signal }) => {
                let signal = signal.map(|signal| format!(", {signal} alone")).unwrap_or_default();
                return Err(format!(
                    "{path} (--state) is of the replay from {from} to {to}{signal}; name another file"
                ));
            }
            _ => {
                return Err(format!(
                    "{path} (--state) is no state of a replay, or of a newer forebay's; name another file"
                ));
            }
        }
        self.end = first.len() as u64;
        let mut torn = None;
        for (number, line) in lines.enumerate() {
            match serde_json::from_slice::<Line<String>>(line) {
                Ok(line_of) if line.ends_with(b"\n") => {
                    if let Some(torn) = torn {
                        return Err(format!(
                            "{path} (--state) is damaged in line {}; name another file, and everything is sent again",
                            torn + 2
                        ));
                    }
                    self.end += line.len() as u64;
                    self.note(line_of);
                }
                _ => {
                    torn.get_or_insert(number);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, Line { piece, taken, done }: Line<String>) {
        if done {
            self.partly.remove(&piece);
            self.done.insert(piece);
        } else {
            self.partly.insert(piece, taken);
        }
    }
}

/// Makes the file, with its first line, unless it is there.
fn begin(disk: &dyn Disk, path: &Path, of: &Of) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut line = serde_json::to_vec(of)?;
    line.push(b'\n');
    let file = disk.create_unnamed(folder)?;
    file.write_at(&[IoSlice::new(&line)], 0)?;
    file.sync()?;
    match file.link(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => disk.sync_folder(folder),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::{AfterPowerLoss, RealDisk, SimulatedDisk};

    const PATH: &str = "/replay.state";

    fn of() -> Of {
        Of::new("s3://bucket".to_owned(), "http://127.0.0.1:4318".to_owned(), None)
    }

    /// Begins a replay of four requests in two objects; how many were kept.
    fn replay(disk: &SimulatedDisk) -> Result<usize, (usize, String)> {
        let mut state = State::open(disk, Path::new(PATH), &of()).map_err(|why| (0, why))?;
        let lines = [("one", 1, false), ("one", 2, false), ("one", 2, true), ("two", 7, false)];
        for (kept, (piece, taken, done)) in lines.into_iter().enumerate() {
            state.keep(piece, taken, done).map_err(|why| (kept, why))?;
        }
        Ok(lines.len())
    }

    #[test]
    fn what_was_kept_is_there_whenever_the_power_fails() {
        let whole = SimulatedDisk::default();
        replay(&whole).unwrap();
        for steps in 0..=whole.steps() {
            let disk = SimulatedDisk::default().losing_power_after(steps);
            let kept = match replay(&disk) {
                Ok(kept) | Err((kept, _)) => kept,
            };
            for seed in 0..16 {
                let disk = disk.reboot(AfterPowerLoss::Torn(seed));
                let state = State::open(&disk, Path::new(PATH), &of()).unwrap();
                let found = match (state.taken("one"), state.is_done("one"), state.taken("two")) {
                    (0, false, 0) => 0,
                    (1, false, 0) => 1,
                    (2, false, 0) => 2,
                    (0, true, 0) => 3,
                    (0, true, 7) => 4,
                    other => panic!("{other:?}"),
                };
                assert!((kept..=kept + 1).contains(&found), "step {steps}, seed {seed}: {found} of {kept}");
            }
        }
    }

    #[test]
    fn the_state_of_another_replay_or_of_nothing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let refusal = |of: &Of| {
            let why = State::open(&RealDisk, &path, of).unwrap_err();
            why.replace(path.to_str().unwrap(), "state")
        };
        let mut state = State::open(&RealDisk, &path, &of()).unwrap();
        state.keep("one", 1, true).unwrap();
        assert_eq!(refusal(&of()), "another `forebay replay` is using state (--state)");
        drop(state);
        let logs = Of { signal: Some("logs".to_owned()), ..of() };
        assert_eq!(
            refusal(&logs),
            "state (--state) is of the replay from s3://bucket to http://127.0.0.1:4318; name another file"
        );
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\n{{\"piece\":\"two\",\"taken\":1}}\n")).unwrap();
        assert!(refusal(&of()).contains("is damaged in line 3;"), "{}", refusal(&of()));
        fs::write(&path, "objects: {}\n").unwrap();
        assert!(refusal(&of()).contains("is no state of a replay"), "{}", refusal(&of()));
    }
}
