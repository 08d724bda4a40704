//! `file`: the Collector writes one file; forebay objects into the folder in which that would lie.

use super::super::conversion::{Conversion, Outcome, Setting, Value};
use super::super::file::CollectorFile;
use super::super::rules::{Component, Fate, Given, GivenOptions, Rule, read};
use super::{check_plain, encoding, own_settings};

const OBJECTS: &str = "forebay writes objects, each once, and removes none";
const SYNCED: &str = "everything is on disk before it is acknowledged";
const FOLDERS: &str = "folders are created where there are none";

/// The attribute by which files are grouped if none is named.
const GROUP_ATTRIBUTE: &str = "fileexporter.path_segment";

/// The options, as of `config.go` of the exporter.
pub(in crate::collector) const RULES: &[Rule] = &[
    Rule::new("path", Fate::Part("upload.to, objects.key")),
    Rule::new("format", Fate::Part("objects.format")),
    Rule::new("encoding", Fate::Part("objects.format")),
    Rule::new("compression", Fate::Part("objects.compression")),
    Rule::section("compression_params", Fate::NotHonoured("the level is that of objects.level"), &["level"]),
    Rule::section(
        "rotation",
        Fate::NoMeaning(OBJECTS),
        &["max_megabytes", "max_days", "max_backups", "localtime"],
    ),
    Rule::new("append", Fate::NoMeaning(OBJECTS)),
    Rule::new("flush_interval", Fate::NoMeaning(SYNCED)),
    Rule::new("create_directory", Fate::NoMeaning(FOLDERS)),
    Rule::new("directory_permissions", Fate::NotHonoured(FOLDERS)),
    Rule::new("group_by.enabled", Fate::Part("objects.key")),
    Rule::new("group_by.resource_attribute", Fate::Part("objects.key")),
    Rule::new("group_by.max_open_files", Fate::NoMeaning(OBJECTS)),
];

/// Makes an output of it.
pub(super) fn convert(
    component: &Component,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> Vec<Setting> {
    let given = read(component, &[RULES], conversion);
    let mut settings = own_settings(&given, conversion);
    settings.extend(place(component, &given, conversion));
    settings.push(format(component, &given, file, conversion));
    let packed = given.get("compression");
    let compression = super::compression(packed, conversion);
    let origin = packed.map_or(&component.origin, |given| &given.origin);
    settings.extend([
        Setting::text("objects.compression", compression, origin, &[packed]),
        Setting::text("objects.prefix", "", &component.origin, &[]),
    ]);
    settings
}

/// The folder, and the names in it. A path with variables in it cannot be taken apart as it is written.
fn place(component: &Component, given: &GivenOptions, conversion: &mut Conversion<'_>) -> Vec<Setting> {
    let path = given.get("path");
    check_plain(path, conversion, &['{', '}', '%']);
    let (Some(option), Some(Value { text, .. })) = (path, conversion.value(path)) else {
        conversion
            .refuse(&component.origin, format!("{}.path is not set; it must be a file", component.key()));
        return Vec::new();
    };
    let (enabled, attribute) = (given.get("group_by.enabled"), given.get("group_by.resource_attribute"));
    check_plain(attribute, conversion, &['{', '}', '%', '|']);
    let is_grouped = conversion.is_true(enabled) && text.contains('*');
    // The folders before the first that depends on the group.
    let fixed = text.split('*').next().filter(|_| is_grouped).unwrap_or(&text);
    let split = fixed.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, name) = text.split_at(split);
    let stem = match name.rsplit_once('/') {
        Some((folders, file)) => format!("{folders}/{}", without_ending(file)),
        None => without_ending(name).to_owned(),
    };
    let value = conversion.value(attribute).map_or(GROUP_ATTRIBUTE.to_owned(), |value| value.text);
    let stem = if is_grouped { stem.replace('*', &format!("{{resource.{value}}}")) } else { stem };
    let folder = match folder {
        "" => "./",
        "/" => "/",
        folder => folder.trim_end_matches('/'),
    };
    conversion.say(
        option.key.clone(),
        Outcome::Differs,
        "instead of one file that grows, each segment becomes objects in its folder",
    );
    let escaped = |text: &str| text.replace('$', "$$");
    let key = format!("{}_{{signal}}_{{unique}}", escaped(&stem));
    let grouping: [Option<&Given>; 3] = [path, enabled, attribute];
    vec![
        Setting::text("upload.to", format!("file://{}", escaped(folder)), &option.origin, &[path]),
        Setting::text("objects.key", key, &option.origin, &grouping),
    ]
}

fn without_ending(name: &str) -> &str {
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

fn format(
    component: &Component,
    given: &GivenOptions,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> Setting {
    let (option, by) = (given.get("format"), given.get("encoding"));
    let decisive = by.or(option);
    let name = match by {
        Some(_) => encoding(by, file, conversion).map(|format| format.trim_start_matches("otlp_").to_owned()),
        None => conversion.value(option).map(|value| value.text),
    };
    let format = match name.as_deref() {
        None | Some("json") => "otlp_jsonl",
        Some("proto") => {
            let why = "each object is one protobuf message, without the lengths that the Collector puts between several";
            conversion.say(
                decisive.map_or(component.key(), |given| given.key.clone()),
                Outcome::Differs,
                why,
            );
            "otlp_proto"
        }
        Some(other) => {
            if let Some(given) = option {
                let problem = format!("{} is `{other}`; it must be json or proto", given.key);
                conversion.refuse(&given.origin, problem);
            }
            "otlp_jsonl"
        }
    };
    let origin = decisive.map_or(&component.origin, |given| &given.origin);
    Setting::text("objects.format", format, origin, &[decisive])
}
