//! The write-ahead log: an [`Export`] becomes a [`Record`] in it, records fill a segment, and
//! a [`SealedSegment`] is what the next stage takes. The log is the only truth about what was acknowledged and not yet
//! packed.
//!
//! Contract:
//! - [`Log::append`] returns a [`Durable`] only after an `fdatasync` that covered the record.
//! - A segment is never changed after it was sealed, and stays until [`Log::retire`].
//! - One process has a log at a time.
//!
//! Layers, each knowing only those below: [`Log`] (handle), `writer` (thread, groups), `appender` (the active segment;
//! no threads), `resends`, `recovery`, `sealed` and `scan` (reading), `spares` and `numbers` (files), `format` (bytes).

mod appender;
mod backlog;
mod checksum;
mod commits;
mod damage;
mod error;
mod format;
mod group;
mod numbers;
mod options;
mod queue;
mod random;
mod record;
mod recovery;
mod resends;
mod scan;
mod sealed;
mod segment_id;
mod spares;
mod stepwise;
mod sums;
mod survey;
mod window;
mod writer;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot};

use crate::disk::{Budget, Disk, create_folders};
use crate::receive::Export;
use crate::thread::spawn_vital;

use self::appender::{Appender, Begin, Common};
use self::backlog::Backlog;
use self::commits::Commits;
use self::numbers::Numbers;
use self::queue::{Change, Pending, Queue};
use self::recovery::recover;
use self::resends::{Hasher, Resends};
use self::spares::Spares;
use self::writer::{Writer, unix_nanos};

pub use self::backlog::Snapshot;
pub use self::checksum::checksum;
pub use self::commits::CommitTimes;
pub use self::damage::Lost;
pub use self::error::{AppendError, Error};
pub use self::format::PACKING_BYTES_MAX;
pub use self::options::{Options, WhenFull};
pub use self::random::random_u64;
pub use self::record::{Damage, Item, Record};
pub use self::sealed::{Records, SealedSegment};
pub use self::segment_id::SegmentId;
pub use self::stepwise::Stepwise;
pub use self::survey::{Surveyed, survey};
pub use self::window::Unreadable;

/// Exports that may wait for the writer at once; their bytes are bounded by admission.
const PLACES: usize = 16_384;
/// How long the thread that prepares spares sleeps when nothing wakes it.
const PREPARE_EVERY: Duration = Duration::from_millis(200);

/// Proof that an `fdatasync` covered a record. Only the log can make one, and a receiver needs one to answer OK.
#[derive(Debug)]
pub struct Durable {
    is_resend: bool,
}

impl Durable {
    /// Whether the same request had been stored before, so that it was not stored again.
    pub const fn is_resend(&self) -> bool {
        self.is_resend
    }
}

/// Where a log lies, and who writes it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder of the segments.
    pub folder: PathBuf,
    /// The folder for damaged ranges.
    pub aside: PathBuf,
    /// The id of the data folder.
    pub writer: u32,
    /// The JSON text of the packing options, pinned in each segment's header.
    pub packing: String,
    /// The number that the next segment must at least have, so that no number is given twice.
    pub at_least: SegmentId,
}

/// The log of a data folder. Clones are the same log.
#[derive(Clone, Debug)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Arc<Queue>,
    backlog: Arc<Backlog>,
    commits: Arc<Commits>,
    spares: Arc<Spares>,
    numbers: Numbers,
    places: Arc<Semaphore>,
    hasher: Hasher,
    disk: Arc<dyn Disk>,
    aside: PathBuf,
    is_closing: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log, recovers what the process before left, and begins a segment. The caller has the data folder's
    /// lock.
    ///
    /// # Errors
    /// If the folder cannot be read or written, or if there is no room for a segment.
    pub fn open(
        disk: Arc<dyn Disk>,
        place: Place,
        options: &Options,
        budget: &Arc<Budget>,
    ) -> Result<Self, Error> {
        crate::metrics::log::register();
        let opened = Opened::new(&disk, place.clone(), options, budget)?;
        let (queue, is_closing) = (Arc::new(Queue::default()), Arc::new(AtomicBool::new(false)));
        let commits = Arc::new(Commits::new());
        let writer = Writer {
            appender: opened.appender,
            queue: Arc::clone(&queue),
            backlog: Arc::clone(&opened.backlog),
            commits: Arc::clone(&commits),
            seal_after: options.seal_after.duration(),
            waiting: VecDeque::new(),
            oversize: VecDeque::new(),
            first_at: None,
            last_sealed: None,
        };
        let threads = vec![
            thread("forebay-log", move || writer.run())?,
            prepare_spares(&opened.spares, &queue, &opened.backlog, budget, &is_closing)?,
        ];
        let shared = Shared {
            queue,
            backlog: opened.backlog,
            commits,
            spares: opened.spares,
            numbers: opened.numbers,
            places: Arc::new(Semaphore::new(PLACES)),
            hasher: opened.hasher,
            disk,
            aside: place.aside,
            is_closing,
            threads: Mutex::new(threads),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Appends an export. Returns once it is durable; waits for room until `patience_ends`. Dropping the future takes
    /// the export back only if it was not queued yet.
    ///
    /// # Errors
    /// The reason why it will not become durable.
    pub async fn append(&self, export: Export, patience_ends: Instant) -> Result<Durable, AppendError> {
        let place = Arc::clone(&self.shared.places).acquire_owned();
        let place = tokio::time::timeout_at(patience_ends.into(), place)
            .await
            .map_err(|_| AppendError::Overloaded)?
            .map_err(|_| AppendError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let hash = self.shared.hasher.hash(&export);
        self.shared.queue.push(Pending { export, hash, patience_ends, reply, _place: place })?;
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Goes by other settings from now on: `seal_after` and `free_space_floor` of `options`, and `packing`, the JSON text of
    /// the packing options, which is pinned in the header of every segment that is begun from now on. It must not be longer
    /// than [`PACKING_BYTES_MAX`].
    pub fn change(&self, options: &Options, packing: String) {
        self.shared.spares.set_free_space_floor(options.free_space_floor.bytes());
        self.shared.queue.change(Change { seal_after: options.seal_after.duration(), packing });
    }

    #[cfg(test)]
    pub(crate) fn free_space_floor(&self) -> u64 {
        self.shared.spares.free_space_floor()
    }

    /// Seals the active segment, if it has records. Returns the last segment sealed so far.
    pub async fn seal(&self) -> Option<SegmentId> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.ask_for_seal(reply);
        answer.await.ok().flatten()
    }

    /// The oldest sealed segment that was not handed out yet; waits for it `patience` at most.
    pub fn next_sealed(&self, patience: Duration) -> Option<SealedSegment> {
        self.shared.backlog.next(patience)
    }

    /// The numbers of the sealed segments that are not retired.
    pub fn sealed_ids(&self) -> Vec<SegmentId> {
        self.shared.backlog.ids()
    }

    /// The packing options of these segments, each text once.
    pub fn sealed_packings(&self) -> BTreeSet<String> {
        self.shared.backlog.packings()
    }

    /// Takes a segment back that was handed out and not packed. It is not handed out again before it has had `rest`.
    pub fn put_back(&self, segment: &SealedSegment, rest: Duration) {
        self.shared.backlog.put_back(segment.id(), rest);
    }

    /// Gives a packed segment's file free, durably. Until this returns `Ok` the segment may come back at the next
    /// start; it may be called again after an error.
    ///
    /// # Errors
    /// What the file system says.
    pub fn retire(&self, segment: &SealedSegment) -> Result<(), Error> {
        let Shared { disk, spares, backlog, numbers, .. } = &*self.shared;
        retire(&**disk, spares, backlog, numbers, segment)?;
        self.shared.queue.poke();
        Ok(())
    }

    /// Logs, counts and keeps aside what could not be read of a segment: once, however often it is packed before its
    /// file is given free.
    ///
    /// # Errors
    /// If the damaged ranges cannot be kept aside.
    pub fn report_damage(&self, segment: &SealedSegment, records: &Records) -> Result<(), Error> {
        if records.lost() == 0 || self.shared.backlog.is_loss_told(segment.id()) {
            return Ok(());
        }
        let (ranges, lost) = (records.damage(), records.lost());
        let lost = damage::report(&*self.shared.disk, &segment.path, ranges, lost, &self.shared.aside)?;
        self.shared.backlog.tell_loss(segment.id(), lost);
        Ok(())
    }

    /// Drops the oldest sealed segment that nobody packs, to make room; returns it. One whose name is gone and not durably
    /// so is dropped too: it cannot be packed any more, and only a power loss before the next sync brings it back.
    ///
    /// # Errors
    /// What the file system says; then it is still there.
    pub fn drop_oldest(&self) -> Result<Option<SealedSegment>, Error> {
        let Some(segment) = self.shared.backlog.take_oldest() else { return Ok(None) };
        if let Err(error) = self.retire(&segment) {
            let opened = self.shared.disk.open(&segment.path);
            if !opened.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                self.put_back(&segment, Duration::ZERO);
                return Err(error);
            }
            tracing::warn!(%error, segment = %segment.id(), "a dropped segment is gone, but not yet durably");
            drop(self.shared.backlog.forget(segment.id()));
            self.shared.queue.poke();
        }
        Ok(Some(segment))
    }

    /// Whether intake waits for somebody to make room. It may also wait for a file that is still being written.
    pub fn lacks_room(&self) -> bool {
        self.shared.backlog.is_blocked() && self.shared.spares.lacks_room()
    }

    /// What lies in the log, not yet packed.
    pub fn snapshot(&self) -> Snapshot {
        let snapshot = self.shared.backlog.snapshot();
        crate::metrics::log::waiting(snapshot.segments, snapshot.payload_bytes);
        snapshot
    }

    /// How long the groups of the last `over` took, a minute at most.
    pub fn commit_times(&self, over: Duration) -> CommitTimes {
        self.shared.commits.times(over, Instant::now())
    }

    /// Takes nothing more, writes and answers what waits, seals, and ends the threads. Blocks until that is done.
    pub fn close(&self) {
        self.shared.is_closing.store(true, Ordering::Release);
        self.shared.queue.close();
        let threads =
            std::mem::take(&mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the log panicked");
            }
        }
    }
}

/// Gives a segment's file free, durably.
fn retire(
    disk: &dyn Disk,
    spares: &Spares,
    backlog: &Backlog,
    numbers: &Numbers,
    segment: &SealedSegment,
) -> Result<(), Error> {
    let path = &segment.path;
    let after = (segment.id().next(), segment.footer.next_seq);
    numbers.note(after, || backlog.ends()).map_err(Error::disk("note the numbers of", path))?;
    match spares.give_back(path, segment.is_reusable) {
        Ok(()) => {}
        // Renamed or removed by a call before, which could not make it durable.
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk
            .sync_folder(path.parent().unwrap_or(Path::new(".")))
            .map_err(Error::disk("sync the folder of", path))?,
        Err(error) => return Err(Error::disk("retire", path)(error)),
    }
    drop(backlog.forget(segment.id()));
    Ok(())
}

/// A log that was opened, before its threads run.
#[derive(Debug)]
struct Opened {
    disk: Arc<dyn Disk>,
    appender: Appender,
    hasher: Hasher,
    spares: Arc<Spares>,
    backlog: Arc<Backlog>,
    numbers: Numbers,
    records_lost: u64,
}

impl Opened {
    fn new(
        disk: &Arc<dyn Disk>,
        place: Place,
        options: &Options,
        budget: &Arc<Budget>,
    ) -> Result<Self, Error> {
        let Place { folder, aside, writer, packing, at_least } = place;
        create_folders(&**disk, &folder).map_err(Error::disk("create", &folder))?;
        let spares = Arc::new(Spares::new(
            Arc::clone(disk),
            &folder,
            Arc::clone(budget),
            options.segment_bytes.bytes(),
            options.free_space_floor.bytes(),
            options.direct_io,
        ));
        spares.recover()?;
        let numbers = Numbers::open(disk, &folder)?;
        let recovered = recover(disk, &folder, &aside, budget, at_least, numbers.next())?;
        let next_seq = recovered.next_seq.max(numbers.next().1);
        for path in &recovered.empty {
            spares.give_back(path, true).map_err(Error::disk("recycle", path))?;
        }
        let window = u64::try_from(options.resend_window.duration().as_nanos()).unwrap_or(u64::MAX);
        let segments = recovered.sealed.iter().map(|(segment, _)| segment);
        let resends = Resends::open(disk, &folder, window, segments, unix_nanos())?;
        let hasher = Hasher::new(writer, window > 0);
        let backlog = Arc::new(Backlog::default());
        backlog.count_lost(recovered.lost);
        for (segment, used) in recovered.sealed {
            backlog.add(appender::Sealed { segment, used });
        }
        let common = Common { disk: Arc::clone(disk), folder: folder.clone(), writer, packing };
        let mut appender = Appender::new(common, Arc::clone(&spares), resends, recovered.next_id, next_seq)?;
        match appender.begin(0, unix_nanos()).map_err(Error::disk("begin a segment in", &folder))? {
            Begin::Begun => {}
            // With a backlog there will be room once it is delivered; without, there never will.
            Begin::NoRoom(said) if backlog.snapshot().segments > 0 || budget.used() > 0 => {
                tracing::warn!(reason = %spares.no_room(said), "nothing is taken in until there is room");
                backlog.set_blocked(true);
            }
            Begin::NoRoom(said) => return Err(spares.no_room(said)),
        }
        let records_lost = recovered.lost.records;
        Ok(Self { disk: Arc::clone(disk), appender, hasher, spares, backlog, numbers, records_lost })
    }

    fn retire(&self, segment: &SealedSegment) -> Result<(), Error> {
        retire(&*self.disk, &self.spares, &self.backlog, &self.numbers, segment)
    }
}

/// Starts the thread that keeps a spare ready, and wakes the writer when there is room again.
fn prepare_spares(
    spares: &Arc<Spares>,
    queue: &Arc<Queue>,
    backlog: &Arc<Backlog>,
    budget: &Arc<Budget>,
    is_closing: &Arc<AtomicBool>,
) -> Result<JoinHandle<()>, Error> {
    let (spares, queue, backlog) = (Arc::clone(spares), Arc::clone(queue), Arc::clone(backlog));
    let (budget, is_closing) = (Arc::clone(budget), Arc::clone(is_closing));
    thread("forebay-spares", move || {
        let mut seen = 0;
        while !is_closing.load(Ordering::Acquire) {
            if spares.is_empty()
                && let Err(error) = spares.prepare()
            {
                tracing::warn!(%error, "cannot prepare the file of the next segment");
            }
            if backlog.is_blocked() {
                queue.poke();
            }
            budget.wait_for_room(&mut seen, PREPARE_EVERY);
        }
    })
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    spawn_vital(name, body).map_err(Error::Thread)
}
