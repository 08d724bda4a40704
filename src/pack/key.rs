//! The keys of objects: a template, and the unique part of a name.
//!
//! ```text
//! telemetry/logs/date=2026-08-22/hour=10/logs_20260822T101112123Z-a1b2c3d4-00000042-0123456789abcdef.jsonl.gz
//! |  prefix | template with signal and time   | first receive time | writer | segment| blake3 of   | ending |
//! |         |                                 | (UTC)              |        |        | the content |        |
//! ```
//!
//! Everything but the unique part depends on the signal and the receive time only: it is the object's partition. The
//! unique part sorts by time, and two machines with one cloned disk differ in its hash as soon as their content does.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::key_rules::{check_file_name, check_length, check_name, check_time_conversion, clean};
use super::options::Options;
use crate::log::SegmentId;
use crate::otlp::Signal;

/// A template that was found to be good.
#[derive(Debug)]
pub(super) struct KeyTemplate {
    prefix: String,
    parts: Vec<Part>,
    zone: TimeZone,
    ending: String,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Text that stands for itself.
    Text(String),
    /// One conversion of strftime, such as `%Y`.
    Time(String),
    Signal,
    Writer,
    Unique,
}

/// A key with a gap in the place of `{unique}`: what objects have in common that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partition(Arc<str>);

/// Stands for `{unique}` in a partition; no key may contain it.
pub(super) const GAP: char = '*';

/// Times at which a template is tried out: both ends of what the log can hold (1970 and 2554), winter and summer, numbers
/// of one digit and of two.
const PROBES: [u64; 4] = [0, u64::MAX, 1_767_323_045_000_000_000, 1_787_438_759_999_999_999];

impl KeyTemplate {
    /// Reads the template of `options`.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub(super) fn parse(options: &Options) -> Result<Self, String> {
        let zone = TimeZone::get(&options.timezone).map_err(|_| {
            format!(
                "objects.timezone is `{}`; it must be a name in the IANA time zone database, such as `UTC` or \
                 `Europe/Berlin`",
                options.timezone
            )
        })?;
        let prefix = clean(&options.prefix).and_then(|prefix| check_name(&prefix).map(|()| prefix));
        let prefix = prefix.map_err(|fault| format!("objects.prefix is `{}`; {fault}", options.prefix))?;
        let refuse = |fault: String| format!("objects.key is `{}`; {fault}", options.key);
        let parts = clean(&options.key).and_then(|text| split(&text)).map_err(refuse)?;
        let template = Self { prefix, parts, zone, ending: options.ending() };
        template.check().map_err(refuse)?;
        Ok(template)
    }

    /// The partition of a record of this data folder.
    ///
    /// # Errors
    /// None for a time that the log can hold: the template was tried out.
    pub(super) fn partition(
        &self,
        signal: Signal,
        writer: &str,
        received_at: u64,
    ) -> Result<Partition, jiff::Error> {
        let time = broken_down(&self.zone, received_at);
        let mut key = self.prefix.clone();
        if !key.is_empty() {
            key.push('/');
        }
        for part in &self.parts {
            match part {
                Part::Text(text) => key.push_str(text),
                Part::Time(conversion) => time.format(conversion, &mut key)?,
                Part::Signal => key.push_str(signal.name()),
                Part::Writer => key.push_str(writer),
                Part::Unique => key.push(GAP),
            }
        }
        key.push_str(&self.ending);
        Ok(Partition(key.into()))
    }

    /// The folders of one time, for each signal.
    pub(super) fn places(&self) -> Vec<String> {
        let partitions = Signal::ALL.map(|signal| self.partition(signal, "ffffffff", PROBES[0]));
        partitions.into_iter().flatten().map(|partition| partition.folder().to_owned()).collect()
    }

    fn check(&self) -> Result<(), String> {
        match self.parts.iter().filter(|part| **part == Part::Unique).count() {
            0 => return Err(WITHOUT_UNIQUE.into()),
            1 => {}
            _ => return Err("`{unique}` must stand only once".into()),
        }
        if !self.parts.contains(&Part::Signal) {
            return Err(WITHOUT_SIGNAL.into());
        }
        for part in &self.parts {
            if let Part::Time(conversion) = part {
                check_time_conversion(conversion, |time| self.render(conversion, time))?;
            }
        }
        if let Some(Part::Text(text)) = self.parts.last()
            && let Some(ending) = ENDINGS.iter().find(|ending| text.ends_with(**ending))
        {
            return Err(format!("leave out the ending `{ending}`: `{}` is appended", self.ending));
        }
        Signal::ALL
            .into_iter()
            .try_for_each(|signal| PROBES.into_iter().try_for_each(|time| self.try_out(signal, time)))
    }

    /// Checks what becomes of the template at one time, with the longest writer id and segment number there can be.
    fn try_out(&self, signal: Signal, time: u64) -> Result<(), String> {
        let writer = "ffffffff";
        let partition = self.partition(signal, writer, time).map_err(|error| error.to_string())?;
        check_name(&partition.key("unique"))?;
        check_file_name(partition.file_name())?;
        check_length(&partition.key(&unique_part(time, writer, SegmentId(u64::MAX), &"f".repeat(64))))
    }

    /// What one conversion gives.
    fn render(&self, conversion: &str, time: u64) -> Result<String, jiff::Error> {
        let mut text = String::new();
        broken_down(&self.zone, time).format(conversion, &mut text)?;
        Ok(text)
    }
}

const WITHOUT_UNIQUE: &str = "without `{unique}` two objects could get the same name, and one of them would be lost: \
                              put `{unique}` behind the last `/`";
const WITHOUT_SIGNAL: &str = "without `{signal}` readers cannot tell logs, metrics and traces apart: put it into a \
                              folder or into the file name";

/// The endings that forebay appends itself.
const ENDINGS: [&str; 5] = [".json", ".jsonl", ".binpb", ".gz", ".zst"];

impl Partition {
    /// What stands before the last `/`.
    fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// What stands behind the last `/`.
    fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The key of an object in it.
    pub(super) fn key(&self, unique: &str) -> String {
        self.0.replacen(GAP, unique, 1)
    }
}

/// What `{unique}` becomes. `received_at` is in nanoseconds since 1970, `blake3` in hexadecimal digits.
pub(super) fn unique_part(received_at: u64, writer: &str, segment: SegmentId, blake3: &str) -> String {
    let time = timestamp(received_at).strftime("%Y%m%dT%H%M%S");
    let milliseconds = received_at / 1_000_000 % 1000;
    let hash = blake3.get(..16).unwrap_or(blake3);
    format!("{time}{milliseconds:03}Z-{writer}-{segment}-{hash}")
}

fn broken_down(zone: &TimeZone, received_at: u64) -> BrokenDownTime {
    BrokenDownTime::from(&timestamp(received_at).to_zoned(zone.clone()))
}

fn timestamp(received_at: u64) -> Timestamp {
    // The log's clock ends in the year 2554, jiff's in 9999.
    Timestamp::from_nanosecond(received_at.into()).unwrap_or(Timestamp::MAX)
}

/// Splits a template into its parts.
fn split(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '{' => {
                let length = rest.find('}').map_or(rest.len(), |end| end + 1);
                (placeholder(&rest[..length])?, length)
            }
            '%' => {
                let length = rest[1..].find(|c: char| c.is_ascii_alphabetic() || c == '%');
                let length = length.map_or(rest.len(), |end| end + 2);
                (Part::Time(rest[..length].into()), length)
            }
            _ => {
                let length = rest.find(['{', '%']).unwrap_or(rest.len());
                (Part::Text(rest[..length].into()), length)
            }
        };
        parts.push(part);
        rest = &rest[length..];
    }
    Ok(parts)
}

fn placeholder(text: &str) -> Result<Part, String> {
    match text {
        "{signal}" => Ok(Part::Signal),
        "{unique}" => Ok(Part::Unique),
        "{writer}" => Ok(Part::Writer),
        _ => Err(format!("`{text}` is none of `{{signal}}`, `{{unique}}` and `{{writer}}`")),
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
