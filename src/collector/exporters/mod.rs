//! The exporters: each that stores telemetry becomes an output.

pub(super) mod awss3;
pub(super) mod file;
pub(super) mod googlecloudstorage;

use std::collections::{BTreeMap, BTreeSet};

use super::conversion::{Conversion, Outcome, Setting};
use super::file::CollectorFile;
use super::pipelines::Routes;
use super::rules::{Component, Fate, Given, GivenOptions, Rule};
use crate::config::{self, Node, Sources};
use crate::otlp::Signal;

/// Exporters that store nothing.
const WITHOUT_MEANING: [&str; 3] = ["debug", "nop", "logging"];

const DISPLAYS: &str = "shows telemetry and stores none; forebay inspect records shows what came in";

/// The queue of an exporter (`exporterhelper`), which the log stands for.
pub(super) const QUEUE: Rule = Rule::section(
    "sending_queue",
    Fate::NoMeaning(
        "the log is the queue: everything is on disk before it is acknowledged (log.disk_budget)",
    ),
    &[
        "enabled",
        "num_consumers",
        "queue_size",
        "storage",
        "sizer",
        "wait_for_result",
        "block_on_overflow",
        "batch.flush_timeout",
        "batch.min_size",
        "batch.max_size",
        "batch.sizer",
        "batch.partition.metadata_keys",
        "blocking",
    ],
);

/// What repeats failed attempts (`configretry`), which is always done.
pub(super) const RETRY: Rule = Rule::section(
    "retry_on_failure",
    Fate::NoMeaning("what failed is repeated until it succeeds (upload.retry)"),
    &[
        "enabled",
        "initial_interval",
        "max_interval",
        "max_elapsed_time",
        "multiplier",
        "randomization_factor",
    ],
);

/// An output as an exporter wants it.
struct Output<'a> {
    component: &'a Component,
    settings: Vec<Setting>,
    signals: BTreeSet<Signal>,
}

/// Makes outputs of all exporters that are in use: the main one of that which takes most signals.
pub(super) fn convert(file: &CollectorFile, routes: &Routes, conversion: &mut Conversion<'_>) {
    let mut outputs = Vec::new();
    for component in &file.exporters {
        let Some(signals) = routes.exporters.get(&component.id) else {
            conversion.say(component.key(), Outcome::NoMeaning, "it is in no pipeline");
            continue;
        };
        if let Some(settings) = convert_one(component, file, conversion) {
            outputs.push(Output { component, settings, signals: signals.clone() });
        }
    }
    let most = outputs.iter().map(|output| output.signals.len()).max();
    let Some(main) = outputs.iter().position(|output| Some(output.signals.len()) == most) else {
        let problem = "no exporter is in use whose place forebay can take: awss3, googlecloudstorage or file";
        return conversion.problems.push(problem.to_owned());
    };
    let main = outputs.remove(main);
    main.settings.iter().for_each(|setting| conversion.set(setting));
    share_signals(&main, &outputs, conversion);
    let mut names = BTreeSet::new();
    let defaults = defaults();
    for output in outputs {
        let name = output_name(&output.component.id, &mut names);
        let own: BTreeSet<String> = output.settings.iter().map(|setting| setting.key.clone()).collect();
        // An output follows the main one in what it does not name, an exporter no other one.
        let others = main.settings.iter().filter(|setting| !own.contains(&setting.key));
        let reset = others.map(|setting| {
            let default = defaults.get(&setting.key).cloned().unwrap_or_default();
            Setting::text(&setting.key, default, &output.component.origin, &[])
        });
        let settings: Vec<Setting> = reset.chain(output.settings.iter().cloned()).collect();
        conversion.say(output.component.key(), Outcome::Set, &format!("the output {name}"));
        for setting in settings {
            conversion.set(&Setting { key: format!("outputs.{name}.{}", setting.key), ..setting });
        }
        set_signals(&format!("outputs.{name}."), &output.signals, &output, conversion);
    }
}

fn convert_one(
    component: &Component,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> Option<Vec<Setting>> {
    match component.kind() {
        "awss3" => Some(awss3::convert(component, file, conversion)),
        "googlecloudstorage" => Some(googlecloudstorage::convert(component, file, conversion)),
        "file" => Some(file::convert(component, file, conversion)),
        kind if WITHOUT_MEANING.contains(&kind) => {
            conversion.say(component.key(), Outcome::NoMeaning, DISPLAYS);
            None
        }
        _ => {
            let why =
                "forebay sends to stores only (awss3, googlecloudstorage, file), and this exporter elsewhere";
            conversion.unsupported(&component.origin, &component.key(), why);
            None
        }
    }
}

/// Where an exporter sends to: the bucket that its `option` names, in a store of this scheme.
fn bucket(
    scheme: &str,
    option: &str,
    component: &Component,
    given: &GivenOptions,
    conversion: &mut Conversion<'_>,
) -> Setting {
    let bucket = given.get(option);
    let value = conversion.value(bucket);
    if value.is_none() {
        let problem = format!("{}.{option} is not set; it must be a bucket", component.key());
        conversion.refuse(&component.origin, problem);
    }
    let to = format!("{scheme}://{}", value.map(|value| value.written).unwrap_or_default());
    Setting::text("upload.to", to, bucket.map_or(&component.origin, |given| &given.origin), &[bucket])
}

/// Sees to it that every signal is taken by an output: what nobody else wants goes to the main one.
fn share_signals(main: &Output<'_>, others: &[Output<'_>], conversion: &mut Conversion<'_>) {
    let taken: BTreeSet<Signal> =
        others.iter().chain([main]).flat_map(|output| output.signals.iter().copied()).collect();
    let kept: Vec<Signal> = Signal::ALL.into_iter().filter(|signal| !taken.contains(signal)).collect();
    // That profiles are kept is not worth a row: hardly any Collector has a pipeline of them.
    let told: Vec<_> = kept.iter().filter(|signal| **signal != Signal::Profiles).collect();
    if !told.is_empty() {
        let names = told.iter().map(|signal| signal.name()).collect::<Vec<_>>().join(", ");
        let key = "service.pipelines";
        conversion.say(
            key,
            Outcome::Differs,
            &format!("no pipeline stores {names}: kept too, in {}", main.component.key()),
        );
    }
    let signals = main.signals.iter().copied().chain(kept).collect();
    set_signals("", &signals, main, conversion);
}

fn set_signals(place: &str, signals: &BTreeSet<Signal>, of: &Output<'_>, conversion: &mut Conversion<'_>) {
    if signals.len() == Signal::ALL.len() {
        return;
    }
    let node = Node::List(signals.iter().map(|signal| Node::Text(signal.name().to_owned())).collect());
    let origin = of.component.origin.clone();
    let from = vec![format!("service.pipelines ({})", of.component.id)];
    conversion.set(&Setting { key: format!("{place}objects.signals"), node, origin, from });
}

/// The settings' defaults as one would write them.
fn defaults() -> BTreeMap<String, String> {
    let loaded = config::load(&Sources::default());
    let settings = loaded.map(|loaded| loaded.settings).unwrap_or_default();
    settings.into_iter().map(|setting| (setting.key, setting.value)).collect()
}

/// The name of an output for an exporter: the part behind the `/`, or all of it; as far as a name may have it.
fn output_name(id: &str, taken: &mut BTreeSet<String>) -> String {
    let short = id.split_once('/').map_or(id, |(_, name)| name);
    let name = super::names::slug(if short == "main" { id } else { short });
    super::names::unique(&name, taken)
}

/// The settings that options set on their own.
fn own_settings(given: &GivenOptions, conversion: &mut Conversion<'_>) -> Vec<Setting> {
    let one = |given: &Given| {
        let (key, node) = given.setting(conversion)?;
        Some(Setting::of(given, key, node))
    };
    given.0.iter().filter_map(one).collect()
}

/// The format that an encoding extension stands for; that of the default if there is none.
fn encoding(
    given: Option<&Given>,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> Option<&'static str> {
    let given = given?;
    let id = conversion.text(given)?;
    let Some(extension) = file.extensions.iter().find(|extension| extension.id == id) else {
        conversion.refuse(&given.origin, format!("{} is `{id}`, and there is no such extension", given.key));
        return None;
    };
    let options = super::rules::read(extension, &[ENCODING], conversion);
    if extension.kind() == "otlp_encoding" {
        match conversion.value(options.get("protocol")).map(|value| value.text).as_deref() {
            None | Some("otlp_json") => return Some("otlp_json"),
            Some("otlp_proto") => return Some("otlp_proto"),
            Some(_) => {}
        }
    }
    let why = "of the encodings there are only those of otlp_encoding, otlp_json and otlp_proto";
    conversion.unsupported(&given.origin, &given.key, why);
    None
}

/// The options of `otlp_encoding`.
pub(super) const ENCODING: &[Rule] = &[Rule::new("protocol", Fate::Part("objects.format"))];

/// The compression of objects.
fn compression(given: Option<&Given>, conversion: &mut Conversion<'_>) -> String {
    let Some(value) = conversion.value(given) else { return "none".to_owned() };
    if let (Some(given), false) = (given, ["gzip", "zstd", "none"].contains(&value.text.as_str())) {
        let problem = format!("{} is `{}`; it must be gzip, zstd or none", given.key, value.text);
        conversion.refuse(&given.origin, problem);
    }
    value.text
}

/// Refuses what stands for itself in the Collector's keys and for something else in forebay's.
fn check_plain(given: Option<&Given>, conversion: &mut Conversion<'_>, special: &[char]) {
    let Some(value) = conversion.value(given) else { return };
    if let (Some(given), Some(letter)) = (given, value.text.chars().find(|letter| special.contains(letter))) {
        let problem = format!("{} is `{}`; `{letter}` cannot stand in it", given.key, value.text);
        conversion.refuse(&given.origin, problem);
    }
}
