//! The keys of objects: a template, and the unique part of a name.
//!
//! ```text
//! telemetry/logs/date=2026-08-22/hour=10/logs_20260822T101112123Z-a1b2c3d4-00000042-0123456789abcdef.parquet
//! |  prefix | template with signal and time   | first receive time | writer | segment| blake3 of   | ending |
//! |         |                                 | (UTC)              |        |        | the content |        |
//! ```
//!
//! Everything but the unique part is what the records of an object have in common: its partition. The unique part sorts by
//! time, and two machines with one cloned disk differ in its hash as soon as their content does.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::key_rules::{
    check_file_name, check_folders, check_length, check_name, check_time_conversion, clean,
};
use super::options::Options;
use crate::log::SegmentId;
use crate::otlp::Signal;
use crate::rows;

/// A template that was found to be good.
#[derive(Debug)]
pub(super) struct KeyTemplate {
    prefix: String,
    parts: Vec<Part>,
    /// The keys of the resource's attributes that stand in it.
    attributes: Vec<String>,
    zone: TimeZone,
    /// What is appended, by [`Signal::index`].
    endings: [String; Signal::COUNT],
}

/// What the partition of a record depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) signal: Signal,
    /// The output for which it is packed.
    pub(super) output: &'a str,
    /// The data folder.
    pub(super) writer: &'a str,
    /// When it was received, in nanoseconds since 1970.
    pub(super) received_at: u64,
    /// Its tenant; empty if there is none.
    pub(super) tenant: &'a str,
    /// The values of [`KeyTemplate::attributes`], those that there are.
    pub(super) values: &'a [Option<String>],
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
    Output,
    Tenant,
    /// The attribute of the resource at this place among those of the template.
    Attribute(usize),
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
        let mut attributes = Vec::new();
        let parts =
            clean(options.template()).and_then(|text| split(&text, &mut attributes)).map_err(refuse)?;
        let endings = Signal::ALL.map(|signal| options.for_signal(signal).ending());
        let template = Self { prefix, parts, attributes, zone, endings };
        template.check().map_err(refuse)?;
        if options.format.is_rows() {
            template.check_columns(options)?;
        }
        Ok(template)
    }

    /// The keys of the resource's attributes on which a partition depends.
    pub(super) fn attributes(&self) -> &[String] {
        &self.attributes
    }

    /// Whether the time stands before the signal.
    pub(super) fn has_signal_after_time(&self) -> bool {
        let signal = self.parts.iter().position(|part| *part == Part::Signal);
        let time = self.parts.iter().position(|part| matches!(part, Part::Time(_)));
        time.is_some_and(|time| signal.is_none_or(|signal| time < signal))
    }

    /// The partition of a record.
    ///
    /// # Errors
    /// None for a time that the log can hold: the template was tried out.
    pub(super) fn partition(&self, facts: Facts<'_>) -> Result<Partition, jiff::Error> {
        let time = broken_down(&self.zone, facts.received_at);
        let mut key = self.prefix.clone();
        if !key.is_empty() {
            key.push('/');
        }
        for part in &self.parts {
            match part {
                Part::Text(text) => key.push_str(text),
                Part::Time(conversion) => time.format(conversion, &mut key)?,
                Part::Signal => key.push_str(facts.signal.name()),
                Part::Writer => key.push_str(facts.writer),
                Part::Output => key.push_str(facts.output),
                Part::Tenant => key.push_str(&escaped(Some(facts.tenant))),
                Part::Attribute(place) => {
                    key.push_str(&escaped(facts.values.get(*place).and_then(Option::as_deref)));
                }
                Part::Unique => key.push(GAP),
            }
        }
        key.push_str(&self.endings[facts.signal.index()]);
        Ok(Partition(key.into()))
    }

    /// The partition of the object without rows that shows the columns of a signal.
    pub(super) fn schema_partition(&self, signal: Signal, output: &str) -> Result<Partition, jiff::Error> {
        // Of no writer: all that write here share it.
        self.partition(Facts { signal, output, writer: "all", received_at: 0, tenant: "", values: &[] })
    }

    /// The folders of one time, for each signal.
    pub(super) fn places(&self) -> Vec<(Signal, String)> {
        let place = |signal| {
            let partition = self.schema_partition(signal, "all").ok()?;
            Some((signal, partition.folder().to_owned()))
        };
        Signal::ALL.into_iter().filter_map(place).collect()
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
            return Err(format!("leave out the ending `{ending}`: `{}` is appended", self.endings[0]));
        }
        Signal::ALL
            .into_iter()
            .try_for_each(|signal| PROBES.into_iter().try_for_each(|time| self.try_out(signal, time)))
    }

    /// Checks what becomes of the template at one time, with the longest values there can be.
    fn try_out(&self, signal: Signal, time: u64) -> Result<(), String> {
        let writer = "ffffffff";
        let longest = "x".repeat(VALUE_BYTES_MAX + 1);
        let values = vec![Some(longest.clone()); self.attributes.len()];
        let output = &longest[..32];
        let facts = Facts { signal, output, writer, received_at: time, tenant: &longest, values: &values };
        let partition = self.partition(facts).map_err(|error| error.to_string())?;
        check_name(&partition.key("unique"))?;
        check_file_name(partition.file_name())?;
        check_folders(partition.folder())?;
        check_length(&partition.key(&unique_part(time, writer, SegmentId(u64::MAX), &"f".repeat(64))))
    }

    /// Checks that no folder hides a column: readers make a column of `name=value`.
    fn check_columns(&self, options: &Options) -> Result<(), String> {
        for signal in rows::SIGNALS {
            let layout = options.layout(signal)?;
            let partition = self.schema_partition(signal, "all").map_err(|error| error.to_string())?;
            let mut folders = partition.folder().split('/').filter_map(|folder| folder.split_once('='));
            if let Some((name, _)) =
                folders.find(|(name, _)| layout.columns().iter().any(|column| column.name == *name))
            {
                return Err(format!(
                    "objects.key is `{}`; readers make a column `{name}` of the folder, which hides the column `{name}` of \
                     the rows: give the folder another name",
                    options.key
                ));
            }
        }
        Ok(())
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
const WITHOUT_SIGNAL: &str = "without `{signal}` readers cannot tell logs, metrics, traces and profiles apart: put it into a \
                              folder or into the file name";

/// The endings that forebay appends itself.
const ENDINGS: [&str; 7] = [".parquet", ".json", ".jsonl", ".csv", ".binpb", ".gz", ".zst"];

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

/// The longest value of a tenant or an attribute in a key, in bytes; a longer one is cut, with a hash of the whole.
const VALUE_BYTES_MAX: usize = 64;

/// A value as a key can hold it, never the same for two values: what is not safe becomes `!` and two hexadecimal digits.
fn escaped(value: Option<&str>) -> String {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return NO_VALUE.to_owned() };
    let mut escaped = String::new();
    for (place, byte) in value.bytes().enumerate() {
        let is_safe =
            byte.is_ascii_alphanumeric() || byte == b'-' || (place > 0 && (byte == b'.' || byte == b'_'));
        if is_safe {
            escaped.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            let _ = write!(escaped, "!{byte:02X}");
        }
    }
    if escaped == NO_VALUE {
        return "!6Eone".to_owned();
    }
    if escaped.len() > VALUE_BYTES_MAX {
        escaped.truncate(VALUE_BYTES_MAX - 17);
        let hash = blake3::hash(value.as_bytes()).to_hex();
        let _ = write!(escaped, "!{}", &hash[..16]);
    }
    escaped
}

/// What stands in a key for a tenant or an attribute that is not there.
const NO_VALUE: &str = "none";

/// Splits a template into its parts, and notes the keys of attributes.
fn split(template: &str, attributes: &mut Vec<String>) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '{' => {
                let length = rest.find('}').map_or(rest.len(), |end| end + 1);
                (placeholder(&rest[..length], attributes)?, length)
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

fn placeholder(text: &str, attributes: &mut Vec<String>) -> Result<Part, String> {
    match text {
        "{signal}" => Ok(Part::Signal),
        "{unique}" => Ok(Part::Unique),
        "{writer}" => Ok(Part::Writer),
        "{output}" => Ok(Part::Output),
        "{tenant}" => Ok(Part::Tenant),
        _ => match text.strip_prefix("{resource.").and_then(|rest| rest.strip_suffix('}')) {
            Some(key) if !key.is_empty() => {
                attributes.push(key.to_owned());
                Ok(Part::Attribute(attributes.len() - 1))
            }
            _ => Err(format!(
                "`{text}` is none of `{{signal}}`, `{{unique}}`, `{{writer}}`, `{{output}}`, `{{tenant}}` and \
                 `{{resource.KEY}}`"
            )),
        },
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
