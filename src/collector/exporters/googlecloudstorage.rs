//! `googlecloudstorage`: objects in Google Cloud Storage.
//!
//! ```text
//! the Collector:  [partition.prefix/][strftime(partition.format)/][file_prefix_]<uuid>[.gz|.zst]
//! forebay:        [partition.prefix/][strftime(partition.format)/][file_prefix_]<signal>_<unique>.json[.gz|.zst]
//! ```

use super::super::conversion::{Conversion, Outcome, Setting};
use super::super::file::CollectorFile;
use super::super::rules::{Component, Fate, GivenOptions, Rule, read};
use super::{bucket, check_plain, compression, encoding, own_settings};

/// The prefix of names if the file has none (`createDefaultConfig` of the exporter).
const FILE_PREFIX: &str = "logs";

const BUCKET: &str = "the bucket has to be there; forebay never creates one";

/// The options, as of `config.go` of the exporter.
pub(in crate::collector) const RULES: &[Rule] = &[
    Rule::new("bucket.name", Fate::Part("upload.to")),
    Rule::new("bucket.file_prefix", Fate::Part("objects.key")),
    Rule::new("bucket.partition.format", Fate::Part("objects.key")),
    Rule::new("bucket.partition.prefix", Fate::Part("objects.prefix")),
    Rule::new("bucket.compression", Fate::Part("objects.compression")),
    Rule::new("bucket.project_id", Fate::NoMeaning(BUCKET)),
    Rule::new("bucket.region", Fate::NoMeaning(BUCKET)),
    Rule::new("bucket.reuse_if_exists", Fate::NoMeaning(BUCKET)),
    Rule::new("encoding", Fate::Part("objects.format")),
];

/// Makes an output of it.
pub(super) fn convert(
    component: &Component,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> Vec<Setting> {
    let given = read(component, &[RULES], conversion);
    let mut settings = own_settings(&given, conversion);
    settings.push(bucket("gs", "bucket.name", component, &given, conversion));
    settings.push(prefix(component, &given, conversion));
    settings.push(key(component, &given, conversion));
    let zone = Setting::text("objects.timezone", "UTC", &component.origin, &[]);
    let by = given.get("encoding");
    let format = encoding(by, file, conversion).unwrap_or("otlp_json");
    let origin = by.map_or(&component.origin, |given| &given.origin);
    let format = Setting::text("objects.format", format, origin, &[by]);
    let packed = given.get("bucket.compression");
    let origin = packed.map_or(&component.origin, |given| &given.origin);
    let compression = compression(packed, conversion);
    settings.extend([zone, format, Setting::text("objects.compression", compression, origin, &[packed])]);
    settings
}

fn prefix(component: &Component, given: &GivenOptions, conversion: &mut Conversion<'_>) -> Setting {
    let prefix = given.get("bucket.partition.prefix");
    check_plain(prefix, conversion, &['{', '}', '%', '|']);
    let written = conversion.value(prefix).map(|value| value.written).unwrap_or_default();
    let origin = prefix.map_or(&component.origin, |given| &given.origin);
    Setting::text("objects.prefix", written.trim_matches('/'), origin, &[prefix])
}

fn key(component: &Component, given: &GivenOptions, conversion: &mut Conversion<'_>) -> Setting {
    let (format, name) = (given.get("bucket.partition.format"), given.get("bucket.file_prefix"));
    check_plain(format, conversion, &['{', '}']);
    check_plain(name, conversion, &['{', '}', '%']);
    let partition = conversion.value(format).map(|value| value.written).unwrap_or_default();
    let folder = match partition.trim_matches('/') {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let prefix = match (name, conversion.value(name)) {
        (None, _) => FILE_PREFIX.to_owned(),
        (Some(_), value) => value.map(|value| value.written).unwrap_or_default(),
    };
    let prefix = match prefix.as_str() {
        "" => prefix,
        folder if folder.ends_with('/') => prefix,
        _ => format!("{prefix}_"),
    };
    conversion.say(
        component.key(),
        Outcome::Differs,
        "names have the signal before their unique part, and the ending of the format",
    );
    let all = [format, name];
    let origin = all.iter().flatten().next().map_or(&component.origin, |given| &given.origin);
    Setting::text("objects.key", format!("{folder}{prefix}{{signal}}_{{unique}}"), origin, &all)
}
