//! What configuration files say: keys and what stands behind them, with the place of each, laid over each other.

use std::collections::BTreeMap;

use super::Origin;
use super::expand::expand;
use super::value::Value;

/// Keys and what stands behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries(pub(crate) Vec<Entry>);

/// A key with what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Where the key stands.
    pub(crate) origin: Origin,
    pub(crate) node: Node,
}

/// What stands behind a key. Variables are not replaced yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Section(Entries),
}

/// All files together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) entries: Entries,
    /// What was read, as it is named in origins.
    pub(crate) files: Vec<String>,
    /// What could not be read.
    pub(crate) problems: Vec<String>,
}

impl Entries {
    /// The entry of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    /// Lays `later` over this: sections are merged, everything else is replaced. A section in which nothing stands changes
    /// nothing.
    pub(crate) fn merge(&mut self, later: Self) {
        for entry in later.0 {
            let known = self.0.iter_mut().find(|known| known.name == entry.name);
            match (known, entry) {
                (None, entry) => self.0.push(entry),
                (Some(Entry { node: Node::Section(_), .. }), Entry { node: Node::Nothing, .. }) => {}
                (Some(Entry { node: Node::Section(under), .. }), Entry { node: Node::Section(over), .. }) => {
                    under.merge(over);
                }
                (Some(known), entry) => *known = entry,
            }
        }
    }

    /// Puts `node` at `path`, with the sections on the way.
    pub(crate) fn put(&mut self, path: &[String], node: Node, origin: &Origin) {
        let Some((name, rest)) = path.split_first() else { return };
        let node = if rest.is_empty() {
            node
        } else {
            let mut inner = Self::default();
            inner.put(rest, node, origin);
            Node::Section(inner)
        };
        self.merge(Self(vec![Entry { name: name.clone(), origin: origin.clone(), node }]));
    }

    /// The same with every name that has `::` in it taken apart into sections, as the Collector writes paths.
    pub(super) fn with_paths(self) -> Self {
        let mut all = Self::default();
        for Entry { name, origin, node } in self.0 {
            let node = match node {
                Node::Section(entries) => Node::Section(entries.with_paths()),
                node => node,
            };
            let path: Vec<String> = name.split("::").map(str::to_owned).collect();
            all.put(&path, node, &origin);
        }
        all
    }
}

impl Node {
    /// The value, with its variables replaced.
    ///
    /// # Errors
    /// What [`expand`] says.
    pub(super) fn value(&self, environment: &BTreeMap<String, String>) -> Result<Value, String> {
        Ok(match self {
            Self::Nothing => Value::Nothing,
            Self::Text(text) => Value::Text(expand(text, environment)?),
            Self::List(nodes) => {
                Value::List(nodes.iter().map(|node| node.value(environment)).collect::<Result<_, _>>()?)
            }
            Self::Section(Entries(entries)) => {
                let value =
                    |entry: &Entry| Ok::<_, String>((entry.name.clone(), entry.node.value(environment)?));
                Value::Section(entries.iter().map(value).collect::<Result<_, _>>()?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::file::parse;

    #[test]
    fn a_later_file_overrides_values_and_lists_and_merges_sections() {
        let read = |yaml, name| parse(yaml, Path::new(name)).unwrap();
        let mut entries = read("a: {b: 1, c: [1, 2]}\nd: {e: 1}\nf: {g: 1}\n", "one");
        entries.merge(read("a:\n  c: [3]\n  h: 4\nd: word\nf:\n", "two"));
        let shown = |entries: &Entries| {
            let one = |Entry { name, origin, node }: &Entry| (name.clone(), origin.to_string(), node.clone());
            entries.0.iter().map(one).collect::<Vec<_>>()
        };
        let Node::Section(a) = &entries.get("a").unwrap().node else { panic!("{entries:?}") };
        let text = |text: &str| Node::Text(text.to_owned());
        let expected = [
            ("b".to_owned(), "one:1".to_owned(), text("1")),
            ("c".to_owned(), "two:2".to_owned(), Node::List(vec![text("3")])),
            ("h".to_owned(), "two:3".to_owned(), text("4")),
        ];
        assert_eq!(shown(a), expected, "each value knows its file");
        assert_eq!(entries.get("d").unwrap().node, text("word"));
        assert!(
            matches!(entries.get("f").unwrap().node, Node::Section(_)),
            "an empty section changes nothing"
        );
    }

    #[test]
    fn a_path_of_the_collector_is_taken_apart() {
        let entries = parse("a::b: 1\na::c::d: 2\n", Path::new("yaml")).unwrap().with_paths();
        assert_eq!(entries.0.len(), 1);
        let Node::Section(a) = &entries.0[0].node else { panic!("{entries:?}") };
        assert_eq!(a.0.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    }
}
