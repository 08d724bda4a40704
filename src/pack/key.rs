//! The keys of objects: a template, and the unique part of a name.
//!
//! ```text
//! telemetry/logs/date=2026-08-22/hour=10/logs_20260822T101112123Z-a1b2c3d4-00000042-0123456789abcdef.parquet
//! |  prefix | template with signal and time   | first receive time | writer | segment| blake3 of   | ending |
//! |         |                                 | (UTC)              |        |        | the content |        |
//! ```
//!
//! Everything but the unique part is what the records of an object have in common: its partition, to which the bucket and
//! the tenant belong as well. The unique part sorts by time, and two machines with one cloned disk differ in its hash as
//! soon as their content does.
//!
//! What of a key comes with the data (`{tenant}`, `{resource.KEY}`) is its [`Route`].

use std::sync::Arc;

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::bucket_name::{BucketTemplate, Misrouted};
use super::field::{NAME_BYTES_MAX, PATH_BYTES_MAX, Values};
use super::key_rules::{
    check_file_name, check_folders, check_length, check_name, check_overflow, check_time_conversion, clean,
};
use super::options::Options;
use super::template::{Asked, Part, split};
use crate::log::SegmentId;
use crate::otlp::Signal;
use crate::rows;

/// A template that was found to be good: those of the prefix, the key and the bucket as one.
#[derive(Debug)]
pub(super) struct KeyTemplate {
    parts: Vec<Part>,
    asked: Asked,
    bucket: Option<BucketTemplate>,
    /// What stands for every field beyond `objects.max_prefixes`.
    overflow: String,
    zone: TimeZone,
    /// What is appended, by [`Signal::index`].
    endings: [String; Signal::COUNT],
}

/// What the partition of a record depends on, beside its route.
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
}

/// What of a key and of the bucket comes with the data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route {
    /// What stands for each field of the template.
    fields: Vec<String>,
    /// The bucket; none for that of `upload.to`.
    bucket: Option<Arc<str>>,
}

/// What objects have in common that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Partition {
    /// The key with a gap in the place of `{unique}`.
    key: Arc<str>,
    /// The bucket; none for that of `upload.to`.
    bucket: Option<Arc<str>>,
    /// The tenant, also where the key does not name it: no object holds two.
    tenant: Arc<str>,
    /// What of the key is time.
    time: String,
}

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
        check_overflow(&options.overflow_prefix)?;
        let mut asked = Asked::default();
        let bucket = BucketTemplate::parse(options, &mut asked.attributes)?;
        let overflow = options.overflow_prefix.clone();
        let endings = Signal::ALL.map(|signal| options.for_signal(signal).ending());
        let none_yet = Default::default();
        let mut template = Self { parts: Vec::new(), asked, bucket, overflow, zone, endings: none_yet };
        let refuse = |fault: String| format!("objects.prefix is `{}`; {fault}", options.prefix);
        template.add(&options.prefix).map_err(refuse)?;
        template.check_prefix().map_err(refuse)?;
        if !template.parts.is_empty() {
            template.parts.push(Part::Text("/".into()));
        }
        template.endings = endings;
        let refuse = |fault: String| format!("objects.key is `{}`; {fault}", options.key);
        template.add(options.template()).map_err(refuse)?;
        template.check().map_err(refuse)?;
        if options.format.is_rows() {
            template.check_columns(options)?;
        }
        Ok(template)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let parts = split(&clean(text)?, &mut self.asked)?;
        self.parts.extend(parts);
        Ok(())
    }

    /// The keys of the resource's attributes on which a partition depends.
    pub(super) fn attributes(&self) -> &[String] {
        &self.asked.attributes
    }

    /// Whether the time stands before the signal.
    pub(super) fn has_signal_after_time(&self) -> bool {
        let signal = self.parts.iter().position(|part| *part == Part::Signal);
        let time = self.parts.iter().position(|part| matches!(part, Part::Time(_)));
        time.is_some_and(|time| signal.is_none_or(|signal| time < signal))
    }

    /// The route of data with these values, and why it has the main bucket if it should have another one.
    pub(super) fn route(&self, values: Values<'_>) -> (Route, Option<Misrouted>) {
        let fields = self.asked.fields.iter().map(|field| field.render(values, &self.overflow)).collect();
        let (bucket, misrouted) = match self.bucket.as_ref().map(|bucket| bucket.name(values)) {
            None => (None, None),
            Some(Ok(name)) => (Some(name), None),
            Some(Err(misrouted)) => (None, Some(misrouted)),
        };
        (Route { fields, bucket }, misrouted)
    }

    /// The route of data for which there are too many others.
    pub(super) fn overflow(&self) -> Route {
        Route { fields: vec![self.overflow.clone(); self.asked.fields.len()], bucket: None }
    }

    /// The partition of a record.
    ///
    /// # Errors
    /// None for a time that the log can hold: the template was tried out.
    pub(super) fn partition(&self, facts: Facts<'_>, route: &Route) -> Result<Partition, jiff::Error> {
        let time = broken_down(&self.zone, facts.received_at);
        let (mut key, mut times) = (String::new(), String::new());
        for part in &self.parts {
            match part {
                Part::Text(text) => key.push_str(text),
                Part::Time(conversion) => {
                    let from = key.len();
                    time.format(conversion, &mut key)?;
                    times.extend([&key[from..], "/"]);
                }
                Part::Signal => key.push_str(facts.signal.name()),
                Part::Writer => key.push_str(facts.writer),
                Part::Output => key.push_str(facts.output),
                Part::Field(place) => key.push_str(route.fields.get(*place).map_or("", String::as_str)),
                Part::Unique => key.push(GAP),
            }
        }
        key.push_str(&self.endings[facts.signal.index()]);
        if key.starts_with('/') || key.contains("//") {
            // A field that is to be nothing where there is no value was a folder of its own.
            key = key.split('/').filter(|folder| !folder.is_empty()).collect::<Vec<_>>().join("/");
        }
        let (bucket, tenant) = (route.bucket.clone(), facts.tenant.into());
        Ok(Partition { key: key.into(), bucket, tenant, time: times })
    }

    /// The partition of the object without rows that shows the columns of a signal.
    pub(super) fn schema_partition(&self, signal: Signal, output: &str) -> Result<Partition, jiff::Error> {
        // Of no writer: all that write here share it.
        let facts = Facts { signal, output, writer: "all", received_at: 0, tenant: "" };
        let (route, _) = self.route(Values::NONE);
        self.partition(facts, &Route { bucket: None, ..route })
    }

    /// The folders of one time, for each signal.
    pub(super) fn places(&self) -> Vec<(Signal, String)> {
        let place = |signal| {
            let partition = self.schema_partition(signal, "all").ok()?;
            Some((signal, partition.folder().to_owned()))
        };
        Signal::ALL.into_iter().filter_map(place).collect()
    }

    /// Checks the parts of the prefix, which are all that there are yet.
    fn check_prefix(&self) -> Result<(), String> {
        if self.parts.contains(&Part::Unique) || self.parts.contains(&Part::Signal) {
            return Err("`{unique}` and `{signal}` belong into objects.key".into());
        }
        self.check_times()?;
        let facts = Facts { signal: Signal::Logs, output: "main", writer: "all", received_at: 0, tenant: "" };
        for route in self.probes() {
            let partition = self.partition(facts, &route).map_err(|error| error.to_string())?;
            check_name(&partition.key)?;
        }
        Ok(())
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
        self.check_times()?;
        if let Some(Part::Text(text)) = self.parts.last()
            && let Some(ending) = ENDINGS.iter().find(|ending| text.ends_with(**ending))
        {
            return Err(format!("leave out the ending `{ending}`: `{}` is appended", self.endings[0]));
        }
        for route in self.probes() {
            for signal in Signal::ALL {
                PROBES.into_iter().try_for_each(|time| self.try_out(signal, time, &route))?;
            }
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), String> {
        self.parts.iter().try_for_each(|part| match part {
            Part::Time(conversion) => check_time_conversion(conversion, |time| self.render(conversion, time)),
            _ => Ok(()),
        })
    }

    /// The routes with which a template is tried out: the longest values there can be, none, and too many.
    fn probes(&self) -> [Route; 3] {
        let longest = format!("{}/", "x".repeat(NAME_BYTES_MAX)).repeat(PATH_BYTES_MAX / NAME_BYTES_MAX);
        let attributes = vec![Some(longest.clone()); self.asked.attributes.len()];
        let values = Values { tenant: &longest, attributes: &attributes };
        [self.route(values).0, self.route(Values::NONE).0, self.overflow()]
    }

    /// Checks what becomes of the template at one time.
    fn try_out(&self, signal: Signal, time: u64, route: &Route) -> Result<(), String> {
        let (writer, output) = ("ffffffff", "x".repeat(32));
        let facts = Facts { signal, output: &output, writer, received_at: time, tenant: "" };
        let partition = self.partition(facts, route).map_err(|error| error.to_string())?;
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
        self.key.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// What stands behind the last `/`.
    fn file_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// The key of an object in it.
    pub(super) fn key(&self, unique: &str) -> String {
        self.key.replacen(GAP, unique, 1)
    }

    /// Whether it is of another time than `other`.
    pub(super) fn is_of_another_time(&self, other: &Self) -> bool {
        self.time != other.time
    }

    /// The bucket of an object in it; none for that of `upload.to`.
    pub(super) fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
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

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
