//! The history of the last day, by the minute, kept in a ring on disk so that a restart keeps it.
//!
//! A minute is that of the clock on the wall. Where the clock is set back, a minute that is shown twice holds what came in both;
//! what lies ahead of the clock is not told, and gives way when the clock comes to its place. Where it is set forward, the
//! minutes between are those in which nothing ran.

mod file;
mod minute;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::admin;
use crate::disk::Disk;

use self::file::RingFile;
use self::minute::Minute;

pub(super) use self::minute::{Measure, Values};

/// Minutes that are kept: those of a day.
const PLACES: usize = 24 * 60;

/// The history of the last day.
#[derive(Debug)]
pub(super) struct History {
    ring: Mutex<Ring>,
}

#[derive(Debug)]
struct Ring {
    /// Each at its place; none where nothing was noted.
    minutes: Vec<Option<Minute>>,
    /// None if it cannot be written: then the history lasts as long as the process.
    file: Option<RingFile>,
}

impl History {
    /// Reads the history in the file of this name. Never fails: without a file it is kept in memory alone.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> Self {
        let mut ring = Ring { minutes: vec![None; PLACES], file: None };
        match RingFile::open(disk, path) {
            Ok((file, minutes)) => {
                ring.file = Some(file);
                for minute in minutes {
                    ring.put(minute);
                }
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the history of the last day is not kept over a restart");
            }
        }
        Self { ring: Mutex::new(ring) }
    }

    /// Adds what was measured to the minute of `now`. Blocks for a write, which is not synced.
    pub(super) fn note(&self, now: Timestamp, values: &Values) {
        let minute = minute_of(now);
        let mut ring = self.lock();
        let known = ring.get(minute).map_or_else(Values::default, |known| known.values);
        let mut noted = Minute { minute, values: known };
        noted.values.merge(values);
        ring.put(noted);
        if let Some(file) = &ring.file
            && let Err(error) = file.write(&noted)
        {
            tracing::warn!(%error, "the history of the last day cannot be written any more, and will not outlast a restart");
            ring.file = None;
        }
    }

    /// The last day before `now`, in so many steps at most.
    pub(super) fn series(&self, points: usize, now: Timestamp) -> admin::History {
        let step = PLACES.div_ceil(points.clamp(1, PLACES)) as u64;
        let steps = (PLACES as u64).div_ceil(step);
        let end = minute_of(now) + 1;
        let ring = self.lock();
        let values: Vec<Values> = (0..steps)
            .map(|number| {
                let mut values = Values::default();
                let first = end.saturating_sub((steps - number) * step);
                for minute in first..end.saturating_sub((steps - number - 1) * step) {
                    if let Some(known) = ring.get(minute) {
                        values.merge(&known.values);
                    }
                }
                values
            })
            .collect();
        drop(ring);
        let end_at = i64::try_from(end * 60).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        admin::History { step_seconds: step * 60, end_at, series: series(&values) }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn get(&self, minute: u64) -> Option<&Minute> {
        self.minutes.get(place(minute))?.as_ref().filter(|known| known.minute == minute)
    }

    fn put(&mut self, minute: Minute) {
        if let Some(place) = self.minutes.get_mut(place(minute.minute)) {
            *place = Some(minute);
        }
    }
}

/// The place of a minute in the ring.
fn place(minute: u64) -> usize {
    usize::try_from(minute % PLACES as u64).unwrap_or_default()
}

/// Minutes since 1970; 0 before that.
fn minute_of(at: Timestamp) -> u64 {
    u64::try_from(at.as_second() / 60).unwrap_or_default()
}

fn series(values: &[Values]) -> admin::Series {
    let of = |measure: Measure| values.iter().map(|values| values.get(measure)).collect::<Vec<_>>();
    let seconds = |measure: Measure| {
        let of = values.iter().map(|values| values.get(measure));
        of.map(|nanoseconds| nanoseconds.map(|each| Duration::from_nanos(each).as_secs_f64())).collect()
    };
    admin::Series {
        received_items: of(Measure::ReceivedItems),
        received_bytes: of(Measure::ReceivedBytes),
        delivered_items: of(Measure::DeliveredItems),
        delivered_bytes: of(Measure::DeliveredBytes),
        delivered_objects: of(Measure::DeliveredObjects),
        queue_items: of(Measure::QueueItems),
        queue_bytes: of(Measure::QueueBytes),
        oldest_age_seconds: of(Measure::OldestAgeSeconds),
        disk_used_bytes: of(Measure::DiskUsedBytes),
        disk_budget_bytes: of(Measure::DiskBudgetBytes),
        disk_free_bytes: of(Measure::DiskFreeBytes),
        refused_requests: of(Measure::RefusedRequests),
        failed_attempts: of(Measure::FailedAttempts),
        dropped_items: of(Measure::DroppedItems),
        commit_p50_seconds: seconds(Measure::CommitP50),
        commit_p99_seconds: seconds(Measure::CommitP99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SimulatedDisk;

    const PATH: &str = "/history";

    fn disk() -> SimulatedDisk {
        SimulatedDisk::default()
    }

    fn open(disk: &SimulatedDisk) -> History {
        History::open(disk, Path::new(PATH))
    }

    /// A time some minutes and seconds after noon of a day.
    fn at(minutes: i64, seconds: i64) -> Timestamp {
        Timestamp::from_second(1_764_072_000 + minutes * 60 + seconds).unwrap()
    }

    fn values(items: u64, waiting: u64, free: u64) -> Values {
        let mut values = Values::default();
        values.add(Measure::ReceivedItems, items);
        values.add(Measure::QueueItems, waiting);
        values.add(Measure::DiskFreeBytes, free);
        values.add(Measure::CommitP99, 1_500_000);
        values
    }

    /// What is told, the newest first, without what nobody knows before it.
    fn items(history: &History, points: usize, now: Timestamp) -> Vec<Option<u64>> {
        let mut items = history.series(points, now).series.received_items;
        let known = items.iter().position(Option::is_some).unwrap_or(items.len());
        let mut items = items.split_off(known);
        items.reverse();
        items
    }

    #[test]
    fn a_step_has_the_sum_of_counters_the_highest_of_gauges_and_the_least_free_bytes() {
        let history = open(&disk());
        for minute in 0..10 {
            history.note(at(minute, 3), &values(1, 10 + minute.unsigned_abs(), 50 - minute.unsigned_abs()));
            history.note(at(minute, 8), &values(2, 5, 60));
        }
        let told = history.series(288, at(9, 30));
        assert_eq!((told.step_seconds, told.end_at), (300, Some(at(10, 0))));
        let series = told.series;
        assert_eq!(series.received_items.len(), 288);
        assert_eq!(series.received_items[285..], [None, Some(15), Some(15)]);
        assert_eq!(series.queue_items[286..], [Some(14), Some(19)]);
        assert_eq!(series.disk_free_bytes[286..], [Some(46), Some(41)]);
        assert_eq!(series.commit_p99_seconds[286..], [Some(0.0015), Some(0.0015)]);
        assert_eq!(series.commit_p50_seconds[287], None, "what was not measured is not told");
    }

    #[test]
    fn the_steps_cover_the_day_however_many_are_asked_for() {
        let history = open(&disk());
        (0..1440).for_each(|minute| history.note(at(minute, 0), &values(1, 0, 0)));
        for (points, step, steps) in [
            (0, 1440, 1),
            (1, 1440, 1),
            (7, 206, 7),
            (288, 5, 288),
            (1000, 2, 720),
            (1440, 1, 1440),
            (9999, 1, 1440),
        ] {
            let told = history.series(points, at(1439, 59));
            assert_eq!((told.step_seconds, told.series.received_items.len()), (step * 60, steps), "{points}");
            let sum: u64 = told.series.received_items.into_iter().flatten().sum();
            assert_eq!(sum, 1440, "{points}");
        }
    }

    #[test]
    fn a_restart_keeps_it_and_what_lies_between_is_not_known() {
        let disk = disk();
        open(&disk).note(at(0, 5), &values(3, 1, 1));
        // In the same minute, as after a crash.
        open(&disk).note(at(0, 40), &values(4, 1, 1));
        let history = open(&disk);
        history.note(at(3, 0), &values(5, 1, 1));
        assert_eq!(items(&history, 1440, at(3, 1)), [Some(5), None, None, Some(7)]);
    }

    #[test]
    fn what_is_older_than_a_day_is_gone() {
        let disk = disk();
        open(&disk).note(at(0, 0), &values(3, 1, 1));
        let history = open(&disk);
        assert_eq!(items(&history, 1440, at(1439, 0)).len(), 1440);
        assert_eq!(items(&history, 1440, at(1440, 0)), []);
        history.note(at(1440, 0), &values(4, 1, 1));
        assert_eq!(items(&history, 1440, at(1440, 0)), [Some(4)], "not added to what was there a day ago");
    }

    #[test]
    fn a_clock_that_is_set_back_or_forward_breaks_nothing() {
        let disk = disk();
        let history = open(&disk);
        history.note(at(10, 0), &values(1, 1, 1));
        // Set back by five minutes: the future is not told, and the minute that comes again holds both.
        history.note(at(5, 0), &values(2, 1, 1));
        assert_eq!(items(&history, 1440, at(5, 0)), [Some(2)]);
        history.note(at(10, 30), &values(4, 1, 1));
        let expected = [Some(5), None, None, None, None, Some(2)];
        assert_eq!(items(&history, 1440, at(10, 30)), expected);
        // Forward by years, and back again.
        history.note(at(5_000_000, 0), &values(8, 1, 1));
        assert_eq!(items(&history, 1440, at(5_000_000, 0)), [Some(8)]);
        assert_eq!(items(&open(&disk), 1440, at(10, 30)), expected);
        // A clock that was never set.
        let never = Timestamp::UNIX_EPOCH;
        history.note(never, &values(16, 1, 1));
        assert_eq!(items(&history, 1440, never), [Some(16)]);
        let before = Timestamp::from_second(-90).unwrap();
        assert_eq!(history.series(288, before).series.received_items.len(), 288);
    }

    #[test]
    fn a_disk_without_room_for_the_file_is_done_without() {
        // The folder is missing, so that nothing can be written.
        let history = History::open(&disk(), Path::new("/missing/history"));
        history.note(at(0, 0), &values(3, 1, 1));
        assert_eq!(items(&history, 1440, at(0, 1)), [Some(3)]);
    }
}
