//! What a setting is set to, before it has a type.

use std::collections::BTreeMap;

/// What a file, an environment variable or a flag says. Numbers and booleans are text here: they get their type from
/// the setting, so that it does not matter where a value comes from, or whether it came through `${env:NAME}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing stands behind the key.
    Nothing,
    /// A number, a boolean, a word.
    Text(String),
    /// Several.
    List(Vec<Value>),
    /// Keys with values of their own.
    Section(BTreeMap<String, Value>),
}

impl Value {
    /// Puts `value` at `path`, creating the sections on the way.
    pub(super) fn put(&mut self, path: &str, value: Self) {
        if !matches!(self, Self::Section(_)) {
            *self = Self::Section(BTreeMap::new());
        }
        let Self::Section(entries) = self else { return };
        match path.split_once('.') {
            None => {
                entries.insert(path.to_owned(), value);
            }
            Some((section, rest)) => {
                entries.entry(section.to_owned()).or_insert(Self::Nothing).put(rest, value);
            }
        }
    }
}
