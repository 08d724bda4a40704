//! Gives values the types of their settings.
//!
//! The type of the setting decides how its text is read: `5` is a number where a number is wanted and a word where a
//! word is wanted. A list may also be written with commas (`a,b`) and a map as `key=value,key=value`, as an environment
//! variable has to.

use serde::de::value::{Error, MapAccessDeserializer, MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::value::Value;

/// How a map is written as text.
pub(super) const MAP: &str = "`key=value,key=value`";

impl IntoDeserializer<'_, Error> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A whole number within the range of its type.
macro_rules! whole_number {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.one()?.trim().parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) if <$type>::BITS == u64::BITS => Err(Error::custom("it must be a whole number")),
                Err(_) => Err(Error::custom(format_args!(
                    "it must be a whole number from {} to {}", <$type>::MIN, <$type>::MAX
                ))),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Nothing => visitor.visit_unit(),
            Self::Text(text) => visitor.visit_string(text),
            Self::List(values) => visitor.visit_seq(SeqDeserializer::new(values.into_iter())),
            Self::Section(entries) => visitor.visit_map(MapDeserializer::new(entries.into_iter())),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.one()?.trim() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Error::custom("it must be `true` or `false`")),
        }
    }

    whole_number! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.one()?.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(Error::custom("it must be a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.one()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.one()?)
    }

    /// An optional setting is switched off by setting it to nothing.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Nothing => visitor.visit_none(),
            Self::Text(text) if text.is_empty() => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Nothing => Self::List(Vec::new()).deserialize_any(visitor),
            Self::Text(text) => Self::List(listed(&text).map(Self::Text).collect()).deserialize_any(visitor),
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut entries = std::collections::BTreeMap::new();
        match self {
            Self::Text(text) => {
                for entry in listed(&text) {
                    let (key, value) = entry
                        .split_once('=')
                        .ok_or_else(|| Error::custom(format_args!("it must be written {MAP}")))?;
                    entries.insert(key.trim().to_owned(), Self::Text(value.trim().to_owned()));
                }
                Self::Section(entries).deserialize_any(visitor)
            }
            Self::Nothing => Self::Section(entries).deserialize_any(visitor),
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Nothing => Self::Section(std::collections::BTreeMap::new()).deserialize_any(visitor),
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) if variants.contains(&text.as_str()) => {
                let text: StringDeserializer<Error> = text.into_deserializer();
                visitor.visit_enum(text)
            }
            Self::Section(entries) => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(entries.into_iter())))
            }
            _ => Err(Error::custom(format_args!("it must be {}", one_of(variants)))),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl Value {
    /// The text of a value that can only be one.
    fn one(self) -> Result<String, Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Nothing => Err(Error::custom(
                "it must have a value; leave the key out for the default, or write \"\" for an empty text",
            )),
            Self::List(_) => Err(Error::custom("it must be one value, not a list")),
            Self::Section(_) => Err(Error::custom("it must be one value, not a section")),
        }
    }
}

/// What stands between commas.
fn listed(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned)
}

/// `a`, `b` or `c`.
fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    fn text<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
        T::deserialize(Value::Text(text.to_owned())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_type_of_a_setting_decides_how_its_text_is_read() {
        assert_eq!(text::<u16>("4317"), Ok(4317));
        assert_eq!(text::<String>("4317"), Ok("4317".to_owned()));
        assert_eq!(text::<Option<bool>>("true"), Ok(Some(true)));
        assert_eq!(text::<Option<bool>>(""), Ok(None), "set to nothing, it is off");
        assert_eq!(text::<f64>("0.5"), Ok(0.5));
        assert_eq!(text::<Vec<u8>>("1, 2"), Ok(vec![1, 2]));
        let pairs = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x=y".to_owned())]);
        assert_eq!(text::<BTreeMap<String, String>>("a=1, b=x=y"), Ok(pairs));
    }

    #[test]
    fn a_value_that_does_not_fit_says_what_would() {
        assert_eq!(text::<u8>("300").unwrap_err(), "it must be a whole number from 0 to 255");
        assert_eq!(text::<bool>("yes").unwrap_err(), "it must be `true` or `false`");
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
        let nothing = u8::deserialize(Value::Nothing).unwrap_err();
        assert!(nothing.to_string().contains("leave the key out"), "{nothing}");
    }
}
