//! The settings of packing: the section `objects` of the configuration.
//!
//! They are pinned in the header of every segment when it is created ([`super::Outputs`]), so that a segment packs to the
//! same objects after a restart with other settings. A key that was not there when a segment was created means its
//! default; so a default never changes its meaning.

use serde::{Deserialize, Serialize};

use super::codec::Codec;
use super::key::KeyTemplate;

/// The settings of the objects that go into the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// What an object holds: `otlp_jsonl` (a line of OTLP JSON for each export), `otlp_json` (one OTLP JSON document) or
    /// `otlp_proto` (one protobuf message).
    pub format: Format,
    /// How an object is compressed: `gzip`, which every reader unpacks, `zstd` or `none`.
    pub compression: Compression,
    /// How hard it is compressed: 0 to 9 for gzip (6 if left out), 1 to 19 for zstd (3 if left out; above 15 each of the
    /// up to three open objects takes 50 to 100 MiB of memory).
    pub level: Option<u8>,
    /// Folders put before every key, such as `telemetry/claude-code`.
    pub prefix: String,
    /// The template of the keys. `{signal}` is `logs`, `metrics` or `traces`; `{unique}` tells objects apart and stands
    /// in the file name; `{writer}` names this data folder; `%Y`, `%m`, `%d`, `%H`, `%M` and the other conversions of
    /// strftime give the time at which the data was received. The ending (`.jsonl.gz`) is appended. An object never
    /// spans two keys that differ in more than `{unique}`. `year=%Y/month=%m/day=%d/hour=%H/minute=%M/{signal}_{unique}`
    /// is the layout of the OpenTelemetry Collector.
    pub key: String,
    /// The time zone of the key, by its name in the IANA time zone database: `UTC`, `Europe/Berlin`.
    pub timezone: String,
    /// Whether objects carry the header `Content-Encoding`, with which HTTP clients unpack them on the way although
    /// their name still says that they are packed. Off unless a reader asks for it.
    pub content_encoding: bool,
}

/// What an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `.json`: exactly one OTLP JSON document.
    OtlpJson,
    /// `.jsonl`: the OTLP file format, one document a line.
    OtlpJsonl,
    /// `.binpb`: one protobuf message.
    OtlpProto,
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::OtlpJsonl,
            compression: Compression::Gzip,
            level: None,
            prefix: String::new(),
            key: "{signal}/date=%Y-%m-%d/hour=%H/{signal}_{unique}".into(),
            timezone: "UTC".into(),
            content_encoding: false,
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
        KeyTemplate::parse(self)?;
        Ok(())
    }

    /// The folders of the objects that were received at one time, for each signal: objects of other options in the same
    /// folders could not be told apart.
    ///
    /// # Errors
    /// As [`Options::validate`].
    pub fn places(&self) -> Result<Vec<String>, String> {
        KeyTemplate::parse(self).map(|template| template.places())
    }

    /// The settings with a level that was left out written out.
    pub(super) fn in_full(&self) -> Self {
        let level = self.level.or(match self.compression {
            Compression::None => None,
            Compression::Gzip => Some(Codec::GZIP_LEVEL),
            Compression::Zstd => Some(Codec::ZSTD_LEVEL),
        });
        Self { level, ..self.clone() }
    }

    /// The compression and its level.
    pub(super) fn codec(&self) -> Result<Codec, String> {
        let level = |default: u8, least: u8, most: u8| match self.level {
            None => Ok(default),
            Some(level) if (least..=most).contains(&level) => Ok(level),
            Some(level) => Err(format!(
                "objects.level is {level}; {} takes {least} to {most}, and {default} if it is left out",
                self.compression.name()
            )),
        };
        match self.compression {
            Compression::Gzip => Ok(Codec::Gzip(level(Codec::GZIP_LEVEL, 0, 9)?)),
            Compression::Zstd => Ok(Codec::Zstd(level(Codec::ZSTD_LEVEL, 1, 19)?)),
            Compression::None => match self.level {
                None => Ok(Codec::None),
                Some(level) => Err(format!(
                    "objects.level is {level}, but objects.compression is none; leave the level out or set the \
                     compression to gzip or zstd"
                )),
            },
        }
    }

    /// The ending of every key.
    pub(super) fn ending(&self) -> String {
        format!("{}{}", self.format.ending(), self.compression.ending())
    }

    /// The media type of an object as it is stored: that of the packed file, unless `Content-Encoding` says how to
    /// unpack it.
    pub(super) fn content_type(&self) -> &'static str {
        match self.compression {
            Compression::Gzip if !self.content_encoding => "application/gzip",
            Compression::Zstd if !self.content_encoding => "application/zstd",
            _ => self.format.content_type(),
        }
    }

    /// The value of `Content-Encoding`, if objects carry it.
    pub(super) fn content_encoding(&self) -> Option<&'static str> {
        (self.content_encoding && self.compression != Compression::None).then(|| self.compression.name())
    }
}

impl Compression {
    /// Its name in the configuration and in HTTP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// What it appends to a file's name. Readers go by it.
    const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
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
            r#"{"format":"otlp_jsonl","compression":"gzip","level":6,"prefix":"","#.to_owned()
                + r#""key":"{signal}/date=%Y-%m-%d/hour=%H/{signal}_{unique}","timezone":"UTC","content_encoding":false}"#
        );
    }

    #[test]
    fn a_level_that_the_compression_does_not_have_is_refused() {
        let message = |compression, level| {
            Options { compression, level: Some(level), ..Options::default() }
                .validate()
                .err()
                .unwrap_or_default()
        };
        assert_eq!(message(Compression::Gzip, 9), "");
        assert_eq!(message(Compression::Zstd, 19), "");
        assert_eq!(
            message(Compression::Gzip, 10),
            "objects.level is 10; gzip takes 0 to 9, and 6 if it is left out"
        );
        assert_eq!(
            message(Compression::Zstd, 0),
            "objects.level is 0; zstd takes 1 to 19, and 3 if it is left out"
        );
        assert!(message(Compression::None, 1).contains("but objects.compression is none"));
    }

    #[test]
    fn the_headers_describe_the_bytes_as_they_are_stored() {
        let headers = |format, compression, content_encoding| {
            let options = Options { format, compression, content_encoding, ..Options::default() };
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
