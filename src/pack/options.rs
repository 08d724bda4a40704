//! The settings of packing: the section `objects` of the configuration.
//!
//! They are pinned in the header of every segment when it is created ([`super::Outputs`]), so that a segment packs to the
//! same objects after a restart with other settings. A key that was not there when a segment was created means its
//! default; so a default never changes its meaning.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codec::Codec;
use super::format::Format;
use super::key::KeyTemplate;
use crate::otlp::Signal;
use crate::rows::{self, Layout, Promotion};

/// The settings of the objects that go into the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// What an object holds: `parquet` (flat rows, a column for each name), `jsonl` or `csv` (the same rows as text),
    /// `otlp_jsonl` (a line of OTLP JSON for each export), `otlp_json` (one OTLP JSON document) or `otlp_proto` (one
    /// protobuf message). Profiles are no rows, and no two exports of them are ever merged: where the others are rows,
    /// theirs are `otlp_jsonl`; as `otlp_json` and `otlp_proto` each export is an object of its own.
    pub format: Format,
    /// How an object is compressed. Parquet, within its pages: `zstd` if left out, `snappy`, `gzip`, `lz4` or `none`. All
    /// others, as a whole: `gzip` if left out, which every reader unpacks, `zstd` or `none`.
    pub compression: Option<Compression>,
    /// How hard it is compressed: 0 to 9 for gzip, 1 to 19 for zstd (above 15 each of the open objects takes 50 to 100 MiB of
    /// memory). If left out, 1, and 5 for gzip within the pages of Parquet.
    pub level: Option<u8>,
    /// Folders put before every key, such as `telemetry/claude-code`. It may have the fields of `key`, but for `{signal}` and
    /// `{unique}`: `base/{resource.com.awss3.prefix|path:-others}`.
    pub prefix: String,
    /// The template of the keys, or `collector` for the layout of the OpenTelemetry Collector's `awss3exporter`.
    ///
    /// `{signal}` is `logs`, `metrics`, `traces` or `profiles`; `{unique}` tells objects apart and stands in the file name; `{writer}`
    /// names this data folder, `{output}` the output; `{tenant}` is the tenant of the request and `{resource.KEY}` the
    /// attribute `KEY` of the resource, `none` where there is none; `%Y`, `%m`, `%d`, `%H`, `%M` and the other conversions
    /// of strftime give the time at which the data was received. The ending (`.parquet`) is appended. An object never
    /// spans two keys that differ in more than `{unique}`.
    ///
    /// `{resource.KEY:-others}` is `others` where there is no value, `{resource.KEY|path}` makes folders of the slashes of
    /// the value, `{resource.KEY|path:-others}` does both; the same holds for `{tenant}`.
    pub key: String,
    /// The template of the name of the bucket, of `{tenant}`, `{resource.KEY}` (with or without `:-` and what stands there
    /// where there is no value) and text. The bucket of `upload.to` if it is empty, if a value is missing, or if what comes
    /// out is no name of a bucket. All else is as in `upload`: the store, the credentials, the folders of `upload.to`.
    pub bucket: String,
    /// The buckets that `bucket` may name; any if it is empty. Whoever may send telemetry chooses among them.
    pub buckets: Vec<String>,
    /// The most routes (values of `{tenant}`, of `{resource.KEY}` and of the bucket) that a segment is divided by, 1 to
    /// 1,000. What has further values goes under `overflow_prefix`, into the bucket of `upload.to`.
    pub max_prefixes: usize,
    /// What stands for each `{tenant}` and `{resource.KEY}` in the keys of what is beyond `max_prefixes`.
    pub overflow_prefix: String,
    /// The time zone of the key, by its name in the IANA time zone database: `UTC`, `Europe/Berlin`.
    pub timezone: String,
    /// Columns that rows have beside their own, by name, each with the attribute that it shows: `resource.KEY`,
    /// `attributes.KEY` or `scope.KEY`, with ` as int`, ` as double` or ` as bool` behind it if it is not text. In rows
    /// only; they stand behind all other columns.
    pub columns: BTreeMap<String, String>,
    /// Whether the bucket gets, once, an object without rows for each signal, by which readers know all columns from the
    /// beginning. For Parquet only.
    pub schema_objects: bool,
    /// Whether compressed text carries the header `Content-Encoding`, with which HTTP clients unpack it on the way
    /// although its name still says that it is packed. Off unless a reader asks for it.
    pub content_encoding: bool,
    /// The signals of which there are objects; of every signal if it is empty. What is left out, another output has to
    /// take.
    pub signals: Vec<Signal>,
}

/// How an object is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// `.gz`: one gzip member.
    Gzip,
    /// `.zst`: one zstd frame.
    Zstd,
    /// Snappy, in Parquet only.
    Snappy,
    /// LZ4, in Parquet only.
    Lz4,
}

/// The preset of the OpenTelemetry Collector's `awss3exporter`, and what it stands for.
const COLLECTOR: (&str, &str) = ("collector", "year=%Y/month=%m/day=%d/hour=%H/minute=%M/{signal}_{unique}");

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::Parquet,
            compression: None,
            level: None,
            prefix: String::new(),
            key: "{signal}/date=%Y-%m-%d/hour=%H/{signal}_{unique}".into(),
            bucket: String::new(),
            buckets: Vec::new(),
            max_prefixes: 100,
            overflow_prefix: "overflow".into(),
            timezone: "UTC".into(),
            columns: BTreeMap::new(),
            schema_objects: true,
            content_encoding: false,
            signals: Vec::new(),
        }
    }
}

impl Options {
    /// Checks every setting.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        self.codec()?;
        self.promotions()?;
        KeyTemplate::parse(self)?;
        if !(1..=1000).contains(&self.max_prefixes) {
            return Err(format!("objects.max_prefixes is {}; it must be 1 to 1000", self.max_prefixes));
        }
        if self.content_encoding && self.format == Format::Parquet {
            return Err(
                "objects.content_encoding is true, but Parquet is compressed inside: leave it out".into()
            );
        }
        if !self.columns.is_empty() && !self.format.is_rows() {
            return Err(format!(
                "objects.columns are set, but objects.format is {}, which has no columns",
                self.format.name()
            ));
        }
        Ok(())
    }

    /// What is allowed, and will be regretted; in sentences that begin with the setting.
    pub fn warnings(&self) -> Vec<String> {
        let template = KeyTemplate::parse(self).ok();
        let is_late =
            self.key != COLLECTOR.0 && template.is_some_and(|template| template.has_signal_after_time());
        let late = "objects.key has the time before `{signal}`: a reader of one signal lists the objects of all signals \
                    of all times";
        let any_bucket = "objects.bucket takes the name of the bucket from an attribute, so that whoever may send telemetry \
                          chooses among all buckets that the credentials may write to: list the right ones in \
                          objects.buckets";
        let is_open = self.bucket.contains("{resource.") && self.buckets.is_empty();
        let warnings = [is_late.then_some(late), is_open.then_some(any_bucket)];
        warnings.into_iter().flatten().map(str::to_owned).collect()
    }

    /// The folders of the objects that were received at one time, for each signal that it takes: objects of the same
    /// signal and of other options in the same folder could not be told apart.
    ///
    /// # Errors
    /// As [`Options::validate`].
    pub fn places(&self) -> Result<Vec<(Signal, String)>, String> {
        let taken = |(signal, _): &(Signal, String)| self.takes(*signal);
        KeyTemplate::parse(self).map(|template| template.places().into_iter().filter(taken).collect())
    }

    /// Whether there are objects of this signal.
    pub fn takes(&self, signal: Signal) -> bool {
        self.signals.is_empty() || self.signals.contains(&signal)
    }

    /// The settings of the objects of one signal. Profiles are no rows: where all others are, theirs are `otlp_jsonl`,
    /// compressed the same way where text can be, and with gzip where the compression is one of Parquet's pages.
    pub(super) fn for_signal(&self, signal: Signal) -> Cow<'_, Self> {
        if rows::SIGNALS.contains(&signal) || !self.format.is_rows() {
            return Cow::Borrowed(self);
        }
        let kept = match self.compression() {
            Compression::Zstd | Compression::Snappy | Compression::Lz4 if self.format == Format::Parquet => {
                None
            }
            compression => Some(compression),
        };
        Cow::Owned(Self {
            format: Format::OtlpJsonl,
            compression: kept,
            level: self.level.filter(|_| kept.is_some()),
            columns: BTreeMap::new(),
            ..self.clone()
        })
    }

    /// The settings with a compression and a level that were left out written out.
    pub(super) fn in_full(&self) -> Self {
        let compression = self.compression();
        let level = self.level.or(match compression {
            Compression::Gzip => Some(Codec::gzip_level(self.format)),
            Compression::Zstd => Some(Codec::ZSTD_LEVEL),
            Compression::None | Compression::Snappy | Compression::Lz4 => None,
        });
        Self { compression: Some(compression), level, ..self.clone() }
    }

    /// How objects are compressed.
    pub fn compression(&self) -> Compression {
        self.compression.unwrap_or(match self.format {
            Format::Parquet => Compression::Zstd,
            _ => Compression::Gzip,
        })
    }

    /// The template of the keys, of which a preset is one.
    pub(super) fn template(&self) -> &str {
        if self.key == COLLECTOR.0 { COLLECTOR.1 } else { &self.key }
    }

    /// The compression and its level.
    pub(super) fn codec(&self) -> Result<Codec, String> {
        let compression = self.compression();
        let level = |default: u8, least: u8, most: u8| match self.level {
            None => Ok(default),
            Some(level) if (least..=most).contains(&level) => Ok(level),
            Some(level) => Err(format!(
                "objects.level is {level}; {} takes {least} to {most}, and {default} if it is left out",
                compression.name()
            )),
        };
        let without_level = |codec| match self.level {
            None => Ok(codec),
            Some(level) => Err(format!(
                "objects.level is {level}, but objects.compression is {}, which has no levels; leave the level out or set \
                 the compression to gzip or zstd",
                compression.name()
            )),
        };
        match compression {
            Compression::Gzip => Ok(Codec::Gzip(level(Codec::gzip_level(self.format), 0, 9)?)),
            Compression::Zstd => Ok(Codec::Zstd(level(Codec::ZSTD_LEVEL, 1, 19)?)),
            Compression::None => without_level(Codec::None),
            Compression::Snappy | Compression::Lz4 if self.format != Format::Parquet => Err(format!(
                "objects.compression is {}, which is for parquet only; it must be gzip, zstd or none",
                compression.name()
            )),
            Compression::Snappy => without_level(Codec::Snappy),
            Compression::Lz4 => without_level(Codec::Lz4),
        }
    }

    /// The columns that users add.
    pub(super) fn promotions(&self) -> Result<Vec<Promotion>, String> {
        let promotion = |(name, source): (&String, &String)| {
            Promotion::parse(name, source).map_err(|fault| format!("objects.columns: {name}: {fault}"))
        };
        self.columns.iter().map(promotion).collect()
    }

    /// The columns of the rows of a signal.
    pub(super) fn layout(&self, signal: Signal) -> Result<Layout, String> {
        Ok(Layout::new(signal, &self.promotions()?))
    }

    /// The ending of every key.
    pub(super) fn ending(&self) -> String {
        match self.format {
            // Readers go by the ending, and unpack its pages themselves.
            Format::Parquet => self.format.ending().to_owned(),
            _ => format!("{}{}", self.format.ending(), self.compression().ending()),
        }
    }

    /// The media type of an object as it is stored: that of the packed file, unless `Content-Encoding` says how to
    /// unpack it.
    pub(super) fn content_type(&self) -> &'static str {
        match self.compression() {
            Compression::Gzip if self.is_packed_file() => "application/gzip",
            Compression::Zstd if self.is_packed_file() => "application/zstd",
            _ => self.format.content_type(),
        }
    }

    /// The value of `Content-Encoding`, if objects carry it.
    pub(super) fn content_encoding(&self) -> Option<&'static str> {
        let compression = self.compression();
        (self.content_encoding && compression != Compression::None).then(|| compression.name())
    }

    fn is_packed_file(&self) -> bool {
        !self.content_encoding && self.format != Format::Parquet
    }
}

impl Compression {
    /// Its name in the configuration and in HTTP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
        }
    }

    /// What it appends to a file's name. Readers go by it.
    const fn ending(self) -> &'static str {
        match self {
            Self::None | Self::Snappy | Self::Lz4 => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_known_in_full() {
        let options = Options::default();
        options.validate().unwrap();
        let in_full = serde_json::to_string(&options.in_full()).unwrap();
        assert_eq!(
            in_full,
            r#"{"format":"parquet","compression":"zstd","level":1,"prefix":"","#.to_owned()
                + r#""key":"{signal}/date=%Y-%m-%d/hour=%H/{signal}_{unique}","bucket":"","buckets":[],"#
                + r#""max_prefixes":100,"overflow_prefix":"overflow","timezone":"UTC","columns":{},"#
                + r#""schema_objects":true,"content_encoding":false,"signals":[]}"#
        );
    }

    #[test]
    fn a_bucket_that_clients_choose_is_warned_of_unless_there_is_a_list() {
        let warnings = |bucket: &str, buckets: &[&str]| {
            let buckets = buckets.iter().map(|name| (*name).to_owned()).collect();
            Options { bucket: bucket.into(), buckets, ..Options::default() }.warnings().len()
        };
        assert_eq!(warnings("{resource.bucket}", &[]), 1);
        assert_eq!(warnings("{resource.bucket}", &["lake"]), 0);
        assert_eq!(warnings("lake-{tenant}", &[]), 0);
    }

    #[test]
    fn the_most_prefixes_are_some_and_their_overflow_has_a_name() {
        let message = |max_prefixes, overflow: &str| {
            let overflow_prefix = overflow.to_owned();
            Options { max_prefixes, overflow_prefix, ..Options::default() }
                .validate()
                .err()
                .unwrap_or_default()
        };
        assert_eq!(message(1, "overflow"), "");
        assert_eq!(message(1000, "too/many.x_1"), "");
        assert_eq!(message(0, "overflow"), "objects.max_prefixes is 0; it must be 1 to 1000");
        assert_eq!(message(1001, "overflow"), "objects.max_prefixes is 1001; it must be 1 to 1000");
        for wrong in ["", "/", "a//b", "_x", "a/.b", "../x", "x!", "ä", &"x".repeat(65)] {
            let expected = format!("objects.overflow_prefix is `{wrong}`; it must be");
            assert!(message(1, wrong).starts_with(&expected), "{wrong}");
        }
    }

    #[test]
    fn a_level_that_the_compression_does_not_have_is_refused() {
        let message = |compression, level| {
            Options { compression: Some(compression), level: Some(level), ..Options::default() }
                .validate()
                .err()
                .unwrap_or_default()
        };
        assert_eq!(message(Compression::Gzip, 9), "");
        assert_eq!(message(Compression::Zstd, 19), "");
        assert_eq!(
            message(Compression::Gzip, 10),
            "objects.level is 10; gzip takes 0 to 9, and 5 if it is left out"
        );
        assert_eq!(
            message(Compression::Zstd, 0),
            "objects.level is 0; zstd takes 1 to 19, and 1 if it is left out"
        );
        assert!(message(Compression::None, 1).contains("but objects.compression is none"));
    }

    #[test]
    fn a_level_that_is_left_out_is_the_lowest_but_for_gzip_of_pages() {
        let level = |format, compression| {
            let options = Options { format, compression: Some(compression), ..Options::default() };
            assert_eq!(options.in_full().codec(), options.codec());
            options.in_full().level
        };
        for format in [Format::Jsonl, Format::Csv, Format::OtlpJson, Format::OtlpJsonl, Format::OtlpProto] {
            assert_eq!(level(format, Compression::Gzip), Some(1));
            assert_eq!(level(format, Compression::Zstd), Some(1));
            assert_eq!(level(format, Compression::None), None);
        }
        assert_eq!(level(Format::Parquet, Compression::Gzip), Some(5));
        assert_eq!(level(Format::Parquet, Compression::Zstd), Some(1));
    }

    #[test]
    fn profiles_are_lines_where_the_others_are_rows() {
        let of_profiles = |format, compression, level| {
            let columns = BTreeMap::from([("team".to_owned(), "resource.team".to_owned())]);
            let columns = if format == Format::OtlpProto { BTreeMap::new() } else { columns };
            let options = Options { format, compression, level, columns, ..Options::default() };
            options.validate().unwrap();
            for signal in rows::SIGNALS {
                assert_eq!(*options.for_signal(signal), options);
            }
            let options = options.for_signal(Signal::Profiles).into_owned();
            options.validate().unwrap();
            (options.format, options.ending(), options.in_full().level)
        };
        let (jsonl, none, gzip, zstd) =
            (Format::OtlpJsonl, Some(Compression::None), Some(Compression::Gzip), Some(Compression::Zstd));
        for (format, compression, level, expected) in [
            (Format::Parquet, None, None, (jsonl, ".jsonl.gz", Some(1))),
            (Format::Parquet, zstd, Some(19), (jsonl, ".jsonl.gz", Some(1))),
            (Format::Parquet, Some(Compression::Snappy), None, (jsonl, ".jsonl.gz", Some(1))),
            (Format::Parquet, Some(Compression::Lz4), None, (jsonl, ".jsonl.gz", Some(1))),
            (Format::Parquet, gzip, Some(9), (jsonl, ".jsonl.gz", Some(9))),
            (Format::Parquet, none, None, (jsonl, ".jsonl", None)),
            (Format::Csv, None, None, (jsonl, ".jsonl.gz", Some(1))),
            (Format::Jsonl, zstd, Some(5), (jsonl, ".jsonl.zst", Some(5))),
            (Format::Csv, none, None, (jsonl, ".jsonl", None)),
            (Format::OtlpProto, zstd, Some(5), (Format::OtlpProto, ".binpb.zst", Some(5))),
        ] {
            let (as_format, ending, as_level) = expected;
            let found = of_profiles(format, compression, level);
            assert_eq!(found, (as_format, ending.to_owned(), as_level), "{format:?} {compression:?}");
        }
    }

    #[test]
    fn the_headers_describe_the_bytes_as_they_are_stored() {
        let headers = |format, compression, content_encoding| {
            let options =
                Options { format, compression: Some(compression), content_encoding, ..Options::default() };
            (options.content_type(), options.content_encoding())
        };
        assert_eq!(headers(Format::OtlpJsonl, Compression::Gzip, false), ("application/gzip", None));
        assert_eq!(
            headers(Format::OtlpJsonl, Compression::Gzip, true),
            ("application/x-ndjson", Some("gzip"))
        );
        assert_eq!(headers(Format::OtlpJson, Compression::None, true), ("application/json", None));
        assert_eq!(
            headers(Format::OtlpProto, Compression::Zstd, true),
            ("application/x-protobuf", Some("zstd"))
        );
    }
}
