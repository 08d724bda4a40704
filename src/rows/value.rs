//! Values of attributes and bodies, and what becomes of them in a column.

use std::borrow::Cow;
use std::collections::HashSet;

use super::fields::{next, utf8};
use super::layout::Kind;
use super::table::Table;
use crate::otlp::schema::{ANY_VALUE, DEPTH_MAX, Field, KEY_VALUE, Kind as Sent, Message, key_byte};
use crate::otlp::wire::Reader;
use crate::otlp::write_json::Found;
use crate::otlp::write_json::scalar::{base64, double, signed, string};
use crate::otlp::{Invalid, Problem};

/// An `AnyValue`.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// None, or a reference to a table that only profiles have.
    Missing,
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// An `ArrayValue` or a `KeyValueList`: the field that holds it, and the message.
    List(&'static Field, Reader<'a>),
}

/// What is set in a column.
#[derive(Clone)]
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Double(f64),
    Boolean(bool),
}

impl<'a> Value<'a> {
    /// Reads an `AnyValue` at level `depth`. Sets `irregular` as [`Fields::read`](super::fields::Fields::read) does.
    pub(super) fn read(mut reader: Reader<'a>, depth: u32, irregular: &mut bool) -> Result<Self, Invalid> {
        check_depth(reader, depth)?;
        if let Some(value) = Self::read_usual(reader.bytes()) {
            return Ok(value);
        }
        let mut member = None;
        while !reader.is_empty() {
            if let Some((field, Found::One(value) | Found::Packed(value))) = next(&ANY_VALUE, &mut reader)? {
                *irregular |= member.is_some();
                member = Some((field, value));
            }
        }
        let Some((field, mut value)) = member else { return Ok(Self::Missing) };
        Ok(match field.kind {
            Sent::String => Self::Text(value.bytes()),
            Sent::Bytes => Self::Bytes(value.bytes()),
            Sent::Bool => Self::Bool(value.varint()? != 0),
            Sent::Int64 => Self::Int(value.varint()?.cast_signed()),
            Sent::Double => Self::Double(f64::from_bits(value.fixed64()?)),
            Sent::Message(_) => Self::List(field, value),
            _ => Self::Missing,
        })
    }

    /// Reads an `AnyValue` that has one member, and no list; `None` if it is another.
    #[inline]
    fn read_usual(value: &'a [u8]) -> Option<Self> {
        let (key, behind) = value.split_first()?;
        let mut behind = Reader::new(behind);
        let value = match *key {
            key_byte::STRING => Self::Text(behind.payload().ok()?.bytes()),
            key_byte::BOOL => Self::Bool(behind.varint().ok()? != 0),
            key_byte::INT => Self::Int(behind.varint().ok()?.cast_signed()),
            key_byte::DOUBLE => Self::Double(f64::from_bits(behind.fixed64().ok()?)),
            key_byte::BYTES => Self::Bytes(behind.payload().ok()?.bytes()),
            _ => return None,
        };
        behind.is_empty().then_some(value)
    }

    /// The value as text: numbers and truth values as JSON has them, bytes in base64, lists as plain JSON. `None` when
    /// it is missing. `scratch` is overwritten.
    pub(super) fn text<'s>(
        &self,
        depth: u32,
        irregular: &mut bool,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Option<Cow<'s, str>>, Invalid>
    where
        'a: 's,
    {
        match self {
            Self::Missing => return Ok(None),
            Self::Text(text) => return Ok(Some(utf8(text))),
            _ => {}
        }
        scratch.clear();
        self.write_plain(depth, irregular, scratch)?;
        let quoted = scratch.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
        Ok(Some(utf8(quoted.unwrap_or(scratch))))
    }

    /// Writes the value, which lies at level `depth`, as plain JSON: without saying its type.
    fn write_plain(&self, depth: u32, irregular: &mut bool, out: &mut Vec<u8>) -> Result<(), Invalid> {
        match self {
            Self::Missing => out.extend_from_slice(b"null"),
            Self::Text(text) => string(text, out),
            Self::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
            Self::Int(number) => signed(*number, out),
            Self::Double(number) => double(*number, out),
            Self::Bytes(bytes) => base64(bytes, out),
            Self::List(field, list) => {
                let Sent::Message(message) = field.kind else { return Ok(()) };
                write_list(message, *list, depth + 1, irregular, out)
                    .map_err(|invalid| invalid.within(field))?;
            }
        }
        Ok(())
    }

    /// What it becomes in a column of `kind`, if it can be had there; `text` is the value as text.
    ///
    /// A number sent as text is parsed. A double becomes a whole number only if it is one, and a whole number becomes the
    /// double that is nearest to it.
    pub(super) fn content<'t>(&self, kind: Kind, text: Option<&'t str>) -> Option<Content<'t>> {
        match kind {
            Kind::Text => text.map(|text| Content::Text(Cow::Borrowed(text))),
            Kind::Int64 => self.integer(text?).map(Content::Integer),
            Kind::Double => self.double(text?).map(Content::Double),
            Kind::Boolean => self.boolean(text?).map(Content::Boolean),
            _ => None,
        }
    }

    fn integer(&self, text: &str) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(_) => text.parse().ok(),
            Self::Double(number) => whole(*number),
            _ => None,
        }
    }

    fn double(&self, text: &str) -> Option<f64> {
        let number = match self {
            Self::Int(number) => Some(nearest(*number)),
            Self::Text(_) => text.parse().ok(),
            Self::Double(number) => Some(*number),
            _ => None,
        };
        number.filter(|number| number.is_finite())
    }

    fn boolean(&self, text: &str) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            Self::Text(_) => text.parse().ok(),
            _ => None,
        }
    }
}

impl Content<'_> {
    /// Sets it in the row that is being filled, unless the column has a value.
    pub(super) fn set(&self, column: usize, table: &mut Table) {
        match self {
            Self::Text(text) => table.set_text(column, text),
            Self::Integer(number) => table.set_integer(column, *number),
            Self::Double(number) => table.set_double(column, *number),
            Self::Boolean(truth) => table.set_boolean(column, *truth),
        }
    }

    /// About what it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Integer(_) | Self::Double(_) | Self::Boolean(_) => 8,
        }
    }

    /// The same, with text of its own.
    pub(super) fn into_owned(self) -> Content<'static> {
        match self {
            Self::Text(text) => Content::Text(Cow::Owned(text.into_owned())),
            Self::Integer(number) => Content::Integer(number),
            Self::Double(number) => Content::Double(number),
            Self::Boolean(truth) => Content::Boolean(truth),
        }
    }
}

/// The double nearest to a whole number.
#[expect(clippy::cast_precision_loss, reason = "a column of doubles holds the nearest one")]
pub(super) const fn nearest(number: i64) -> f64 {
    number as f64
}

/// The whole number that a double is, if it is one of 64 bits.
fn whole(number: f64) -> Option<i64> {
    /// 2^63: the first that is too large.
    const END: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "its range and that it is whole are checked first")]
    (number.fract() == 0.0 && (-END..END).contains(&number)).then_some(number as i64)
}

/// Writes an `ArrayValue` or a `KeyValueList` as plain JSON. Of a key that is repeated, the first counts.
fn write_list(
    message: &'static Message,
    mut list: Reader<'_>,
    depth: u32,
    irregular: &mut bool,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    check_depth(list, depth)?;
    let is_array = message.fields.first().is_some_and(
        |values| matches!(values.kind, Sent::Message(inner) if std::ptr::eq(inner, &raw const ANY_VALUE)),
    );
    let mut keys = HashSet::new();
    out.push(if is_array { b'[' } else { b'{' });
    let start = out.len();
    while !list.is_empty() {
        let Some((field, Found::One(sent) | Found::Packed(sent))) = next(message, &mut list)? else {
            continue;
        };
        let before = out.len();
        if before > start {
            out.push(b',');
        }
        if is_array {
            let value = Value::read(sent, depth + 1, irregular).map_err(|invalid| invalid.within(field))?;
            value.write_plain(depth + 1, irregular, out).map_err(|invalid| invalid.within(field))?;
            continue;
        }
        let pair = Pair::read(sent, depth + 1, irregular).map_err(|invalid| invalid.within(field))?;
        string(pair.key, out);
        out.push(b':');
        pair.value.write_plain(depth + 2, irregular, out).map_err(|invalid| invalid.within(field))?;
        if !keys.insert(utf8(pair.key)) {
            out.truncate(before);
        }
    }
    out.push(if is_array { b']' } else { b'}' });
    Ok(())
}

/// A `KeyValue`.
pub(super) struct Pair<'a> {
    /// Its key, which may be anything but UTF-8.
    pub(super) key: &'a [u8],
    pub(super) value: Value<'a>,
    /// Whether it is nothing but a key and a text.
    pub(super) is_plain: bool,
    /// Whether it is nothing but a key and a value that is no list, in this order.
    pub(super) is_usual: bool,
}

impl<'a> Pair<'a> {
    /// Reads a `KeyValue` at level `depth`. Sets `irregular` as [`Fields::read`](super::fields::Fields::read) does.
    #[inline]
    pub(super) fn read(reader: Reader<'a>, depth: u32, irregular: &mut bool) -> Result<Self, Invalid> {
        match Self::read_usual(reader.bytes()) {
            Some(pair) if depth < DEPTH_MAX => Ok(pair),
            _ => Self::read_any(reader, depth, irregular),
        }
    }

    /// Reads a `KeyValue` as nearly all of them are: see `is_usual`.
    #[inline]
    fn read_usual(pair: &'a [u8]) -> Option<Self> {
        let [key_byte::KEY, behind @ ..] = pair else { return None };
        let mut rest = Reader::new(behind);
        let key = rest.payload().ok()?.bytes();
        let [key_byte::VALUE, behind @ ..] = rest.bytes() else { return None };
        let mut rest = Reader::new(behind);
        let value = Value::read_usual(rest.payload().ok()?.bytes())?;
        let is_plain = matches!(value, Value::Text(_));
        rest.is_empty().then_some(Self { key, value, is_plain, is_usual: true })
    }

    /// Reads any `KeyValue`.
    fn read_any(mut reader: Reader<'a>, depth: u32, irregular: &mut bool) -> Result<Self, Invalid> {
        check_depth(reader, depth)?;
        let mut pair = Self { key: &[], value: Value::Missing, is_plain: false, is_usual: false };
        let mut seen = 0;
        let mut has_reference = false;
        while !reader.is_empty() {
            let Some((field, Found::One(mut sent) | Found::Packed(mut sent))) =
                next(&KEY_VALUE, &mut reader)?
            else {
                continue;
            };
            *irregular |= seen & field.bit() != 0;
            seen |= field.bit();
            match field.kind {
                Sent::String => pair.key = sent.bytes(),
                Sent::Message(_) => {
                    pair.value =
                        Value::read(sent, depth + 1, irregular).map_err(|invalid| invalid.within(field))?;
                }
                // Of profiles alone.
                _ => has_reference = sent.varint()? != 0,
            }
        }
        pair.is_plain = matches!(pair.value, Value::Text(_)) && !has_reference;
        Ok(pair)
    }
}

fn check_depth(reader: Reader<'_>, depth: u32) -> Result<(), Invalid> {
    if depth > DEPTH_MAX { Err(reader.invalid(Problem::TooDeep)) } else { Ok(()) }
}
