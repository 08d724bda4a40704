//! Hours, and the names of what is kept of them.

use jiff::Timestamp;

use crate::log::SegmentId;
use crate::otlp::Signal;
use crate::upload::time::moment;

/// An hour of UTC, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Hour(u64);

/// What one list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    pub(super) hour: Hour,
    pub(super) signal: Signal,
}

/// Nanoseconds of an hour.
const HOUR: u64 = 3_600_000_000_000;

/// What the names of notes end in.
const NOTE: &str = ".note";
/// What the names of lists end in.
const LIST: &str = ".jsonl";

impl Hour {
    /// The hour of a time in nanoseconds since 1970.
    pub(super) fn of(nanoseconds: u64) -> Self {
        Self(nanoseconds / HOUR)
    }

    /// When the hour is over, in nanoseconds since 1970.
    pub(super) fn end(self) -> u64 {
        self.0.saturating_add(1).saturating_mul(HOUR)
    }

    fn start(self) -> Timestamp {
        moment(self.0.saturating_mul(HOUR))
    }

    /// Reads `20260822T10`.
    fn parse(text: &str) -> Option<Self> {
        let (date, hour) = text.split_once('T').filter(|(date, hour)| date.len() == 8 && hour.len() == 2)?;
        let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
        let moment: Timestamp = format!("{year}-{month}-{day}T{hour}:00:00Z").parse().ok()?;
        Some(Self(u64::try_from(moment.as_second()).ok()? / 3600))
    }
}

impl std::fmt::Display for Hour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.start().strftime("%Y%m%dT%H").fmt(f)
    }
}

/// The first digits of the hash of a content, as they are in names.
pub(super) fn short_hash(content: &[u8]) -> String {
    let mut hash = blake3::hash(content).to_hex().to_string();
    hash.truncate(16);
    hash
}

impl Slot {
    /// The name of the note about objects of `segment`: `20260822T10-logs-00000042-0123456789abcdef.note`.
    pub(super) fn note(self, segment: SegmentId, content: &[u8]) -> String {
        format!("{}-{}-{segment}-{}{NOTE}", self.hour, self.signal.name(), short_hash(content))
    }

    /// Reads the name of a note: what it is about, and the hash of its content.
    pub(super) fn of_note(name: &str) -> Option<(Self, &str)> {
        let mut parts = name.strip_suffix(NOTE)?.split('-');
        let (hour, signal, _segment, hash) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let slot = Self { hour: Hour::parse(hour)?, signal: signal_of(signal)? };
        parts.next().is_none().then_some((slot, hash))
    }

    /// The name of the list with this content: `logs_20260822T100000000Z-a1b2c3d4-0123456789abcdef.jsonl`. As with the
    /// objects it lists, it begins with a time (the beginning of the hour), names the data folder, and carries the hash of
    /// the content, so that an object of this name is this list.
    pub(super) fn list(self, writer: &str, content: &[u8]) -> String {
        format!("{}_{}0000000Z-{writer}-{}{LIST}", self.signal.name(), self.hour, short_hash(content))
    }

    /// Reads the name of a list: what it is about, and the hash of its content.
    pub(super) fn of_list(name: &str) -> Option<(Self, &str)> {
        let (signal, rest) = name.strip_suffix(LIST)?.split_once('_')?;
        let mut parts = rest.split('-');
        let (time, _writer, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let hour = Hour::parse(time.strip_suffix("0000000Z")?)?;
        parts.next().is_none().then_some((Self { hour, signal: signal_of(signal)? }, hash))
    }

    /// The key of the list `name` in the bucket, without what the bucket's address puts before it.
    pub(super) fn key(self, prefix: &str, name: &str) -> String {
        let folder = self.hour.start().strftime("date=%Y-%m-%d/hour=%H");
        format!("{prefix}/{}/{folder}/{name}", self.signal.name())
    }
}

fn signal_of(name: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| signal.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are_about_and_are_read_again() {
        let slot = Slot { hour: Hour::of(1_787_393_472_123_456_789), signal: Signal::Metrics };
        let note = slot.note(SegmentId(42), b"content");
        assert!(note.starts_with("20260822T10-metrics-00000042-") && note.len() == 29 + 16 + 5, "{note}");
        assert_eq!(Slot::of_note(&note), Some((slot, short_hash(b"content").as_str())));
        let list = slot.list("a1b2c3d4", b"content");
        assert!(list.starts_with("metrics_20260822T100000000Z-a1b2c3d4-"), "{list}");
        assert_eq!(Slot::of_list(&list), Some((slot, short_hash(b"content").as_str())));
        assert_eq!(slot.key("receipts", "x.jsonl"), "receipts/metrics/date=2026-08-22/hour=10/x.jsonl");
        for foreign in
            ["", "x.note", "x.jsonl", "logs_x-y-z.jsonl", "2026-logs-1-2.note", &format!("{note}.new")]
        {
            assert!(Slot::of_note(foreign).is_none() && Slot::of_list(foreign).is_none(), "{foreign}");
        }
    }

    #[test]
    fn an_hour_ends_when_the_next_one_begins() {
        let at = 1_787_393_472_123_456_789;
        let hour = Hour::of(at);
        assert!(hour.end() > at && hour.end() - at <= HOUR);
        assert!(Hour::of(hour.end() - 1) == hour && Hour::of(hour.end()) > hour);
        assert!(Hour::of(u64::MAX).end() >= HOUR, "no overflow at the end of time");
    }
}
