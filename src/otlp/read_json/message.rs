//! Objects and arrays of OTLP/JSON.

use std::fmt;

use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::output::Output;
use super::scalar::ScalarSeed;
use crate::otlp::schema::{Field, Kind, Message};

/// Reads an object and writes its fields.
pub(super) struct MessageSeed<'o> {
    message: &'static Message,
    /// The field of which it is the value; the request is none's.
    field: Option<&'static Field>,
    output: &'o mut Output,
}

impl<'o> MessageSeed<'o> {
    /// Reads the whole document.
    pub(super) const fn request(message: &'static Message, output: &'o mut Output) -> Self {
        Self { message, field: None, output }
    }
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object (a message {})", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { message, field, output } = self;
        output.check_depth()?;
        let open = field.map(|field| output.open(field)).transpose()?;
        let mut seen = 0;
        while let Some(field) = map.next_key_seed(KeySeed(message))? {
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            output.enter(field);
            map.next_value_seed(FieldSeed { field, is_again: seen & field.bit() != 0, output })?;
            output.leave();
            seen |= field.bit();
        }
        open.map_or(Ok(()), |open| output.close(&open))
    }

    /// `null`: the field is absent. In an array it is an empty message, so that what follows keeps its place.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.field {
            Some(field) if field.is_repeated() => self.output.payload(field, &[]),
            Some(_) => Ok(()),
            None => Err(E::invalid_type(serde::de::Unexpected::Unit, &self)),
        }
    }
}

/// Reads a key, and finds its field.
struct KeySeed(&'static Message);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // As bytes, a key that is not valid text is one that is not known.
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.field_named(name))
    }
}

/// Reads the value of a field.
struct FieldSeed<'o> {
    field: &'static Field,
    /// Whether the object had this key before, so that a default has to be written to undo what it said.
    is_again: bool,
    output: &'o mut Output,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { field, is_again, output } = self;
        match field.kind {
            _ if field.is_repeated() => deserializer.deserialize_any(ArrayVisitor { field, output }),
            Kind::Message(message) => {
                MessageSeed { message, field: Some(field), output }.deserialize(deserializer)
            }
            _ => ScalarSeed::field(field, is_again, output).deserialize(deserializer),
        }
    }
}

/// Reads an array and writes its elements.
struct ArrayVisitor<'o> {
    field: &'static Field,
    output: &'o mut Output,
}

impl<'de> Visitor<'de> for ArrayVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { field, output } = self;
        if !field.kind.is_packable() {
            while elements.next_element_seed(ElementSeed { field, output })?.is_some() {}
            return Ok(());
        }
        let open = output.open(field)?;
        while elements.next_element_seed(ElementSeed { field, output })?.is_some() {}
        if output.is_empty_since(&open) {
            output.take_back(&open);
            return Ok(());
        }
        output.close(&open)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads an element of an array.
struct ElementSeed<'o> {
    field: &'static Field,
    output: &'o mut Output,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { field, output } = self;
        output.enter_element();
        match field.kind {
            Kind::Message(message) if message.is_item && output.is_lenient() => {
                // Read by a reader of its own, it may be wrong without losing the place in the document.
                let item = <&RawValue>::deserialize(deserializer)?;
                let mark = output.mark();
                let seed = MessageSeed { message, field: Some(field), output: &mut *output };
                match seed.deserialize(&mut serde_json::Deserializer::from_str(item.get())) {
                    Ok(()) => Ok(()),
                    Err(_) => output.reject(&mark),
                }
            }
            Kind::Message(message) => {
                MessageSeed { message, field: Some(field), output }.deserialize(deserializer)
            }
            _ => ScalarSeed::element(field, output).deserialize(deserializer),
        }
    }
}
