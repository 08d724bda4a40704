//! An export request in parts, by attributes of its resources.

use bytes::Bytes;

use super::Signal;
use super::invalid::Invalid;
use super::schema::{self, Field};
use super::string_table::StringTable;
use super::validate;
use super::wire::{Reader, WireType};

/// What of a request has the same attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The value of each attribute that was asked for, if it is there and a text.
    pub values: Vec<Option<String>>,
    /// Log records, data points, spans or profiles in it.
    pub items: u32,
    /// The resources with these values, byte for byte and in their order.
    resources: Bytes,
    /// What every part has: the dictionary of profiles, and what else stands beside their resources.
    shared: Bytes,
}

/// Why a request is not split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// It is none of the signal.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Each part of profiles needs the whole dictionary, and there are too many of them.
    #[error(
        "its resources have {parts} values of the attributes in objects.key, and {parts} copies of its dictionary, which \
         takes {shared_bytes} bytes, would take more than {COPIED_BYTES_MAX} bytes"
    )]
    TooManyCopies {
        /// How many parts there would be.
        parts: usize,
        /// The length of the dictionary.
        shared_bytes: usize,
    },
}

/// What the dictionaries of all parts of a request may take, in bytes.
const COPIED_BYTES_MAX: usize = 256 << 20;

/// The number of the resource in `ResourceLogs` and its siblings, of attributes in a resource, and of key and value in an
/// attribute.
const RESOURCE: u32 = 1;
const ATTRIBUTES: u32 = 1;
const KEY: u32 = 1;
const VALUE: u32 = 2;
const KEY_STRINDEX: u32 = 3;
/// Members of `AnyValue` that can be written as a short text.
const STRING: u32 = 1;
const BOOL: u32 = 2;
const INT: u32 = 3;
const STRING_STRINDEX: u32 = 8;

impl Part {
    /// A request of its own.
    pub fn body(&self) -> Bytes {
        if self.shared.is_empty() {
            return self.resources.clone();
        }
        [&self.resources[..], &self.shared].concat().into()
    }
}

/// Splits a request of `signal` by the attributes `keys` of its resources, in the order in which the values come up. Texts,
/// whole numbers and truth values count as values; of a repeated key the first does. Where profiles name a key or a value
/// by its place in their dictionary, it is looked up.
///
/// # Errors
///
/// When `body` is no such request, as [`validate`](super::validate()) says; when the parts would take too much.
pub fn split_by_resource(signal: Signal, body: &Bytes, keys: &[String]) -> Result<Vec<Part>, SplitError> {
    let items = validate(signal, body)?;
    let strings = StringTable::of(signal, body);
    let mut parts: Vec<(Vec<Option<String>>, Vec<u8>)> = Vec::new();
    let mut shared = Vec::new();
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        let start = reader;
        let key = reader.key()?;
        let mut value = reader;
        reader.skip(key.wire_type)?;
        let element = &start.bytes()[..start.bytes().len() - reader.bytes().len()];
        if !schema::request(signal).field(key.number).is_some_and(Field::is_repeated) {
            // What no schema knows would not be in any object of rows either. But where a request has a dictionary, what is
            // beside the resources may be another one.
            if !signal.can_be_laid_end_to_end() {
                shared.extend_from_slice(element);
            }
            continue;
        }
        let values = values(value.payload()?, keys, &strings)?;
        match parts.iter_mut().find(|(of, _)| *of == values) {
            Some((_, resources)) => resources.extend_from_slice(element),
            None => parts.push((values, element.to_vec())),
        }
    }
    if let [(values, _)] = &mut parts[..] {
        let values = std::mem::take(values);
        return Ok(vec![Part { values, items, resources: body.clone(), shared: Bytes::new() }]);
    }
    if shared.len().saturating_mul(parts.len()) > COPIED_BYTES_MAX {
        return Err(SplitError::TooManyCopies { parts: parts.len(), shared_bytes: shared.len() });
    }
    let shared = Bytes::from(shared);
    let part = |(values, resources): (_, Vec<u8>)| {
        let items = validate(signal, &resources)?;
        Ok(Part { values, items, resources: resources.into(), shared: shared.clone() })
    };
    parts.into_iter().map(part).collect()
}

/// The values of the attributes `keys` of the resource in a `ResourceLogs` or one of its siblings.
fn values(
    sent: Reader<'_>,
    keys: &[String],
    strings: &StringTable<'_>,
) -> Result<Vec<Option<String>>, Invalid> {
    let mut values = vec![None; keys.len()];
    each(sent, RESOURCE, &mut |resource| {
        each(resource, ATTRIBUTES, &mut |attribute| {
            let name = name(attribute, strings)?;
            let wanted = keys.iter().position(|key| Some(key.as_bytes()) == name);
            if let Some(place) = wanted.filter(|place| values[*place].is_none()) {
                each(attribute, VALUE, &mut |value| {
                    values[place] = text(value, strings)?;
                    Ok(())
                })?;
            }
            Ok(())
        })
    })?;
    Ok(values)
}

/// The key of an attribute.
fn name<'a>(mut attribute: Reader<'a>, strings: &StringTable<'a>) -> Result<Option<&'a [u8]>, Invalid> {
    let (mut name, mut place) = (None, None);
    while !attribute.is_empty() {
        let key = attribute.key()?;
        match (key.number, key.wire_type) {
            (KEY, WireType::Length) => name = Some(attribute.payload()?.bytes()),
            (KEY_STRINDEX, WireType::Varint) => place = Some(attribute.varint()?),
            _ => attribute.skip(key.wire_type)?,
        }
    }
    match place {
        Some(place) if name.is_none_or(<[u8]>::is_empty) => strings.get(place),
        _ => Ok(name),
    }
}

/// Does something with every message, or text, in the field `number`.
fn each<'a>(
    mut message: Reader<'a>,
    number: u32,
    work: &mut dyn FnMut(Reader<'a>) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    while !message.is_empty() {
        let key = message.key()?;
        if key.number == number && key.wire_type == WireType::Length {
            work(message.payload()?)?;
        } else {
            message.skip(key.wire_type)?;
        }
    }
    Ok(())
}

/// An `AnyValue` as a short text, if it can be one; of several members the last counts.
fn text(mut value: Reader<'_>, strings: &StringTable<'_>) -> Result<Option<String>, Invalid> {
    let owned = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut text = None;
    while !value.is_empty() {
        let key = value.key()?;
        text = match key.number {
            STRING => Some(owned(value.payload()?.bytes())),
            BOOL => Some((value.varint()? != 0).to_string()),
            INT => Some(value.varint()?.cast_signed().to_string()),
            STRING_STRINDEX => strings.get(value.varint()?)?.map(owned),
            _ => {
                value.skip(key.wire_type)?;
                None
            }
        };
    }
    Ok(text)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
