//! The pipelines: which exporter gets which signal.

use std::collections::{BTreeMap, BTreeSet};

use super::conversion::{Conversion, Outcome};
use super::file::CollectorFile;
use super::rules::Component;
use crate::config::{Entries, Entry, Node, Origin, expand, nearest};
use crate::otlp::Signal;

/// What the pipelines connect.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// The exporters in use, each with its signals.
    pub(super) exporters: BTreeMap<String, BTreeSet<Signal>>,
    /// The receivers in use.
    pub(super) receivers: BTreeSet<String>,
    /// The processors in use.
    pub(super) processors: BTreeSet<String>,
}

/// A pipeline, as it stands in the file.
#[derive(Debug)]
struct Pipeline {
    /// Such as `logs/archive`.
    id: String,
    origin: Origin,
    signal: Option<Signal>,
    receivers: BTreeSet<String>,
    processors: BTreeSet<String>,
    exporters: BTreeSet<String>,
}

/// A pipeline, with the receivers before it and the exporters behind it, also through connectors.
struct Reach<'a> {
    pipeline: &'a Pipeline,
    receivers: BTreeSet<String>,
    exporters: BTreeSet<String>,
}

/// A signal that a Collector has.
const PROFILES: &str = "profiles";

impl Routes {
    /// Follows the pipelines of `service` from receivers to exporters.
    pub(super) fn read(file: &CollectorFile, service: &Component, conversion: &mut Conversion<'_>) -> Self {
        let pipelines = pipelines(service, conversion);
        if pipelines.is_empty() {
            conversion.refuse(&service.origin, "service.pipelines must have at least one pipeline");
        }
        check_references(file, &pipelines, conversion);
        check_connectors(file, &pipelines, conversion);
        let mut routes = Self::default();
        let mut by_signal: BTreeMap<Signal, Vec<Reach<'_>>> = BTreeMap::new();
        for pipeline in &pipelines {
            routes.receivers.extend(pipeline.receivers.iter().cloned());
            routes.processors.extend(pipeline.processors.iter().cloned());
            let Some(signal) = pipeline.signal else { continue };
            let exporters = behind(pipeline, &pipelines, file, &mut BTreeSet::new());
            for exporter in &exporters {
                routes.exporters.entry(exporter.clone()).or_default().insert(signal);
            }
            let receivers = before(pipeline, &pipelines, file, &mut BTreeSet::new());
            by_signal.entry(signal).or_default().push(Reach { pipeline, receivers, exporters });
        }
        for same in by_signal.values() {
            check_alike(same, file, conversion);
        }
        routes
    }
}

fn pipelines(service: &Component, conversion: &mut Conversion<'_>) -> Vec<Pipeline> {
    let mut pipelines = Vec::new();
    let Some(Entry { node: Node::Section(Entries(entries)), .. }) = service.entries.get("pipelines") else {
        return pipelines;
    };
    for entry in entries {
        let key = format!("service.pipelines.{}", entry.name);
        let kind = entry.name.split('/').next().unwrap_or_default();
        let signal = Signal::ALL.into_iter().find(|signal| signal.name() == kind);
        if signal.is_none() && kind != PROFILES {
            let names = Signal::ALL.map(Signal::name).join(", ");
            conversion.refuse(&entry.origin, format!("{key} is no pipeline; there are {names}"));
        } else if signal.is_none() {
            conversion.say(&key, Outcome::NotHonoured, "profiles are not taken");
        }
        let mut pipeline = Pipeline {
            id: entry.name.clone(),
            origin: entry.origin.clone(),
            signal,
            receivers: BTreeSet::new(),
            processors: BTreeSet::new(),
            exporters: BTreeSet::new(),
        };
        let parts: &[Entry] = match &entry.node {
            Node::Section(Entries(parts)) => parts,
            _ => &[],
        };
        for part in parts {
            let names = names(part, &key, conversion);
            match part.name.as_str() {
                "receivers" => pipeline.receivers = names,
                "processors" => pipeline.processors = names,
                "exporters" => pipeline.exporters = names,
                other => {
                    let known = ["receivers", "processors", "exporters"];
                    let hint = nearest(other, known, '.').map(|meant| format!("; did you mean {meant}?"));
                    let problem = format!("{key} has no {other}{}", hint.unwrap_or_default());
                    conversion.refuse(&part.origin, problem);
                }
            }
        }
        for (what, list) in [("receiver", &pipeline.receivers), ("exporter", &pipeline.exporters)] {
            if list.is_empty() {
                conversion.refuse(&entry.origin, format!("{key} must have at least one {what}"));
            }
        }
        pipelines.push(pipeline);
    }
    pipelines
}

/// The names in a list.
pub(super) fn names(entry: &Entry, key: &str, conversion: &mut Conversion<'_>) -> BTreeSet<String> {
    let nodes = match &entry.node {
        Node::List(nodes) => nodes.as_slice(),
        Node::Nothing => &[],
        node @ Node::Text(_) => std::slice::from_ref(node),
        Node::Section(_) => {
            conversion.refuse(&entry.origin, format!("{key}.{} must be a list", entry.name));
            &[]
        }
    };
    let mut names = BTreeSet::new();
    for node in nodes {
        if let Node::Text(text) = node
            && let Ok(text) = expand(text, conversion.environment())
        {
            names.insert(text);
        }
    }
    names
}

/// Refuses names of components that there are not.
fn check_references(file: &CollectorFile, pipelines: &[Pipeline], conversion: &mut Conversion<'_>) {
    let ids = |components: &[Component]| components.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
    let connectors = ids(&file.connectors);
    let receivers = [ids(&file.receivers), connectors.clone()].concat();
    let exporters = [ids(&file.exporters), connectors].concat();
    let processors = ids(&file.processors);
    for pipeline in pipelines {
        for (section, known, used) in [
            ("receivers", &receivers, &pipeline.receivers),
            ("processors", &processors, &pipeline.processors),
            ("exporters", &exporters, &pipeline.exporters),
        ] {
            for id in used.iter().filter(|id| !known.contains(id)) {
                let hint = nearest(id, known.iter().map(String::as_str), '\0');
                let hint = hint.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                let problem = format!(
                    "service.pipelines.{}.{section} has {id}, which is not in {section}{hint}",
                    pipeline.id
                );
                conversion.refuse(&pipeline.origin, problem);
            }
        }
    }
}

/// Says of connectors in use what becomes of them: `forward` hands on what it gets, all others make something else of it.
fn check_connectors(file: &CollectorFile, pipelines: &[Pipeline], conversion: &mut Conversion<'_>) {
    for connector in &file.connectors {
        let is_used = pipelines.iter().any(|pipeline| {
            pipeline.exporters.contains(&connector.id) || pipeline.receivers.contains(&connector.id)
        });
        if !is_used {
            conversion.say(connector.key(), Outcome::NoMeaning, "it is in no pipeline");
        } else if connector.kind() == "forward" {
            let why = "what it connects is followed from the receivers to the exporters";
            conversion.say(connector.key(), Outcome::NoMeaning, why);
        } else {
            let why = "it makes other telemetry, or decides what goes where; forebay stores what came in";
            conversion.unsupported(&connector.origin, &connector.key(), why);
        }
    }
}

/// The exporters that get what comes into a pipeline, also through connectors.
fn behind(
    pipeline: &Pipeline,
    all: &[Pipeline],
    file: &CollectorFile,
    seen: &mut BTreeSet<String>,
) -> BTreeSet<String> {
    let mut exporters = BTreeSet::new();
    if !seen.insert(pipeline.id.clone()) {
        return exporters;
    }
    for id in &pipeline.exporters {
        if file.connectors.iter().any(|connector| connector.id == *id) {
            let next =
                all.iter().filter(|next| next.receivers.contains(id) && next.signal == pipeline.signal);
            next.for_each(|next| exporters.extend(behind(next, all, file, seen)));
        } else {
            exporters.insert(id.clone());
        }
    }
    exporters
}

/// The receivers of which something comes into a pipeline, also through connectors.
fn before(
    pipeline: &Pipeline,
    all: &[Pipeline],
    file: &CollectorFile,
    seen: &mut BTreeSet<String>,
) -> BTreeSet<String> {
    let mut receivers = BTreeSet::new();
    if !seen.insert(pipeline.id.clone()) {
        return receivers;
    }
    for id in &pipeline.receivers {
        if file.connectors.iter().any(|connector| connector.id == *id) {
            let last =
                all.iter().filter(|last| last.exporters.contains(id) && last.signal == pipeline.signal);
            last.for_each(|last| receivers.extend(before(last, all, file, seen)));
        } else {
            receivers.insert(id.clone());
        }
    }
    receivers
}

/// Says that every output gets a signal from every receiver, where pipelines of one signal keep receivers apart.
fn check_alike(same: &[Reach<'_>], file: &CollectorFile, conversion: &mut Conversion<'_>) {
    let stores = |exporters: &BTreeSet<String>| -> BTreeSet<String> {
        let is_store = |id: &&String| {
            let kind = id.split('/').next().unwrap_or_default();
            ["awss3", "googlecloudstorage", "file"].contains(&kind)
                && file.exporters.iter().any(|e| e.id == **id)
        };
        exporters.iter().filter(is_store).cloned().collect()
    };
    // What each receiver's telemetry comes to: everything that the pipelines behind it store.
    let mut of_receiver: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
    for Reach { receivers, exporters, .. } in same {
        for receiver in receivers {
            of_receiver.entry(receiver).or_default().extend(stores(exporters));
        }
    }
    let mut different = of_receiver.values().collect::<BTreeSet<_>>().into_iter();
    if let (Some(_), Some(_), Some(Reach { pipeline, .. })) =
        (different.next(), different.next(), same.last())
    {
        let key = format!("service.pipelines.{}", pipeline.id);
        let why = "it keeps what comes from one receiver apart from the same signal of another; in forebay an output gets \
                   a signal from all receivers";
        conversion.unsupported(&pipeline.origin, &key, why);
    }
}
