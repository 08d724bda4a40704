//! Columns that users add: an attribute that they often ask for, by a name and with a type.

use super::layout::{Kind, is_taken};

/// Folders of a hive layout become columns of these names in readers.
const FOLDERS: [&str; 2] = ["date", "hour"];

/// An attribute that has a column of its own, in the rows of all signals.
///
/// The attribute stays in the map as well, so that a row in which its value cannot be had in the column's type, and is
/// null, has lost nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// The column's name.
    pub(super) name: String,
    /// Whose attribute it is.
    pub(super) source: Source,
    /// The attribute's key.
    pub(super) key: String,
    /// Text, a whole number of 64 bits, a double or a truth value.
    pub(super) kind: Kind,
}

/// What a promoted attribute belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A log record, data point or span.
    Item,
    /// The resource.
    Resource,
    /// The instrumentation scope.
    Scope,
}

impl Promotion {
    /// Reads the setting `name: source`. The source is `attributes.KEY`, `resource.KEY` or `scope.KEY`, and may end in
    /// ` as TYPE`: `string`, which is the default, `int`, `double` or `bool`. The key is taken as it stands, dots included;
    /// one that itself holds ` as ` needs a type behind it.
    ///
    /// # Errors
    ///
    /// The half of a sentence that follows the setting: what is wrong with it and what it must be.
    pub fn parse(name: &str, source: &str) -> Result<Self, String> {
        check_name(name)?;
        let (path, kind) = match source.rsplit_once(" as ") {
            None => (source, Kind::Text),
            Some((path, kind)) => (path, parse_kind(kind.trim())?),
        };
        let (source, key) = match path.trim().split_once('.') {
            Some(("attributes", key)) => (Source::Item, key),
            Some(("resource", key)) => (Source::Resource, key),
            Some(("scope", key)) => (Source::Scope, key),
            _ => {
                return Err(format!(
                    "`{path}` does not say whose attribute it is: it must be `attributes.KEY`, `resource.KEY` or \
                     `scope.KEY`"
                ));
            }
        };
        if key.is_empty() {
            return Err(format!("`{path}` names no attribute: its key must follow the dot"));
        }
        Ok(Self { name: name.to_owned(), source, key: key.to_owned(), kind })
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_first = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !is_first || name.contains(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')) {
        return Err(format!(
            "`{name}` is no name for a column: it must be lower-case letters, digits and `_`, a letter first"
        ));
    }
    if FOLDERS.contains(&name) {
        return Err(format!("readers make a column `{name}` of the folders: it must have another name"));
    }
    if is_taken(name) {
        return Err(format!("there is a column `{name}` already: it must have another name"));
    }
    Ok(())
}

fn parse_kind(kind: &str) -> Result<Kind, String> {
    match kind {
        "string" => Ok(Kind::Text),
        "int" => Ok(Kind::Int64),
        "double" => Ok(Kind::Double),
        "bool" => Ok(Kind::Boolean),
        _ => Err(format!("`{kind}` is no type: it must be `string`, `int`, `double` or `bool`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_names_whose_attribute_it_is_and_its_type() {
        for (text, source, key, kind) in [
            ("resource.team", Source::Resource, "team", Kind::Text),
            ("attributes.vcs.ref.head.name", Source::Item, "vcs.ref.head.name", Kind::Text),
            ("attributes.cost as double", Source::Item, "cost", Kind::Double),
            ("scope.n as int", Source::Scope, "n", Kind::Int64),
            ("attributes.a b as bool", Source::Item, "a b", Kind::Boolean),
            ("attributes.same as same as string", Source::Item, "same as same", Kind::Text),
        ] {
            let expected = Promotion { name: "x_1".into(), source, key: key.into(), kind };
            assert_eq!(Promotion::parse("x_1", text), Ok(expected));
        }
    }

    #[test]
    fn a_refusal_says_what_it_must_be() {
        for (name, source, part) in [
            ("Team", "resource.team", "lower-case letters"),
            ("", "resource.team", "a letter first"),
            ("_team", "resource.team", "a letter first"),
            ("date", "resource.team", "folders"),
            ("hour", "resource.team", "folders"),
            ("extra", "resource.team", "already"),
            ("span_name", "resource.team", "already"),
            ("team", "team", "`attributes.KEY`"),
            ("team", "attribute.team", "`attributes.KEY`"),
            ("team", "resource.", "names no attribute"),
            ("team", "resource.team as text", "`string`, `int`, `double` or `bool`"),
        ] {
            let refusal = Promotion::parse(name, source).unwrap_err();
            assert!(refusal.contains(part), "{refusal}");
        }
    }
}
