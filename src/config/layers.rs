//! File, environment and flags, laid over each other.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;

use super::Origin;
use super::document::{Document, Entries, Node};
use super::environment::{variable, warnings};
use super::follow::{follow, inherit_names};
use super::nearest::nearest;
use super::places::Place;
use super::schema::{ANY, Schema};
use super::value::Value;

/// Names that people bring along from other programs' files, and what they are called here. A file may use them.
pub(super) const ALIASES: [(&str, &str); 1] = [("upload.s3.force_path_style", "upload.s3.path_style")];

/// A setting given as a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The dotted key.
    pub key: &'static str,
    /// The flag's name, like `--to`.
    pub name: &'static str,
    /// What it is set to.
    pub value: String,
}

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration files, or what stands for one; each overrides those before it.
    pub places: Vec<Place>,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// What is set, and by whom. Keys that are missing have their default.
#[derive(Clone, Default)]
pub(super) struct Layers {
    pub(super) schema: Schema,
    settings: BTreeMap<String, (Value, Origin)>,
    /// What is wrong; everything is gathered, so that it can be put right in one go.
    pub(super) problems: Vec<String>,
    /// What is odd, but harmless.
    pub(super) warnings: Vec<String>,
}

/// Without the values, some of which are secrets.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").field("settings", &self.settings.keys()).finish_non_exhaustive()
    }
}

impl Layers {
    /// Lays what the files say, the environment and the flags over each other for a configuration of type `C`.
    pub(super) fn of<C: DeserializeOwned>(document: &Document, sources: &Sources) -> Self {
        let mut schema = Schema::of::<C>();
        schema.settings.retain(|key| canonical(key) == key);
        let mut layers = Self { schema, problems: document.problems.clone(), ..Self::default() };
        layers.take_section(&document.entries, "", &sources.environment);
        inherit_names(&mut layers.schema);
        layers.schema.settle();
        layers.warnings = warnings(&layers.schema, &sources.environment);
        for key in layers.schema.settings.clone() {
            let name = variable(&key);
            if let Some(value) = sources.environment.get(&name) {
                layers.set(key, Value::Text(value.clone()), Origin::Environment(name));
            }
        }
        for flag in &sources.flags {
            layers.set(flag.key.to_owned(), Value::Text(flag.value.clone()), Origin::Flag(flag.name));
        }
        follow(&mut layers);
        layers
    }

    /// Sets a key, whatever it was set to before.
    pub(super) fn set(&mut self, key: String, value: Value, origin: Origin) {
        self.settings.insert(key, (value, origin));
    }

    /// Everything that is set.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.settings.keys()
    }

    /// What `key` is set to, if somebody set it.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.settings.get(key).map(|(value, _)| value)
    }

    /// Where the value of `key` comes from.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.settings.get(key).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// The configuration. What does not fit is noted in `problems`; then there is none.
    pub(super) fn build<C: DeserializeOwned>(&mut self) -> Option<C> {
        let mut all = Value::Section(BTreeMap::new());
        let before = self.problems.len();
        for (key, (value, origin)) in &self.settings {
            // Each for itself first, so that one that does not fit does not hide the others.
            let mut alone = Value::Section(BTreeMap::new());
            alone.put(key, value.clone());
            match serde_path_to_error::deserialize::<_, C>(alone) {
                Err(error) if error.path().to_string().starts_with(key.as_str()) => {
                    self.problems.push(wrong(key, value, origin, &error.into_inner().to_string()));
                }
                // One that fits, or that needs another one beside it.
                _ => all.put(key, value.clone()),
            }
        }
        match serde_path_to_error::deserialize::<_, C>(all) {
            Ok(built) => Some(built),
            Err(error) => {
                if self.problems.len() == before {
                    self.problems.push(format!("{}: {}", error.path(), error.inner()));
                }
                None
            }
        }
    }

    /// A sentence of a stage about one of its settings, with the place at which that was set in front.
    pub(super) fn with_place(&self, sentence: &str) -> String {
        let key = sentence.split([' ', ':']).next().unwrap_or_default();
        match self.origin(key) {
            Origin::Default => sentence.to_owned(),
            origin => format!("{origin}: {sentence}"),
        }
    }

    fn take_section(&mut self, entries: &Entries, section: &str, environment: &BTreeMap<String, String>) {
        for entry in &entries.0 {
            let written =
                if section.is_empty() { entry.name.clone() } else { format!("{section}.{}", entry.name) };
            let key = canonical(&written).to_owned();
            let origin = entry.origin.clone();
            // A section of which the file chooses the name.
            if self.schema.may_name_sections(section) && entry.name != ANY {
                self.schema.name_section(&key);
            }
            match &entry.node {
                Node::Section(entries) if self.schema.is_section(&key) => {
                    self.take_section(entries, &key, environment);
                }
                // A section of which every key is commented out.
                Node::Nothing if self.schema.is_section(&key) => {}
                _ if self.schema.is_section(&key) => {
                    let names = self.schema.names_in(&key).collect::<Vec<_>>().join(", ");
                    self.problems.push(format!("{origin}: {key} is a section; in it there may be {names}"));
                }
                node if self.schema.is_setting(&key) => match node.value(environment) {
                    Ok(value) => self.set(key, value, origin),
                    Err(error) => self.problems.push(format!("{origin}: {key}: {error}")),
                },
                _ => {
                    let unknown = self.unknown(&key, section);
                    self.problems.push(format!("{origin}: {unknown}"));
                }
            }
        }
    }

    /// What is said about a key that there is not.
    fn unknown(&self, key: &str, section: &str) -> String {
        let known = self.schema.settings.iter().chain(&self.schema.sections).map(String::as_str);
        let known = known.filter(|key| !key.split('.').any(|part| part == ANY));
        if let Some(meant) = nearest(key, known, '.') {
            return format!("{key} is not a setting; did you mean {meant}?");
        }
        let names = self.schema.names_in(section).collect::<Vec<_>>().join(", ");
        let place = if section.is_empty() { "at the top".to_owned() } else { format!("in {section}") };
        format!("{key} is not a setting; {place} there may be {names}")
    }
}

/// The name of a setting that is also known by another one.
fn canonical(key: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, name)| name)
}

/// What is said about a value that does not fit.
fn wrong(key: &str, value: &Value, origin: &Origin, why: &str) -> String {
    // A list or a section where one value belongs needs no repeating, and might hold a secret.
    let Value::Text(written) = value else { return format!("{origin}: {key}: {why}") };
    // So might the entries of a map, such as headers.
    let is_map = why.contains(super::typed::MAP);
    if written.is_empty() || is_map || why.contains(&format!("`{written}`")) {
        return format!("{origin}: {key}: {why}");
    }
    format!("{origin}: {key} is `{written}`; {why}")
}
