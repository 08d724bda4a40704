//! A Collector's configuration, taken apart into components.

use std::collections::BTreeMap;

use super::conversion::{Conversion, Outcome};
use super::rules::Component;
use crate::config::{Document, Entries, Entry, Node, expand, from_collector, nearest, parse};

/// The sections of a Collector's configuration.
const SECTIONS: [&str; 6] = ["receivers", "processors", "exporters", "connectors", "extensions", "service"];

/// Those by which it is known.
const KNOWN_BY: [&str; 3] = ["receivers", "exporters", "service"];

/// The sections of forebay's own configuration, which may stand beside them and win over them.
pub(super) const OWN: [&str; 8] =
    ["data_dir", "receive", "log", "objects", "upload", "outputs", "admin", "reload"];

/// A Collector's configuration.
#[derive(Debug, Default)]
pub(super) struct CollectorFile {
    pub(super) receivers: Vec<Component>,
    pub(super) processors: Vec<Component>,
    pub(super) exporters: Vec<Component>,
    pub(super) connectors: Vec<Component>,
    pub(super) extensions: Vec<Component>,
    pub(super) service: Option<Component>,
    /// What stands in the file of forebay's own settings.
    pub(super) own: Entries,
}

/// Whether a document is a Collector's configuration.
pub(super) fn is_collectors(document: &Document) -> bool {
    document.entries.0.iter().any(|entry| KNOWN_BY.contains(&entry.name.as_str()))
}

impl CollectorFile {
    /// Takes a document apart.
    pub(super) fn read(document: &Document, conversion: &mut Conversion<'_>) -> Self {
        let mut file = Self::default();
        for entry in &document.entries.0 {
            if OWN.contains(&entry.name.as_str()) {
                file.own.0.push(entry.clone());
                continue;
            }
            let Some(section) = SECTIONS.into_iter().find(|section| *section == entry.name) else {
                let known = SECTIONS.into_iter().chain(OWN);
                let hint = match nearest(&entry.name, known, '.') {
                    Some(meant) => format!("; did you mean {meant}?"),
                    None => format!("; at the top there may be {}", SECTIONS.join(", ")),
                };
                conversion
                    .refuse(&entry.origin, format!("{} is no section of a Collector{hint}", entry.name));
                continue;
            };
            let mut entry = entry.clone();
            adapt(&mut entry, section, conversion);
            let components = components(section, &entry, conversion);
            match section {
                "receivers" => file.receivers = components,
                "processors" => file.processors = components,
                "exporters" => file.exporters = components,
                "connectors" => file.connectors = components,
                "extensions" => file.extensions = components,
                _ => file.service = service(entry, conversion),
            }
        }
        file
    }
}

fn service(entry: Entry, conversion: &mut Conversion<'_>) -> Option<Component> {
    let Node::Section(entries) = entry.node else {
        conversion.refuse(&entry.origin, "service must be a section with pipelines");
        return None;
    };
    Some(Component { section: "", id: "service".to_owned(), origin: entry.origin, entries })
}

fn components(section: &'static str, entry: &Entry, conversion: &mut Conversion<'_>) -> Vec<Component> {
    let entries = match &entry.node {
        Node::Section(entries) => entries.clone(),
        Node::Nothing => Entries::default(),
        _ => {
            conversion.refuse(&entry.origin, format!("{section} must be a section"));
            Entries::default()
        }
    };
    if section == "service" {
        return Vec::new();
    }
    let mut components = Vec::new();
    for Entry { name, origin, node } in entries.0 {
        let entries = match node {
            Node::Section(entries) => entries,
            Node::Nothing => Entries::default(),
            _ => {
                conversion.refuse(&origin, format!("{section}.{name} must be a section"));
                continue;
            }
        };
        components.push(Component { section, id: name, origin, entries });
    }
    components
}

/// Writes the variables of a value as forebay does, and puts sections and lists that they stand for in their place.
fn adapt(entry: &mut Entry, key: &str, conversion: &mut Conversion<'_>) {
    let environment = conversion.environment();
    if let Node::Text(text) = &entry.node {
        match from_collector(text, environment) {
            Ok((written, unset)) => {
                for name in unset {
                    let why = format!(
                        "the environment variable {name} is not set: it is empty, as in the Collector"
                    );
                    conversion.say(key, Outcome::Differs, &why);
                }
                entry.node = structure(&written, entry, environment).unwrap_or(Node::Text(written));
            }
            Err(error) => conversion.refuse(&entry.origin, format!("{key}: {error}")),
        }
    }
    let origin = entry.origin.clone();
    match &mut entry.node {
        Node::Section(Entries(entries)) => {
            for inner in entries {
                let key = format!("{key}.{}", inner.name);
                adapt(inner, &key, conversion);
            }
        }
        Node::List(nodes) => {
            for node in nodes {
                let mut inner = Entry {
                    name: String::new(),
                    origin: origin.clone(),
                    node: std::mem::replace(node, Node::Nothing),
                };
                adapt(&mut inner, key, conversion);
                *node = inner.node;
            }
        }
        Node::Text(_) | Node::Nothing => {}
    }
}

/// The section or list that a value stands for, if it is nothing but one reference.
fn structure(written: &str, entry: &Entry, environment: &BTreeMap<String, String>) -> Option<Node> {
    let inside = written.strip_prefix("${")?.strip_suffix('}')?;
    if inside.contains('}') && !inside.contains("${") {
        return None;
    }
    let text = expand(written, environment).ok()?;
    // Only what is certainly no scalar: `user:hash` is one, and so is everything on one line without these signs.
    let is_flow = text.starts_with(['[', '{']);
    if !is_flow && !text.contains('\n') && !text.contains(": ") {
        return None;
    }
    let place = entry.origin.to_string();
    let wrapped = if is_flow { format!("value: {text}") } else { text };
    let entries = parse(&wrapped, place.as_ref()).ok()?;
    let node = match (is_flow, entries) {
        (true, Entries(entries)) => entries.into_iter().next()?.node,
        (false, entries) if entries.0.is_empty() => return None,
        (false, entries) => Node::Section(entries),
    };
    Some(escaped(node))
}

/// A value that stood in a variable has no references of its own.
fn escaped(node: Node) -> Node {
    match node {
        Node::Text(text) => Node::Text(text.replace("${", "$${")),
        Node::List(nodes) => Node::List(nodes.into_iter().map(escaped).collect()),
        Node::Section(Entries(entries)) => Node::Section(Entries(
            entries.into_iter().map(|entry| Entry { node: escaped(entry.node), ..entry }).collect(),
        )),
        Node::Nothing => Node::Nothing,
    }
}
