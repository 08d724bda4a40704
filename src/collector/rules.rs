//! What becomes of the options of a component: a table for each, by which its section is read.
//!
//! The tables are all there is: an option that is in none of them is refused, and the reference (`config/collector.md`) is
//! made of them.

use super::conversion::{Conversion, Outcome};
use super::duration;
use crate::config::{Entries, Entry, Node, Origin, nearest};

/// An option of a component, or a section of them, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The option, dotted from the component on.
    pub(super) key: &'static str,
    pub(super) fate: Fate,
    /// If it is a section that is dealt with as a whole: what may stand in it; anything if it is empty.
    pub(super) inside: &'static [&'static str],
}

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// This setting of forebay has its value.
    Same(&'static str),
    /// This setting has its value, which is a span of time as Go writes it.
    Span(&'static str),
    /// As [`Fate::Span`], where no time means never.
    SpanOrOff(&'static str),
    /// It takes part in these settings, in words.
    Part(&'static str),
    /// It has no meaning, because of this.
    NoMeaning(&'static str),
    /// It cannot be honoured, and what is stored is the same all the same.
    NotHonoured(&'static str),
    /// It changes what is stored, in a way that forebay cannot.
    Unsupported(&'static str),
}

impl Rule {
    pub(super) const fn new(key: &'static str, fate: Fate) -> Self {
        Self { key, fate, inside: &[] }
    }

    /// A section that is dealt with as a whole.
    pub(super) const fn section(key: &'static str, fate: Fate, inside: &'static [&'static str]) -> Self {
        Self { key, fate, inside }
    }
}

/// A component: an entry of `receivers`, `processors`, `exporters`, `connectors` or `extensions`.
#[derive(Clone, Debug)]
pub(super) struct Component {
    /// The section it stands in.
    pub(super) section: &'static str,
    /// Its name, such as `awss3/archive`.
    pub(super) id: String,
    pub(super) origin: Origin,
    pub(super) entries: Entries,
}

impl Component {
    /// What it is, such as `awss3`.
    pub(super) fn kind(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// Its key in the file.
    pub(super) fn key(&self) -> String {
        // The service stands in none.
        if self.section.is_empty() { self.id.clone() } else { format!("{}.{}", self.section, self.id) }
    }
}

/// An option that the file has, and that sets something.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) rule: Rule,
    /// Its whole key in the file.
    pub(super) key: String,
    pub(super) node: Node,
    pub(super) origin: Origin,
}

/// The options that a component has, and that set something.
#[derive(Debug, Default)]
pub(super) struct GivenOptions(pub(super) Vec<Given>);

impl GivenOptions {
    /// The option of this key, dotted from the component on.
    pub(super) fn get(&self, key: &str) -> Option<&Given> {
        self.0.iter().find(|given| given.rule.key == key)
    }
}

impl Given {
    /// The setting that has its value, if one has it alone. A value that does not fit is noted.
    pub(super) fn setting(&self, conversion: &mut Conversion<'_>) -> Option<(&'static str, Node)> {
        match self.rule.fate {
            Fate::Same(key) => Some((key, self.node.clone())),
            Fate::Span(key) => Some((key, Node::Text(duration::written(self.duration(conversion)?)))),
            Fate::SpanOrOff(key) => {
                let span = self.duration(conversion)?;
                let text = if span.is_zero() { "off".to_owned() } else { duration::written(span) };
                Some((key, Node::Text(text)))
            }
            _ => None,
        }
    }

    /// Its value as a span of time.
    pub(super) fn duration(&self, conversion: &mut Conversion<'_>) -> Option<std::time::Duration> {
        let text = conversion.text(self)?;
        let duration = duration::parse(&text);
        if duration.is_none() {
            conversion.refuse(
                &self.origin,
                format!("{} is `{text}`; it must be like 500ms, 5s or 1h30m", self.key),
            );
        }
        duration
    }
}

/// Reads the section of a component by its tables. What has no meaning or cannot be honoured comes into the table at once,
/// what there is not is refused.
pub(super) fn read(
    component: &Component,
    tables: &[&'static [Rule]],
    conversion: &mut Conversion<'_>,
) -> GivenOptions {
    let mut given = GivenOptions::default();
    let rules: Vec<Rule> = tables.iter().flat_map(|table| table.iter().copied()).collect();
    let reader = Reader { component, rules: &rules };
    reader.read(&component.entries, "", conversion, &mut given);
    given
}

struct Reader<'a> {
    component: &'a Component,
    rules: &'a [Rule],
}

impl Reader<'_> {
    fn read(
        &self,
        entries: &Entries,
        section: &str,
        conversion: &mut Conversion<'_>,
        given: &mut GivenOptions,
    ) {
        for entry in &entries.0 {
            let key =
                if section.is_empty() { entry.name.clone() } else { format!("{section}.{}", entry.name) };
            if let Some(rule) = self.rules.iter().find(|rule| rule.key == key) {
                self.take(*rule, entry, conversion, given);
            } else if self.is_section(&key) {
                match &entry.node {
                    Node::Section(entries) => self.read(entries, &key, conversion, given),
                    Node::Nothing => {}
                    _ => conversion
                        .refuse(&entry.origin, format!("{}.{key} is a section", self.component.key())),
                }
            } else {
                self.refuse_unknown(&key, &entry.origin, conversion);
            }
        }
    }

    fn is_section(&self, key: &str) -> bool {
        self.rules.iter().any(|rule| rule.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
    }

    fn take(&self, rule: Rule, entry: &Entry, conversion: &mut Conversion<'_>, given: &mut GivenOptions) {
        let key = format!("{}.{}", self.component.key(), rule.key);
        self.check_inside(rule, &entry.node, "", conversion);
        match rule.fate {
            Fate::NoMeaning(why) => conversion.say(key, Outcome::NoMeaning, why),
            Fate::NotHonoured(why) => conversion.say(key, Outcome::NotHonoured, why),
            Fate::Unsupported(why) => conversion.unsupported(&entry.origin, &key, why),
            // An option that has no value is as good as left out.
            _ if entry.node == Node::Nothing => {}
            _ => given.0.push(Given { rule, key, node: entry.node.clone(), origin: entry.origin.clone() }),
        }
    }

    /// Checks the names in a section that is dealt with as a whole.
    fn check_inside(&self, rule: Rule, node: &Node, section: &str, conversion: &mut Conversion<'_>) {
        let (Node::Section(entries), false) = (node, rule.inside.is_empty()) else { return };
        for entry in &entries.0 {
            let key =
                if section.is_empty() { entry.name.clone() } else { format!("{section}.{}", entry.name) };
            let is_around = rule
                .inside
                .iter()
                .any(|known| known.strip_prefix(&*key).is_some_and(|rest| rest.starts_with('.')));
            if is_around {
                self.check_inside(rule, &entry.node, &key, conversion);
            } else if !rule.inside.contains(&key.as_str()) {
                self.refuse_unknown(&format!("{}.{key}", rule.key), &entry.origin, conversion);
            }
        }
    }

    /// Says that there is no such option, and which was meant.
    fn refuse_unknown(&self, key: &str, origin: &Origin, conversion: &mut Conversion<'_>) {
        let known: Vec<String> = self
            .rules
            .iter()
            .flat_map(|rule| {
                let inside = rule.inside.iter().map(|inside| format!("{}.{inside}", rule.key));
                std::iter::once(rule.key.to_owned()).chain(inside)
            })
            .collect();
        let (place, kind) = (self.component.key(), self.component.kind());
        let hint = match nearest(key, known.iter().map(String::as_str), '.') {
            Some(meant) => format!("; did you mean {place}.{meant}?"),
            None => String::new(),
        };
        conversion.refuse(origin, format!("{place}.{key} is not an option of {kind}{hint}"));
    }
}
