//! What stands between sled and the rest: a thread, deadlines, and a way on without it.
//!
//! sled 0.34 may fail, panic or hang on files that a hard stop left behind, and on any call after that. So it is only
//! ever called on a thread of its own, which catches panics, and no caller waits for it longer than a deadline.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::store::{Bounds, Store, StoreError};
use crate::metrics;

/// How long opening may take; recovery reads the whole file.
const OPEN_PATIENCE: Duration = Duration::from_secs(30);
/// How long a single call may take.
const CALL_PATIENCE: Duration = Duration::from_secs(10);
/// How long the last holder of the database's lock may take to let go of it.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// Damaged ledgers that are kept for a look at them.
const KEPT_ASIDE: usize = 2;
/// A ledger that breaks more often than this in one run is done without.
const REBUILDS: u32 = 3;
/// Calls that may wait for the thread; it is seldom more than one for each put under way.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Store) -> Result<(), StoreError> + Send>;

/// The thread that has the database.
pub(super) struct Guard {
    jobs: Option<SyncSender<Job>>,
    degraded: Arc<AtomicBool>,
    ended: Mutex<Receiver<()>>,
}

impl Guard {
    /// Opens the database, a fresh one if the old one is bad; without any if that fails too.
    pub(super) fn open(folder: &Path, bounds: Bounds) -> Self {
        metrics::catalog::register();
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        let (end, ended) = sync_channel(1);
        let degraded = Arc::new(AtomicBool::new(false));
        let store = open_or_rebuild(folder, bounds);
        let flag = Arc::clone(&degraded);
        if store.is_none() {
            degrade(&flag);
        } else {
            metrics::catalog::degraded(false);
        }
        let folder = folder.to_path_buf();
        let spawned = thread::Builder::new().name("catalog".into()).spawn(move || {
            if let Some(store) = store {
                work(store, &queue, &folder, bounds, &flag);
            }
            // Nobody waits any more if this fails.
            let _ = end.send(());
        });
        if spawned.is_err() {
            degrade(&degraded);
        }
        Self { jobs: Some(jobs), degraded, ended: Mutex::new(ended) }
    }

    /// Whether it does without the database.
    pub(super) fn is_degraded(&self) -> bool {
        self.degraded.load(Ordering::Acquire)
    }

    /// What `call` returns, or `None` if the database could not say.
    pub(super) fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        if self.is_degraded() {
            return None;
        }
        let (answer, answered) = sync_channel(1);
        let job: Job = Box::new(move |store| {
            // The caller may have given up.
            let _ = answer.send(call(store)?);
            Ok(())
        });
        self.jobs.as_ref()?.try_send(job).ok()?;
        match answered.recv_timeout(CALL_PATIENCE) {
            Ok(value) => Some(value),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                tracing::warn!("the ledger does not answer; forebay goes on without it");
                degrade(&self.degraded);
                None
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Ends the thread once it has done what waits.
        self.jobs = None;
        if !self.is_degraded() {
            let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
            let _ = ended.recv_timeout(CALL_PATIENCE);
        }
    }
}

/// Does the jobs until there are no more callers.
fn work(store: Store, queue: &Receiver<Job>, folder: &Path, bounds: Bounds, degraded: &AtomicBool) {
    let mut store = store;
    let mut rebuilds = 0;
    while let Ok(job) = queue.recv() {
        let outcome = catch_unwind(AssertUnwindSafe(|| job(&mut store)));
        let why = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "sled panicked".to_string(),
        };
        rebuilds += 1;
        tracing::warn!(error = why, "the ledger failed; it is made anew from the spool");
        // Its destructor runs the code that has just failed.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(store)));
        let fresh = (rebuilds <= REBUILDS).then(|| rebuild(folder, bounds)).flatten();
        let Some(fresh) = fresh else {
            degrade(degraded);
            return;
        };
        store = fresh;
    }
    let _ = catch_unwind(AssertUnwindSafe(move || {
        let _ = store.flush();
        drop(store);
    }));
}

fn degrade(flag: &AtomicBool) {
    if !flag.swap(true, Ordering::AcqRel) {
        metrics::catalog::degraded(true);
        tracing::warn!(
            "forebay works without its ledger: status shows less, and large uploads begin anew after a restart"
        );
    }
}

fn open_or_rebuild(folder: &Path, bounds: Bounds) -> Option<Store> {
    match open_within(folder, bounds, OPEN_PATIENCE) {
        Ok(store) => Some(store),
        Err(OpenError::InUse(why)) => {
            tracing::warn!(error = why, "the ledger is in use by another process");
            None
        }
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "the ledger is damaged; it is made anew from the spool");
            rebuild(folder, bounds)
        }
    }
}

fn rebuild(folder: &Path, bounds: Bounds) -> Option<Store> {
    metrics::catalog::rebuilt();
    if let Err(error) = move_aside(folder) {
        tracing::warn!(%error, folder = %folder.display(), "cannot move the damaged ledger aside");
        return None;
    }
    open_within(folder, bounds, OPEN_PATIENCE)
        .inspect_err(|error| tracing::warn!(%error, "cannot make a new ledger"))
        .ok()
}

/// Why the database is not open.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("{0}")]
    InUse(String),
    #[error("{0}")]
    Failed(StoreError),
    #[error("sled panicked while opening it")]
    Panicked,
    #[error("opening it took longer than {OPEN_PATIENCE:?}")]
    Hung,
    #[error("cannot start a thread for it: {0}")]
    Thread(std::io::Error),
}

/// Opens the database on a thread of its own, waiting `patience` at most. A thread that hangs is left behind.
fn open_within(folder: &Path, bounds: Bounds, patience: Duration) -> Result<Store, OpenError> {
    let lock_deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let (answer, answered) = sync_channel(1);
        let path = folder.to_path_buf();
        thread::Builder::new()
            .name("catalog-open".into())
            .spawn(move || {
                let opened = catch_unwind(AssertUnwindSafe(|| Store::open(&path, bounds)));
                // If nobody waits any more, the store is dropped here.
                let _ = answer.send(opened);
            })
            .map_err(OpenError::Thread)?;
        match answered.recv_timeout(patience) {
            Ok(Ok(Ok(store))) => return Ok(store),
            Ok(Ok(Err(StoreError::InUse(why)))) if Instant::now() > lock_deadline => {
                return Err(OpenError::InUse(why));
            }
            // sled lets go of its lock some time after the database was closed.
            Ok(Ok(Err(StoreError::InUse(_)))) => thread::sleep(Duration::from_millis(20)),
            Ok(Ok(Err(error))) => return Err(OpenError::Failed(error)),
            Ok(Err(_)) => return Err(OpenError::Panicked),
            Err(_) => return Err(OpenError::Hung),
        }
    }
}

/// Renames the ledger's folder, or what is in its place, to `<name>.damaged-<n>`, and removes the oldest of those.
fn move_aside(folder: &Path) -> std::io::Result<()> {
    let mut aside = damaged(folder)?;
    let next = aside.last().map_or(1, |(number, _)| number + 1);
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".damaged-{next}"));
    let path = folder.with_file_name(name);
    match fs::rename(folder, &path) {
        Ok(()) => aside.push((next, path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let surplus = aside.len().saturating_sub(KEPT_ASIDE);
    for (_, old) in aside.into_iter().take(surplus) {
        let removed = if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) };
        if let Err(error) = removed {
            tracing::warn!(%error, path = %old.display(), "cannot remove an old damaged ledger");
        }
    }
    Ok(())
}

/// The damaged ledgers kept beside `folder`, the oldest first.
fn damaged(folder: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let prefix = format!("{}.damaged-", folder.file_name().unwrap_or_default().to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&prefix)).and_then(|n| n.parse().ok());
        found.extend(number.map(|number: u64| (number, entry.path())));
    }
    found.sort();
    Ok(found)
}
