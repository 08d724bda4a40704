//! The hours in which an output is delivered (`upload.hours`).
//!
//! A window is open whenever a clock on the wall of `upload.timezone` shows a time within it. So where summer time begins,
//! an hour that does not exist is not missed by anything else, and where it ends, the hour that comes twice is open twice.
//!
//! Over `upload.hours_unless_disk_over` of the disk budget it is delivered at any hour, until less than nine tenths of that
//! are used: were it the same limit both ways, delivery would begin and end with every object.

mod window;

use std::fmt;
use std::sync::Arc;

use jiff::civil::Time;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

pub use window::Window;

use super::options::Options;
use crate::disk::Budget;
use crate::units::Percent;

/// Days that are looked ahead for a beginning. A window has one in each week, but where an hour does not exist.
const DAYS_AHEAD: i64 = 15;

/// Tells the time. Windows are kept by the clock on the wall, which may be set.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

/// The hours of one output, and whether the disk keeps them from being kept.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    windows: Vec<Window>,
    zone: TimeZone,
    unless_disk_over: Option<Percent>,
    /// Since the disk was over the limit, until it is well below it again.
    is_disk_over: bool,
}

impl Clock {
    /// A clock that shows what `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    /// That of the system.
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

impl Hours {
    /// The hours that the settings ask for.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            windows: options.hours.clone(),
            // Checked with the settings.
            zone: zone(&options.timezone).unwrap_or(TimeZone::UTC),
            unless_disk_over: options.hours_unless_disk_over,
            is_disk_over: false,
        }
    }

    #[cfg(test)]
    pub(super) fn settings(&self) -> (Vec<Window>, String, Option<Percent>) {
        let zone = self.zone.iana_name().unwrap_or_default().to_owned();
        (self.windows.clone(), zone, self.unless_disk_over)
    }

    /// Whether there are any: if not, it is always open.
    pub(super) fn are_kept(&self) -> bool {
        !self.windows.is_empty()
    }

    /// Whether it is delivered at `now`.
    pub(super) fn are_open(&mut self, now: Timestamp, budget: &Budget) -> bool {
        if !self.are_kept() || self.are_within(now) {
            self.is_disk_over = false;
            return true;
        }
        if let Some(share) = self.unless_disk_over {
            // Of limits that are no multiples of a thousand the rest does not matter.
            let limit = budget.limit() / 1000 * share.0;
            let limit = if self.is_disk_over { limit * 9 } else { limit * 10 };
            self.is_disk_over = budget.used() > limit;
        }
        self.is_disk_over
    }

    /// Whether the disk has a say in it.
    pub(super) fn heed_disk(&self) -> bool {
        self.are_kept() && self.unless_disk_over.is_some()
    }

    /// Whether delivery goes on only because the disk is full.
    pub(super) fn is_disk_over(&self) -> bool {
        self.is_disk_over
    }

    /// A time as a clock on the wall shows it, with the day if that is not the day of `now`.
    pub(super) fn shown(&self, time: Timestamp, now: Timestamp) -> String {
        let (time, now) = (self.zone.to_datetime(time), self.zone.to_datetime(now));
        let format = if time.date() == now.date() { "%H:%M" } else { "%a %H:%M" };
        time.strftime(format).to_string()
    }

    /// Whether a clock on the wall shows one of the hours.
    fn are_within(&self, now: Timestamp) -> bool {
        let time = self.zone.to_datetime(now);
        self.windows.iter().any(|window| window.contains(time))
    }

    /// The first time after `now` that is within the hours. It can only be where a window begins, or where the clock is set.
    pub(super) fn open_after(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(now).date();
        let last = today.checked_add(Span::new().days(DAYS_AHEAD)).ok()?;
        let days = today.series(Span::new().days(1)).take_while(|day| *day <= last);
        let begins = |window: &Window| {
            let (hour, minute) = window.begins();
            Time::new(hour, minute, 0, 0).ok()
        };
        let begins: Vec<Time> = self.windows.iter().filter_map(begins).collect();
        let beginnings = days.flat_map(|day| begins.iter().map(move |time| day.to_datetime(*time)));
        let beginnings = beginnings.flat_map(|time| {
            let offsets = match self.zone.to_ambiguous_timestamp(time).offset() {
                AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
                AmbiguousOffset::Gap { .. } => [None, None],
                AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
            };
            offsets.into_iter().flatten().filter_map(move |offset| offset.to_timestamp(time).ok())
        });
        let until = self.zone.to_timestamp(last.to_datetime(Time::midnight())).ok()?;
        let set = self.zone.following(now).map(|set| set.timestamp()).take_while(|set| *set <= until);
        beginnings.chain(set).filter(|time| *time > now && self.are_within(*time)).min()
    }
}

/// Checks the settings.
///
/// # Errors
/// A sentence that names the setting, its value and what it must be.
pub(super) fn validate(options: &Options) -> Result<(), String> {
    if zone(&options.timezone).is_none() {
        return Err(format!(
            "upload.timezone is `{}`; it must be a name in the IANA time zone database, such as `UTC` or `Europe/Berlin`",
            options.timezone
        ));
    }
    let Some(share) = options.hours_unless_disk_over else { return Ok(()) };
    if !(1..=99).contains(&share.0) {
        return Err(format!("upload.hours_unless_disk_over is {share}; it must be 1% to 99%"));
    }
    if options.hours.is_empty() {
        return Err(format!(
            "upload.hours_unless_disk_over is {share} and upload.hours is empty; set upload.hours, or leave both out"
        ));
    }
    Ok(())
}

fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    fn hours(windows: &[&str], timezone: &str, unless_disk_over: Option<u64>) -> Hours {
        let options = Options {
            hours: windows.iter().map(|window| window.parse().unwrap()).collect(),
            timezone: timezone.to_owned(),
            hours_unless_disk_over: unless_disk_over.map(Percent),
            ..Options::default()
        };
        options.validate().unwrap();
        Hours::new(&options)
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn the_opening_that_is_told_is_the_first_minute_that_is_open() {
        let some = [
            vec!["22:00-06:00"],
            vec!["mon-fri 22:00-06:00", "sat 12:00-13:00"],
            vec!["02:15-02:45"],
            vec!["01:30-02:30"],
            vec!["sun 00:00-24:00"],
            vec!["fri-sun 23:50-02:10"],
        ];
        // Both nights in which the clock is set, and one of a zone in which it is set at midnight.
        let nights = [
            ("Europe/Berlin", "2026-03-27T12:00:00Z"),
            ("Europe/Berlin", "2026-10-23T12:00:00Z"),
            ("America/New_York", "2026-11-01T00:00:00Z"),
            ("Africa/Cairo", "2026-04-23T12:00:00Z"),
            ("UTC", "2026-03-28T12:00:00Z"),
        ];
        for windows in &some {
            for (zone, begin) in nights {
                let hours = hours(windows, zone, None);
                let mut now = at(begin);
                let end = now + 60.hours();
                while now < end {
                    let told = hours.open_after(now).unwrap();
                    let mut minute = now + 1.minute();
                    while !hours.are_within(minute) {
                        minute += 1.minute();
                    }
                    if !hours.are_within(now) {
                        assert_eq!(told, minute, "{windows:?} in {zone} after {now}");
                    }
                    now += 17.minutes();
                }
            }
        }
    }

    #[test]
    fn the_hours_are_those_of_the_clock_on_the_wall_in_summer_and_in_winter() {
        let opens = |hours: &Hours, time: &str| {
            if hours.clone().are_open(at(time), &Budget::new(100)) {
                return "now".to_owned();
            }
            hours.open_after(at(time)).unwrap().to_string()
        };
        let night = hours(&["22:00-06:00"], "Europe/Berlin", None);
        assert_eq!(opens(&night, "2026-01-10T20:59:59Z"), "2026-01-10T21:00:00Z");
        assert_eq!(opens(&night, "2026-07-10T19:59:59Z"), "2026-07-10T20:00:00Z");
        assert_eq!(opens(&night, "2026-07-10T20:00:00Z"), "now");
        // The night in which the clock goes from 2:00 to 3:00 ends at 4:00 UTC, an hour earlier than the one before.
        assert_eq!(opens(&night, "2026-03-29T03:59:59Z"), "now");
        assert_eq!(opens(&night, "2026-03-29T04:00:00Z"), "2026-03-29T20:00:00Z");
        assert_eq!(night.shown(at("2026-03-29T20:00:00Z"), at("2026-03-29T04:00:00Z")), "22:00");
        assert_eq!(night.shown(at("2026-03-29T20:00:00Z"), at("2026-03-28T04:00:00Z")), "Sun 22:00");

        // Half past two does not exist in that night: what begins then is open as soon as the clock shows a later time.
        let late = hours(&["02:30-03:15"], "Europe/Berlin", None);
        assert_eq!(opens(&late, "2026-03-29T00:59:59Z"), "2026-03-29T01:00:00Z");
        // It comes twice when the clock is set back.
        let twice = hours(&["02:30-02:45"], "Europe/Berlin", None);
        assert_eq!(opens(&twice, "2026-10-25T00:30:00Z"), "now");
        assert_eq!(opens(&twice, "2026-10-25T00:45:00Z"), "2026-10-25T01:30:00Z");
    }

    #[test]
    fn a_disk_that_fills_opens_until_it_is_well_below_the_limit() {
        let budget = Budget::new(1000);
        let noon = at("2026-01-10T12:00:00Z");
        let mut night = hours(&["22:00-06:00"], "UTC", Some(80));
        for (used, is_open) in
            [(720, false), (800, false), (801, true), (721, true), (720, false), (800, false), (801, true)]
        {
            let taken = budget.take(used);
            assert_eq!(night.are_open(noon, &budget), is_open, "{used}");
            drop(taken);
        }
        assert!(night.is_disk_over());
        assert!(night.are_open(at("2026-01-10T22:00:00Z"), &budget) && !night.is_disk_over());
        assert!(!hours(&["22:00-06:00"], "UTC", None).are_open(noon, &budget));
    }

    #[test]
    fn without_hours_it_is_always_open() {
        assert!(hours(&[], "UTC", None).are_open(Timestamp::now(), &Budget::new(0)));
    }
}
