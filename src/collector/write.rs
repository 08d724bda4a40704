//! Writes settings as a configuration file of forebay, with comments that say where each comes from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Outcome;
use super::table::Table;
use crate::config::{Entries, Node};

/// The file: `entries`, each setting with a comment of what it comes from in `sources`, and on top what of `table` could
/// not be set.
pub(super) fn file(
    entries: &Entries,
    sources: &BTreeMap<String, String>,
    files: &[String],
    table: Option<&Table>,
) -> String {
    let mut text = format!("# forebay's configuration, made of {}.\n", files.join(", "));
    if let Some(table) = table {
        let told = table.rows().filter(|row| !matches!(row.outcome, Outcome::Set | Outcome::NoMeaning));
        for row in told {
            add(&mut text, &format!("# {}: {}: {}\n", row.outcome.name(), row.key, row.here));
        }
    }
    text.push('\n');
    Writer { sources, text: &mut text }.section(entries, "", 0);
    text
}

struct Writer<'a> {
    sources: &'a BTreeMap<String, String>,
    text: &'a mut String,
}

impl Writer<'_> {
    fn section(&mut self, Entries(entries): &Entries, place: &str, indent: usize) {
        let space = " ".repeat(indent);
        for entry in entries {
            let key = if place.is_empty() { entry.name.clone() } else { format!("{place}.{}", entry.name) };
            if let Some(from) = self.sources.get(&key) {
                add(self.text, &format!("{space}# {from} ({})\n", entry.origin));
            }
            let name = scalar(&entry.name);
            match &entry.node {
                Node::Section(inside) if !inside.0.is_empty() => {
                    add(self.text, &format!("{space}{name}:\n"));
                    self.section(inside, &key, indent + 2);
                }
                Node::Nothing => add(self.text, &format!("{space}{name}:\n")),
                node => add(self.text, &format!("{space}{name}: {}\n", flow(node))),
            }
        }
    }
}

/// Appends to a text.
fn add(text: &mut String, more: &str) {
    // A comment has one line.
    let (content, end) = more.strip_suffix('\n').map_or((more, ""), |content| (content, "\n"));
    let _ = write!(text, "{}{end}", content.replace('\n', " "));
}

/// A value on one line.
fn flow(node: &Node) -> String {
    match node {
        Node::Nothing => "null".to_owned(),
        Node::Text(text) => scalar(text),
        Node::List(nodes) => format!("[{}]", nodes.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Node::Section(Entries(entries)) => {
            let one = entries.iter().map(|entry| format!("{}: {}", scalar(&entry.name), flow(&entry.node)));
            format!("{{{}}}", one.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text, in quotes unless it is certain that YAML reads it as it stands.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && !text.eq_ignore_ascii_case("null");
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Entry, Origin, parse};

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let texts = [
            "plain",
            "64MiB",
            "a: b",
            "#x",
            "\"q\" \\",
            "line\nbreak\ttab",
            "null",
            "",
            "true",
            "-",
            "${env:X}",
            "ä\u{1}",
            "{signal}_{unique}",
            "%Y",
            "1e3",
            "~",
            "@",
            "a,b",
            " x ",
        ];
        let origin = Origin::Default;
        let list = Node::List(texts.iter().map(|text| Node::Text((*text).to_owned())).collect());
        let mut entries: Vec<Entry> = texts
            .iter()
            .enumerate()
            .map(|(number, text)| Entry {
                name: format!("{number}{text}"),
                origin: origin.clone(),
                node: Node::Text((*text).to_owned()),
            })
            .collect();
        entries.push(Entry { name: "list".to_owned(), origin: origin.clone(), node: list });
        let inside = Entries(entries);
        let empty = Entry {
            name: "empty".to_owned(),
            origin: origin.clone(),
            node: Node::Section(Entries::default()),
        };
        let all = Entries(vec![Entry { name: "a.b".to_owned(), origin, node: Node::Section(inside) }, empty]);
        let sources = BTreeMap::from([("a.b".to_owned(), "one\ntwo".to_owned())]);
        let written = file(&all, &sources, &["x".to_owned()], None);
        let read = parse(&written, Path::new("y")).unwrap();
        let plain = |entries: &Entries| format!("{entries:?}").replace(|c: char| c.is_ascii_digit(), "");
        let place = |text: String| text.replace("File { path: \"y\", line:  }", "Default");
        assert_eq!(place(plain(&read)), plain(&all), "{written}");
    }
}
