//! Lists of attributes: they become a map of texts, and what that does not hold goes into `extra`.

use super::fields::Fields;
use super::keys::{Key, Keys};
use super::lookup::{Lookup, Target};
use super::value::{Pair, Value};
use crate::otlp::Invalid;
use crate::otlp::write_json::{Found, comma, name};

/// The attributes of the items of a request, of its resources or of its scopes.
pub(super) struct Attributes<'t, 'a> {
    keys: Keys<'t, 'a>,
    /// What the map does not say of the list that was read last.
    left_over: LeftOver,
}

/// The attributes of a list that are more than a key and a text.
#[derive(Default)]
struct LeftOver {
    /// As OTLP/JSON, with commas between them.
    typed: Vec<u8>,
    has_typed: bool,
    /// Not all of them are in `typed`: some are not as most are.
    is_in_part: bool,
    /// A key was repeated, so that only the whole list says it all.
    repeats: bool,
}

impl<'t, 'a> Attributes<'t, 'a> {
    /// None yet. What columns they fill says `lookup`.
    pub(super) fn new(lookup: &'t Lookup) -> Self {
        Self { keys: Keys::new(lookup), left_over: LeftOver::default() }
    }

    /// Hands the attributes in field `number` of a message at level `depth` to `each`, in order and each key once: the key,
    /// the columns that it fills, the value, and the value as text. `scratch` is overwritten.
    pub(super) fn read(
        &mut self,
        fields: &Fields<'a>,
        number: u32,
        depth: u32,
        irregular: &mut bool,
        scratch: &mut Vec<u8>,
        mut each: impl FnMut(&str, &[Target], Value<'a>, Option<&str>),
    ) -> Result<(), Invalid> {
        let Self { keys, left_over } = self;
        keys.begin();
        left_over.clear();
        fields.each_message(number, |sent| {
            let pair = Pair::read(sent, depth + 1, irregular)?;
            let text = pair.value.text(depth + 2, irregular, scratch)?;
            let (key, is_new) = keys.meet(pair.key);
            if is_new {
                each(&key.text, key.targets, pair.value, text.as_deref());
            }
            left_over.repeats |= !is_new;
            if !pair.is_plain {
                left_over.add(&pair, key, scratch);
            }
            Ok(())
        })
    }

    /// Writes to an open object what a map does not say of the list that was read last, in field `number` of a message at
    /// level `depth`: the attributes that are more than a key and a text, or the whole list if a key is repeated. Nothing if
    /// the map says it all.
    pub(super) fn write_left_over(
        &self,
        fields: &Fields<'_>,
        number: u32,
        depth: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Invalid> {
        let LeftOver { typed, has_typed, is_in_part, repeats } = &self.left_over;
        if !repeats && !has_typed {
            return Ok(());
        }
        if let Some(field) = fields.message.field(number) {
            name(field, out);
        }
        out.push(b'[');
        if *repeats || *is_in_part {
            fields.each(number, |field, found| {
                let (Found::One(sent) | Found::Packed(sent)) = found;
                if *repeats || !Pair::read(sent, depth + 1, &mut false)?.is_plain {
                    comma(out);
                    found.write(field, depth + 1, out).map_err(|invalid| invalid.within(field))?;
                }
                Ok(())
            })?;
        } else {
            out.extend_from_slice(typed);
        }
        out.push(b']');
        Ok(())
    }
}

impl LeftOver {
    fn clear(&mut self) {
        self.typed.clear();
        self.has_typed = false;
        self.is_in_part = false;
        self.repeats = false;
    }

    /// Adds an attribute that is more than a key and a text. `json` is its value as plain JSON.
    fn add(&mut self, pair: &Pair<'_>, key: &mut Key<'_, '_>, json: &[u8]) {
        self.has_typed = true;
        let (before, after): (&[u8], &[u8]) = match pair.value {
            Value::Bool(_) => (br#"{"boolValue":"#, b"}}"),
            Value::Int(_) => (br#"{"intValue":""#, br#""}}"#),
            Value::Double(_) => (br#"{"doubleValue":"#, b"}}"),
            Value::Bytes(_) => (br#"{"bytesValue":"#, b"}}"),
            _ => (b"", b""),
        };
        if !pair.is_usual || before.is_empty() {
            self.is_in_part = true;
            return;
        }
        if !self.typed.is_empty() {
            self.typed.push(b',');
        }
        for part in [key.opening(), before, json, after] {
            self.typed.extend_from_slice(part);
        }
    }
}
