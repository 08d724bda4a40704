//! The configuration file: YAML as text with the lines it stands on.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::Origin;
use super::document::{Entries, Entry, Node};

/// Reads a YAML document; `path` is what it is called.
///
/// # Errors
/// A sentence with the line at which it is no YAML.
pub(crate) fn parse(yaml: &str, path: &Path) -> Result<Entries, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        // `off`, `no` and `yes` are words, as in today's YAML.
        strict_booleans: true,
        with_snippet: false,
    };
    let document: Option<Spanned<Yaml>> =
        serde_saphyr::from_str_with_options(yaml, options).map_err(|error| error.to_string())?;
    match document.map(|document| node(document, &Source { yaml, path })) {
        None | Some(Node::Nothing) => Ok(Entries::default()),
        Some(Node::Section(entries)) => Ok(entries),
        Some(Node::Text(_) | Node::List(_)) => {
            Err("it must have sections with settings, like `log:`".to_owned())
        }
    }
}

/// Any YAML value, as the parser gives it.
#[derive(Debug)]
enum Yaml {
    Nothing,
    Text(String),
    /// A number or a boolean: its text is taken from the file, so that `1.10` stays what it is.
    Plain(String),
    List(Vec<Spanned<Yaml>>),
    Section(Vec<(Spanned<String>, Spanned<Yaml>)>),
}

/// A document: its text, and what it is called.
struct Source<'a> {
    yaml: &'a str,
    path: &'a Path,
}

fn node(yaml: Spanned<Yaml>, source: &Source<'_>) -> Node {
    match yaml.value {
        Yaml::Nothing => Node::Nothing,
        Yaml::Text(text) => Node::Text(text),
        Yaml::Plain(text) => {
            let span = yaml.defined.span();
            let written = span.byte_offset().zip(span.byte_len()).and_then(|(from, length)| {
                let from = usize::try_from(from).ok()?;
                source.yaml.get(from..from.checked_add(usize::try_from(length).ok()?)?)
            });
            Node::Text(written.map_or(text, |written| written.trim().to_owned()))
        }
        Yaml::List(values) => Node::List(values.into_iter().map(|value| node(value, source)).collect()),
        Yaml::Section(entries) => Node::Section(Entries(
            entries
                .into_iter()
                .map(|(name, value)| Entry {
                    name: name.value,
                    origin: Origin::File { path: source.path.to_owned(), line: name.referenced.line() },
                    node: node(value, source),
                })
                .collect(),
        )),
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyYaml)
    }
}

struct AnyYaml;

impl<'de> Visitor<'de> for AnyYaml {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
        Ok(Yaml::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Nothing)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        Yaml::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Yaml, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(Yaml::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Yaml, A::Error> {
        let mut section = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            section.push(entry);
        }
        Ok(Yaml::Section(section))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::value::Value;

    fn read(yaml: &str) -> Result<Entries, String> {
        parse(yaml, Path::new("f"))
    }

    #[test]
    fn values_are_the_text_of_the_file_and_keys_know_their_line() {
        let Entries(entries) =
            read("# a comment\na: 1.10\nb:\n  c: off\n  d: [0x10, \"${env:X}\"]\ne:\n").unwrap();
        let places: Vec<_> =
            entries.iter().map(|entry| (entry.name.as_str(), entry.origin.to_string())).collect();
        assert_eq!(
            places,
            [("a", "f:2"), ("b", "f:3"), ("e", "f:6")].map(|(name, at)| (name, at.to_owned()))
        );
        let environment = BTreeMap::from([("X".to_owned(), "x".to_owned())]);
        let values: Vec<_> = entries.iter().map(|entry| entry.node.value(&environment).unwrap()).collect();
        let text = |text: &str| Value::Text(text.to_owned());
        let d = Value::List(vec![text("0x10"), text("x")]);
        let b = Value::Section(BTreeMap::from([("c".to_owned(), text("off")), ("d".to_owned(), d)]));
        assert_eq!(values, [text("1.10"), b, Value::Nothing]);
    }

    #[test]
    fn a_number_is_taken_as_it_is_written_and_nothing_around_it() {
        for (yaml, text) in [
            ("a: 5 # five", "5"),
            ("a: -1", "-1"),
            ("a: 007", "007"),
            ("a: 1e3", "1e3"),
            ("{a: 1.10, b: 2}", "1.10"),
            ("a: &anchor 1.50\nb: *anchor", "1.50"),
            ("a: \"1.50\"", "1.50"),
            ("a: true", "true"),
            ("ä: 1\na: 2.0", "1"),
        ] {
            let Entries(entries) = read(yaml).unwrap();
            assert!(matches!(&entries[0].node, Node::Text(is) if is == text), "{yaml}: {entries:?}");
        }
    }

    #[test]
    fn a_file_with_nothing_in_it_sets_nothing() {
        for nothing in ["", "# only a comment\n", "---\n", "{}"] {
            assert!(read(nothing).unwrap().0.is_empty(), "{nothing:?}");
        }
    }

    #[test]
    fn what_is_no_configuration_says_at_which_line() {
        for (wrong, said) in [
            ("a: 1\na: 2\n", "line 2"),
            ("a: [1\n", "line"),
            ("- a\n", "sections"),
            ("just text", "sections"),
        ] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains(said), "{wrong:?}: {error}");
        }
    }
}
