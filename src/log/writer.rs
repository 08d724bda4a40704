//! The writer thread: takes what waits, writes it as one group, syncs once, answers all. The next group is whatever
//! came during the sync.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Durable;
use super::appender::{Appender, Begin, Entry, Fit, Sealed};
use super::backlog::Backlog;
use super::commits::Commits;
use super::error::AppendError;
use super::format::record_len_of;
use super::queue::{Change, Pending, Queue, SealReply};
use super::segment_id::SegmentId;

/// How often an export that waits for room is looked after, beside when room appears.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(200);

/// The state of the writer thread.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) appender: Appender,
    pub(super) queue: Arc<Queue>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) commits: Arc<Commits>,
    pub(super) seal_after: Duration,
    /// Exports that are not written yet, in the order in which they came.
    pub(super) waiting: VecDeque<Pending>,
    /// Those that want a segment of their own. They wait for its room by themselves and hold nobody up.
    pub(super) oversize: VecDeque<Pending>,
    /// When the active segment got its first record.
    pub(super) first_at: Option<Instant>,
    pub(super) last_sealed: Option<SegmentId>,
}

/// Why a segment is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Full,
    Age,
    Flush,
    Settings,
    Shutdown,
    Failure,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Age => "age",
            Self::Flush => "flush",
            Self::Settings => "settings",
            Self::Shutdown => "shutdown",
            Self::Failure => "failure",
        }
    }
}

impl Writer {
    /// Works until the queue is closed and everything in it is answered.
    pub(super) fn run(mut self) {
        loop {
            let found = self.queue.take(self.wake_at());
            if let Some(change) = found.change {
                self.change(change);
            }
            self.enqueue(found.pending);
            self.write_waiting();
            self.write_oversize();
            self.refuse_impatient(Instant::now());
            if !found.seals.is_empty() {
                self.seal(Reason::Flush);
                answer_seals(found.seals, self.last_sealed);
            }
            if self.seal_at().is_some_and(|at| at <= Instant::now()) {
                self.seal(Reason::Age);
            }
            if self.appender.is_stopped() {
                self.backlog.set_stopped();
            }
            if found.is_closed {
                self.refuse_waiting(AppendError::Closed);
                self.seal(Reason::Shutdown);
                self.backlog.close();
                return;
            }
        }
    }

    /// Goes by other settings. What is stored from now on is packed by them.
    fn change(&mut self, change: Change) {
        self.seal_after = change.seal_after;
        if self.appender.change_packing(change.packing) {
            self.seal(Reason::Settings);
            // One that is empty has the old settings in its header.
            self.begin(0);
        }
    }

    /// When the active segment is to be sealed by age.
    fn seal_at(&self) -> Option<Instant> {
        self.first_at.map(|first_at| first_at + self.seal_after)
    }

    /// When there is something to do even if nothing comes.
    fn wake_at(&self) -> Option<Instant> {
        let is_waiting = !self.waiting.is_empty() || !self.oversize.is_empty();
        let for_room = is_waiting.then(|| Instant::now() + LOOK_FOR_ROOM);
        self.seal_at().into_iter().chain(for_room).min()
    }

    fn enqueue(&mut self, pending: Vec<Pending>) {
        let now = unix_nanos();
        for pending in pending {
            if self.appender.knows(pending.hash, now) {
                // It needs no room. Whoever sent it again does not wait for those that do.
                let _ = pending.reply.send(Ok(Durable { is_resend: true }));
                continue;
            }
            let is_oversize = self.appender.is_oversize(&pending.export);
            let queue = if is_oversize { &mut self.oversize } else { &mut self.waiting };
            queue.push_back(pending);
        }
    }

    /// Writes what waits, group by group, as far as there is room.
    fn write_waiting(&mut self) {
        while let Some(first) = self.waiting.front() {
            if self.appender.is_stopped() {
                return self.refuse_waiting(AppendError::Failing);
            }
            match self.appender.fit(&first.export, 0) {
                Fit::Active => {
                    let group = self.take_group();
                    self.commit(group);
                }
                Fit::Next => {
                    let record_len = record_len_of(&first.export);
                    if !self.next_segment(record_len) {
                        return;
                    }
                }
            }
        }
        if self.backlog.is_blocked() {
            // Nobody waits any more; whoever comes next need not.
            if self.appender.has_active() {
                self.unblock();
            } else {
                self.begin(0);
            }
        }
    }

    /// Writes the exports that want a segment of their own, as far as there is room.
    fn write_oversize(&mut self) {
        while let Some(first) = self.oversize.front() {
            if self.appender.is_stopped() {
                return self.refuse_waiting(AppendError::Failing);
            }
            if !self.appender.has_room_for(&first.export) {
                return;
            }
            let record_len = record_len_of(&first.export);
            self.seal(Reason::Full);
            if !self.begin(record_len) {
                return;
            }
            if self.appender.has_active() {
                let group = self.oversize.pop_front().into_iter().collect();
                self.commit(group);
            }
        }
    }

    /// Seals the active segment and begins the next one; says whether it is worth to go on.
    fn next_segment(&mut self, record_len: u64) -> bool {
        self.seal(Reason::Full);
        let goes_on = self.begin(record_len);
        if !goes_on && !self.backlog.is_blocked() {
            tracing::warn!(
                "the disk budget or the disk's free space is used up: clients wait or are refused"
            );
            self.backlog.set_blocked(true);
        }
        goes_on
    }

    /// Begins a segment; `false` if there is no room for one.
    fn begin(&mut self, record_len: u64) -> bool {
        match self.appender.begin(record_len, unix_nanos()) {
            Ok(Begin::Begun) => {
                self.unblock();
                true
            }
            Ok(Begin::NoRoom(_)) => false,
            Err(error) => {
                crate::metrics::log::write_failed();
                tracing::error!(%error, "cannot begin a segment");
                // The next try may find another file; a second failure stops intake.
                true
            }
        }
    }

    fn unblock(&self) {
        if self.backlog.is_blocked() {
            tracing::info!("there is room again");
            self.backlog.set_blocked(false);
        }
    }

    /// The exports at the front that fit the active segment.
    fn take_group(&mut self) -> Vec<Pending> {
        let (mut count, mut bytes) = (0, 0);
        for pending in &self.waiting {
            if self.appender.fit(&pending.export, bytes) != Fit::Active {
                break;
            }
            bytes += record_len_of(&pending.export);
            count += 1;
        }
        self.waiting.drain(..count).collect()
    }

    /// Writes a group, syncs once, and answers everybody in it.
    fn commit(&mut self, group: Vec<Pending>) {
        let entries: Vec<_> =
            group.iter().map(|pending| Entry { export: &pending.export, hash: pending.hash }).collect();
        let bytes = group.iter().map(|pending| record_len_of(&pending.export)).sum();
        let began = Instant::now();
        match self.appender.append(&entries, unix_nanos()) {
            Ok(is_new) => {
                let ended = Instant::now();
                self.commits.note(ended - began, ended);
                crate::metrics::log::commit_took(ended - began);
                crate::metrics::log::group_committed(group.len(), bytes);
                self.first_at.get_or_insert(began);
                // Before the answers, so that whoever has one finds its export among what waits.
                self.backlog.set_active(self.appender.active_sum());
                for (pending, is_new) in group.into_iter().zip(is_new) {
                    // A client that went away does not wait for its answer.
                    let _ = pending.reply.send(Ok(Durable { is_resend: !is_new }));
                }
            }
            Err(error) => {
                crate::metrics::log::write_failed();
                tracing::error!(%error, exports = group.len(), "cannot write to the log; these exports are refused");
                let abandoned = self.appender.take_abandoned();
                self.add(abandoned, Reason::Failure);
                for pending in group {
                    let _ = pending.reply.send(Err(AppendError::Failing));
                }
            }
        }
    }

    fn seal(&mut self, reason: Reason) {
        let sealed = self.appender.seal();
        self.add(sealed, reason);
    }

    fn add(&mut self, sealed: Option<Sealed>, reason: Reason) {
        self.first_at = None;
        let Some(sealed) = sealed else { return };
        crate::metrics::log::segment_sealed(reason.name());
        tracing::debug!(segment = %sealed.segment.id(), reason = reason.name(), "sealed a segment");
        self.last_sealed = Some(sealed.segment.id());
        self.backlog.add(sealed);
    }

    fn refuse_impatient(&mut self, now: Instant) {
        for queue in [&mut self.waiting, &mut self.oversize] {
            let (refused, waiting) =
                std::mem::take(queue).into_iter().partition(|pending| pending.patience_ends <= now);
            *queue = waiting;
            refuse(refused, AppendError::NoRoom);
        }
    }

    fn refuse_waiting(&mut self, error: AppendError) {
        refuse(std::mem::take(&mut self.waiting), error);
        refuse(std::mem::take(&mut self.oversize), error);
    }
}

fn refuse(pending: VecDeque<Pending>, error: AppendError) {
    for pending in pending {
        let _ = pending.reply.send(Err(error));
    }
}

fn answer_seals(seals: Vec<SealReply>, last_sealed: Option<SegmentId>) {
    for reply in seals {
        let _ = reply.send(last_sealed);
    }
}

/// The wall clock, in nanoseconds since 1970. A clock that was never set counts from 0.
pub(super) fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bytes::Bytes;

    use super::super::{Log, Options, Place};
    use super::*;
    use crate::disk::{Budget, Disk, SimulatedDisk};
    use crate::otlp::Signal;
    use crate::receive::Export;
    use crate::units::ByteSize;

    #[tokio::test]
    async fn what_is_acknowledged_is_in_the_snapshot() {
        let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
        let place = Place {
            folder: PathBuf::from("/data/log"),
            aside: PathBuf::from("/data/damaged"),
            writer: 7,
            packing: "{}".to_owned(),
            at_least: SegmentId(1),
        };
        let options =
            Options { segment_bytes: ByteSize::mib(1), free_space_floor: ByteSize(0), ..Options::default() };
        let log = Log::open(disk, place, &options, &Budget::new(1 << 30)).unwrap();
        for records in 1..=2000 {
            let export = Export::of(Signal::Logs, 1, Bytes::from_static(b"x"));
            log.append(export, Instant::now() + Duration::from_mins(1)).await.unwrap();
            assert_eq!(log.snapshot().records, records);
        }
        log.close();
    }

    #[tokio::test]
    async fn settings_that_change_hold_for_what_is_stored_from_then_on() {
        let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::default());
        let place = Place {
            folder: PathBuf::from("/data/log"),
            aside: PathBuf::from("/data/damaged"),
            writer: 7,
            packing: "old".to_owned(),
            at_least: SegmentId(1),
        };
        let options =
            Options { segment_bytes: ByteSize::mib(1), free_space_floor: ByteSize(0), ..Options::default() };
        let log = Log::open(disk, place, &options, &Budget::new(1 << 30)).unwrap();
        let store = async || {
            let export = Export::of(Signal::Logs, 1, Bytes::from_static(b"x"));
            log.append(export, Instant::now() + Duration::from_mins(1)).await.unwrap();
        };
        let packing = || log.next_sealed(Duration::from_mins(1)).unwrap().packing().to_owned();
        store().await;
        log.change(&options, "new".to_owned());
        assert_eq!(packing(), "old", "what was stored before is as it was acknowledged");
        store().await;
        // One that is empty is begun anew.
        log.seal().await;
        assert_eq!(packing(), "new");
        log.change(&options, "newer".to_owned());
        let soon = Options { seal_after: crate::units::Span(Duration::from_millis(1)), ..options };
        store().await;
        log.change(&soon, "newer".to_owned());
        assert_eq!(
            packing(),
            "newer",
            "and it is sealed by the new age, though it was begun under the old one"
        );
        log.close();
    }
}
