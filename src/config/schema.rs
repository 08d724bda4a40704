//! Which settings there are, asked of the types themselves, so that no table of keys is kept by hand.
//!
//! A probe stands in for a configuration: it follows one path into the type, and notes what the type asks for at its
//! end: the fields of a struct, or a value. Going down from the root, this finds every key, optional ones included.

use std::cell::RefCell;

use serde::de::value::Error;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Stands in a key for a name that the file chooses.
pub(super) const ANY: &str = "*";

/// The keys of a configuration, in the order in which its types declare them. Sections whose names the file chooses, like
/// those of `outputs`, are known as [`ANY`] (`outputs.*.objects.format`) until they have names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Schema {
    /// Dotted keys that hold a value, like `log.segment_bytes`.
    pub(super) settings: Vec<String>,
    /// Dotted keys that hold other keys, like `log`.
    pub(super) sections: Vec<String>,
}

impl Schema {
    /// The keys of `C`.
    pub(super) fn of<C: DeserializeOwned>() -> Self {
        let mut schema = Self::default();
        schema.explore::<C>(&mut Vec::new());
        schema
    }

    fn explore<C: DeserializeOwned>(&mut self, path: &mut Vec<&'static str>) {
        let found = RefCell::new(None);
        // The probe has no values to give, so this always ends in an error; what matters is what was found.
        let _ = C::deserialize(Probe { path, found: &found });
        let key = path.join(".");
        match found.into_inner() {
            Some(Found::Map) => {
                path.push(ANY);
                let before = (self.settings.len(), self.sections.len());
                self.explore::<C>(path);
                path.pop();
                if self.sections.len() > before.1 {
                    self.sections.insert(before.1, key);
                } else {
                    // A map of values is a value.
                    self.settings.truncate(before.0);
                    self.settings.push(key);
                }
            }
            Some(Found::Fields(fields)) => {
                if !key.is_empty() {
                    self.sections.push(key);
                }
                for field in fields {
                    path.push(field);
                    self.explore::<C>(path);
                    path.pop();
                }
            }
            None => self.settings.push(key),
        }
    }

    /// Whether the names of the sections in `section` are chosen by the file.
    pub(super) fn may_name_sections(&self, section: &str) -> bool {
        self.is_section(&format!("{section}.{ANY}"))
    }

    /// Makes a section of the name that the last part of `key` is, with all that one of [`ANY`] name has.
    pub(super) fn name_section(&mut self, key: &str) {
        let any = key.rsplit_once('.').map_or(ANY.to_owned(), |(parent, _)| format!("{parent}.{ANY}"));
        for keys in [&mut self.settings, &mut self.sections] {
            let named = |of_any: &String| {
                let rest = of_any.strip_prefix(&any)?;
                (rest.is_empty() || rest.starts_with('.')).then(|| format!("{key}{rest}"))
            };
            let named: Vec<String> = keys.iter().filter_map(named).collect();
            keys.extend(named);
        }
    }

    /// Forgets the sections of [`ANY`] name, once all names are known.
    pub(super) fn settle(&mut self) {
        let is_any = |key: &str| key.split('.').any(|part| part == ANY);
        self.settings.retain(|key| !is_any(key));
        self.sections.retain(|key| !is_any(key));
    }

    /// Whether `key` holds a value.
    pub(super) fn is_setting(&self, key: &str) -> bool {
        self.settings.iter().any(|known| known == key)
    }

    /// Whether `key` holds other keys.
    pub(super) fn is_section(&self, key: &str) -> bool {
        self.sections.iter().any(|known| known == key)
    }

    /// The last parts of the keys directly in `section`; of the top level if it is empty.
    pub(super) fn names_in<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        self.sections.iter().chain(&self.settings).filter_map(move |key| {
            let (parent, name) = key.rsplit_once('.').unwrap_or(("", key));
            (parent == section).then_some(name)
        })
    }
}

/// Stands in for a configuration that has one path in it.
struct Probe<'a> {
    path: &'a [&'static str],
    /// What stands at the path's end; stays `None` if it is a value.
    found: &'a RefCell<Option<Found>>,
}

/// What may stand at a path's end beside a value.
enum Found {
    /// A struct of these fields.
    Fields(&'static [&'static str]),
    /// A map.
    Map,
}

/// How a probe ends.
fn seen() -> Error {
    Error::custom("a probe has no values")
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.path.is_empty() {
            *self.found.borrow_mut() = Some(Found::Fields(fields));
            return Err(seen());
        }
        visitor.visit_map(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.path.is_empty() {
            *self.found.borrow_mut() = Some(Found::Map);
            return Err(seen());
        }
        visitor.visit_map(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(seen())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Probe<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(field) = self.path.first() else { return Err(seen()) };
        seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(field)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((_, rest)) = self.path.split_first() else { return Err(seen()) };
        seed.deserialize(Probe { path: rest, found: self.found })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[expect(dead_code, reason = "only its shape is of interest")]
    #[derive(Deserialize)]
    struct Root {
        name: String,
        section: Section,
        off_by_default: Option<Section>,
    }

    #[expect(dead_code, reason = "only its shape is of interest")]
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Section {
        some_size: crate::units::ByteSize,
        choice: Option<Choice>,
    }

    #[expect(dead_code, reason = "only its shape is of interest")]
    #[derive(Deserialize)]
    struct WithMaps {
        words: BTreeMap<String, String>,
        more: BTreeMap<String, Section>,
    }

    #[derive(Deserialize)]
    enum Choice {
        One,
    }

    #[test]
    fn a_map_of_sections_has_the_names_that_the_file_chooses() {
        let mut schema = Schema::of::<WithMaps>();
        assert_eq!(schema.settings, ["words", "more.*.some-size", "more.*.choice"]);
        assert_eq!(schema.sections, ["more", "more.*"]);
        assert!(schema.may_name_sections("more") && !schema.may_name_sections("words"));
        schema.name_section("more.one");
        schema.settle();
        assert_eq!(schema.settings, ["words", "more.one.some-size", "more.one.choice"]);
        assert_eq!(schema.sections, ["more", "more.one"]);
    }

    #[test]
    fn every_key_is_found_in_optional_sections_too() {
        let schema = Schema::of::<Root>();
        assert_eq!(
            schema.settings,
            [
                "name",
                "section.some-size",
                "section.choice",
                "off_by_default.some-size",
                "off_by_default.choice"
            ]
        );
        assert_eq!(schema.sections, ["section", "off_by_default"]);
        assert_eq!(schema.names_in("section").collect::<Vec<_>>(), ["some-size", "choice"]);
        assert_eq!(schema.names_in("").collect::<Vec<_>>(), ["section", "off_by_default", "name"]);
    }
}
