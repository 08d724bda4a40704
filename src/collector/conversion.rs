//! What comes of a Collector's configuration while it is converted.

use std::collections::BTreeMap;

use super::rules::Given;
use super::table::{Row, Table};
use crate::config::{Entries, Node, Origin, expand};

/// What becomes of something in a Collector's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A setting of forebay has it.
    Set,
    /// It has no meaning here.
    NoMeaning,
    /// It is not done, and what is stored is the same all the same.
    NotHonoured,
    /// It would change what is stored, and is passed over because somebody said so.
    Ignored,
    /// Something is different here.
    Differs,
}

/// A setting, and what in the file it comes from.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The dotted key of forebay.
    pub(super) key: String,
    pub(super) node: Node,
    pub(super) origin: Origin,
    /// The keys of the file that take part in it; none for what the Collector has as a default.
    pub(super) from: Vec<String>,
}

impl Setting {
    /// A setting with the value of one option.
    pub(super) fn of(given: &Given, key: &str, node: Node) -> Self {
        Self { key: key.to_owned(), node, origin: given.origin.clone(), from: vec![given.key.clone()] }
    }

    /// A setting with a text that has to be made.
    pub(super) fn text(key: &str, text: impl Into<String>, origin: &Origin, from: &[Option<&Given>]) -> Self {
        let from = from.iter().flatten().map(|given| given.key.clone()).collect();
        Self { key: key.to_owned(), node: Node::Text(text.into()), origin: origin.clone(), from }
    }
}

/// A conversion under way.
#[derive(Debug)]
pub(super) struct Conversion<'a> {
    environment: &'a BTreeMap<String, String>,
    /// Whether what cannot be done is passed over.
    ignores: bool,
    /// The settings.
    pub(super) settings: Entries,
    /// What each setting comes from, for those who read the converted file.
    pub(super) sources: BTreeMap<String, String>,
    pub(super) table: Table,
    pub(super) problems: Vec<String>,
}

impl<'a> Conversion<'a> {
    pub(super) fn new(environment: &'a BTreeMap<String, String>, ignores: bool) -> Self {
        Self {
            environment,
            ignores,
            settings: Entries::default(),
            sources: BTreeMap::new(),
            table: Table::default(),
            problems: Vec::new(),
        }
    }

    /// The variables of the environment.
    pub(super) fn environment(&self) -> &'a BTreeMap<String, String> {
        self.environment
    }

    /// Sets a setting, and says so.
    pub(super) fn set(&mut self, setting: &Setting) {
        let path: Vec<String> = setting.key.split('.').map(str::to_owned).collect();
        self.settings.put(&path, setting.node.clone(), &setting.origin);
        let here = format!("{} = {}", setting.key, shown(&setting.key, &setting.node));
        for from in &setting.from {
            self.say(from.clone(), Outcome::Set, &here);
        }
        if !setting.from.is_empty() {
            self.sources.insert(setting.key.clone(), setting.from.join(", "));
        }
    }

    /// Adds a row to the table.
    pub(super) fn say(&mut self, key: impl Into<String>, outcome: Outcome, here: &str) {
        self.table.add(Row { key: key.into(), outcome, here: here.to_owned() });
    }

    /// Notes a mistake.
    pub(super) fn refuse(&mut self, origin: &Origin, problem: impl Into<String>) {
        self.problems.push(format!("{origin}: {}", problem.into()));
    }

    /// Notes what forebay cannot do and what would change what is stored.
    pub(super) fn unsupported(&mut self, origin: &Origin, key: &str, why: &str) {
        if self.ignores {
            self.say(key, Outcome::Ignored, why);
        } else {
            self.refuse(
                origin,
                format!("{key} is not supported: {why}; take it out, or run with --ignore-unsupported"),
            );
        }
    }

    /// The value of an option as text, with its variables replaced.
    pub(super) fn text(&mut self, given: &Given) -> Option<String> {
        let Node::Text(text) = &given.node else {
            self.refuse(&given.origin, format!("{} must be one value", given.key));
            return None;
        };
        match expand(text, self.environment) {
            Ok(text) => Some(text),
            Err(error) => {
                self.refuse(&given.origin, format!("{}: {error}", given.key));
                None
            }
        }
    }

    /// The value of an option as it is written and with its variables replaced; nothing if it is empty.
    pub(super) fn value(&mut self, given: Option<&Given>) -> Option<Value> {
        let text = self.text(given?)?;
        let Node::Text(written) = &given?.node else { return None };
        (!text.is_empty()).then(|| Value { written: written.clone(), text })
    }

    /// Whether an option is `true`; one that is left out is not.
    pub(super) fn is_true(&mut self, given: Option<&Given>) -> bool {
        let Some((given, text)) = given.and_then(|given| Some((given, self.text(given)?))) else {
            return false;
        };
        if text != "true" && text != "false" {
            self.refuse(&given.origin, format!("{} is `{text}`; it must be `true` or `false`", given.key));
        }
        text == "true"
    }
}

/// A text as it is written, with variables in it, and with these replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) written: String,
    pub(super) text: String,
}

/// The last parts of keys whose values nobody is shown.
const SECRET: [&str; 6] = ["token", "tokens", "users", "headers", "external_id", "secret_access_key"];

/// A value as the table shows it.
fn shown(key: &str, node: &Node) -> String {
    let is_secret = SECRET.contains(&key.rsplit('.').next().unwrap_or_default());
    match node {
        Node::Nothing => "nothing".to_owned(),
        Node::Text(text) if text.is_empty() => "\"\"".to_owned(),
        Node::Text(_) if is_secret => "***".to_owned(),
        Node::Text(text) => text.clone(),
        Node::List(nodes) => nodes.iter().map(|node| shown(key, node)).collect::<Vec<_>>().join(", "),
        Node::Section(Entries(entries)) => {
            entries.iter().map(|entry| format!("{}: ***", entry.name)).collect::<Vec<_>>().join(", ")
        }
    }
}
