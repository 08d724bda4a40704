//! What can be stored of a request in which single items cannot be decoded.
//!
//! ```text
//!   request > resource > scope > [metric > data >] item      what is on the way to an item is gone into,
//!                  \> anything else                          what is not has to be right
//! ```
//!
//! The edges of an item are known by its length, whatever is between them. An item that no decoder could read is cut out,
//! and the lengths of what encloses it are written anew; every other byte stays as it was sent.

use std::ptr;

use super::Signal;
use super::invalid::Invalid;
use super::schema::{self, Field, Kind, Message};
use super::validate::{self, validate};
use super::wire::{Reader, WireType};

/// A request from which items were cut out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// What is left: a valid request.
    pub body: Vec<u8>,
    /// The items in it, as [`validate()`] counts them.
    pub items: u32,
    /// The items that were cut out.
    pub rejected: u32,
}

/// Cuts the items out of `body` that cannot be decoded. It takes as much memory again as `body`, and time in proportion.
///
/// # Errors
///
/// If something else cannot be decoded: then it is not known what belongs to what.
pub fn salvage(signal: Signal, body: &[u8]) -> Result<Salvaged, Invalid> {
    let request = schema::request(signal);
    let mut ways = Vec::new();
    leads_to_items(request, &mut Vec::new(), &mut ways);
    let mut cutter = Cutter { ways, kept: Vec::with_capacity(body.len()), rejected: 0 };
    cutter.message(request, Reader::new(body), 1)?;
    let Cutter { mut kept, rejected, .. } = cutter;
    kept.shrink_to_fit();
    let items = validate(signal, &kept)?;
    Ok(Salvaged { body: kept, items, rejected })
}

/// Whether there may be items within `message`. Collects those messages in `ways`; `seen` ends the circles of values.
fn leads_to_items(
    message: &'static Message,
    seen: &mut Vec<&'static Message>,
    ways: &mut Vec<&'static Message>,
) -> bool {
    if message.is_item {
        return true;
    }
    if is_among(seen, message) {
        return is_among(ways, message);
    }
    seen.push(message);
    let mut leads = false;
    for field in message.fields {
        if let Kind::Message(inner) = field.kind {
            leads |= leads_to_items(inner, seen, ways);
        }
    }
    if leads {
        ways.push(message);
    }
    leads
}

fn is_among(messages: &[&'static Message], message: &'static Message) -> bool {
    messages.iter().any(|other| ptr::eq(*other, message))
}

/// Copies a request without the items that cannot be decoded.
struct Cutter {
    /// The messages in which there may be items.
    ways: Vec<&'static Message>,
    kept: Vec<u8>,
    rejected: u32,
}

impl Cutter {
    /// Copies the fields of a message on the way to items, which lies at level `depth`.
    fn message(
        &mut self,
        message: &'static Message,
        mut reader: Reader<'_>,
        depth: u32,
    ) -> Result<(), Invalid> {
        while !reader.is_empty() {
            let start = reader;
            let key = reader.key()?;
            let Some(field) = message.field(key.number) else {
                reader.skip(key.wire_type)?;
                self.copy(start, reader);
                continue;
            };
            match field.kind {
                Kind::Message(inner) if key.wire_type == WireType::Length && inner.is_item => {
                    let item = reader.payload().map_err(|invalid| invalid.within(field))?;
                    if validate::message(inner, item, depth + 1).is_ok() {
                        self.copy(start, reader);
                    } else {
                        self.rejected = self.rejected.saturating_add(1);
                    }
                }
                Kind::Message(inner) if key.wire_type == WireType::Length && is_among(&self.ways, inner) => {
                    self.enclosing(field, inner, start, &mut reader, depth)?;
                }
                _ => {
                    validate::value(field, key, start, &mut reader, depth)
                        .map_err(|invalid| invalid.within(field))?;
                    self.copy(start, reader);
                }
            }
        }
        Ok(())
    }

    /// Copies a field that encloses items; with a new length if one was cut out, and else as it was.
    fn enclosing(
        &mut self,
        field: &'static Field,
        inner: &'static Message,
        start: Reader<'_>,
        reader: &mut Reader<'_>,
        depth: u32,
    ) -> Result<(), Invalid> {
        let (place, rejected) = (self.kept.len(), self.rejected);
        let key = between(start, *reader);
        let payload = reader.payload().map_err(|invalid| invalid.within(field))?;
        self.kept.extend_from_slice(key);
        let content = self.kept.len();
        self.message(inner, payload, depth + 1).map_err(|invalid| invalid.within(field))?;
        if self.rejected == rejected {
            self.kept.truncate(place);
            self.copy(start, *reader);
            return Ok(());
        }
        let mut length = Vec::with_capacity(10);
        prost::encoding::encode_varint((self.kept.len() - content) as u64, &mut length);
        self.kept.splice(content..content, length);
        Ok(())
    }

    /// Copies what lies between two readers of the same message.
    fn copy(&mut self, start: Reader<'_>, end: Reader<'_>) {
        self.kept.extend_from_slice(between(start, end));
    }
}

/// What lies between two readers of the same message.
fn between<'a>(start: Reader<'a>, end: Reader<'_>) -> &'a [u8] {
    &start.bytes()[..start.bytes().len() - end.bytes().len()]
}
