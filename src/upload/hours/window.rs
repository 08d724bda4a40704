//! A span of the day, on some days of the week: `mon-fri 22:00-06:00`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The days of the week, as they are written.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// A span of the day, which may go over midnight, on the days on which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first and the last day on which it begins, as indices of [`DAYS`]; the last may be before the first (`fri-mon`).
    days: Option<(u8, u8)>,
    /// Minutes since midnight.
    begins: u16,
    /// Minutes since midnight, up to [`DAY_MINUTES`]; if it is before the beginning, of the next day.
    ends: u16,
}

impl Window {
    /// Whether a clock on the wall that shows `time` is within it.
    pub(super) fn contains(self, time: DateTime) -> bool {
        let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        let today = time.weekday().to_monday_zero_offset().unsigned_abs();
        let yesterday = (today + 6) % 7;
        if self.begins < self.ends {
            return self.is_on(today) && (self.begins..self.ends).contains(&minute);
        }
        (self.is_on(today) && minute >= self.begins) || (self.is_on(yesterday) && minute < self.ends)
    }

    /// Hour and minute at which it begins.
    pub(super) fn begins(self) -> (i8, i8) {
        let part = |minutes: u16| i8::try_from(minutes).unwrap_or_default();
        (part(self.begins / 60), part(self.begins % 60))
    }

    fn is_on(self, day: u8) -> bool {
        match self.days {
            None => true,
            Some((first, last)) if first <= last => (first..=last).contains(&day),
            Some((first, last)) => day >= first || day <= last,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (days, times) = match text.trim().rsplit_once(' ') {
            Some((days, times)) => (Some(parse_days(days.trim())?), times),
            None => (None, text.trim()),
        };
        let (begins, ends) = times.split_once('-')?;
        let (begins, ends) = (parse_minute(begins)?, parse_minute(ends)?);
        (begins < DAY_MINUTES && begins != ends).then_some(Self { days, begins, ends })
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            format!(
                "`{text}` is no span of the day; write it like `22:00-06:00`, or with the days on which it begins like \
                 `mon-fri 22:00-06:00` or `sun 00:00-24:00`"
            )
        })
    }
}

/// `mon` or `mon-fri`.
fn parse_days(text: &str) -> Option<(u8, u8)> {
    let day = |name: &str| {
        let index = DAYS.iter().position(|day| day.eq_ignore_ascii_case(name))?;
        u8::try_from(index).ok()
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((day(first)?, day(last)?))
}

/// `22:00`, in minutes since midnight; `24:00` is the end of the day.
fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| -> Option<u16> {
        let is_number = digits.len() <= 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number)
    };
    let (hour, minute) = (number(hour)?, number(minute).filter(|number| *number < 60 && minute.len() == 2)?);
    Some(hour * 60 + minute).filter(|minutes| *minutes <= DAY_MINUTES)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |day: u8| DAYS.get(usize::from(day)).copied().unwrap_or_default();
        match self.days {
            None => {}
            Some((first, last)) if first == last => write!(f, "{} ", name(first))?,
            Some((first, last)) => write!(f, "{}-{} ", name(first), name(last))?,
        }
        let Self { begins, ends, .. } = *self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", begins / 60, begins % 60, ends / 60, ends % 60)
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_and_written_as_people_write_it() {
        for (text, written) in [
            ("22:00-06:00", "22:00-06:00"),
            ("6:30-7:00", "06:30-07:00"),
            ("mon-fri 22:00-06:00", "mon-fri 22:00-06:00"),
            ("  Sun  00:00-24:00 ", "sun 00:00-24:00"),
            ("fri-mon 20:00-04:00", "fri-mon 20:00-04:00"),
        ] {
            assert_eq!(text.parse::<Window>().map(|window| window.to_string()), Ok(written.to_owned()));
        }
    }

    #[test]
    fn what_is_no_window_is_told_how_to_write_one() {
        for wrong in [
            "",
            "22:00",
            "22-6",
            "22:00-25:00",
            "22:60-23:00",
            "22:00-22:00",
            "24:00-06:00",
            "22:00 - 06:00",
            "moon 22:00-06:00",
            "22:00-06:00 mon",
            "mon-fri-sat 22:00-06:00",
            "22:0-23:0",
            "+2:00-3:00",
            "mon,tue 1:00-2:00",
            "00:00-24:01",
        ] {
            let error = wrong.parse::<Window>().unwrap_err();
            assert!(error.starts_with(&format!("`{wrong}` is no span of the day; write it like")), "{error}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night: Window = "mon-fri 22:00-06:00".parse().unwrap();
        // The 5th of January 2026 is a Monday.
        for (time, is_within) in [
            ("2026-01-05T05:59", false),
            ("2026-01-05T21:59", false),
            ("2026-01-05T22:00", true),
            ("2026-01-06T05:59", true),
            ("2026-01-06T06:00", false),
            ("2026-01-10T05:59", true),
            ("2026-01-10T22:00", false),
        ] {
            assert_eq!(night.contains(time.parse().unwrap()), is_within, "{time}");
        }
        let weekend: Window = "sat-sun 00:00-24:00".parse().unwrap();
        assert!(weekend.contains("2026-01-04T23:59".parse().unwrap()));
        assert!(!weekend.contains("2026-01-05T00:00".parse().unwrap()));
        let around: Window = "sun-mon 10:00-11:00".parse().unwrap();
        assert!(around.contains("2026-01-05T10:00".parse().unwrap()));
        assert!(!around.contains("2026-01-06T10:00".parse().unwrap()));
    }
}
