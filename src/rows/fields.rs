//! The fields of one message, found on the wire and not gone into.

use std::borrow::Cow;

use crate::otlp::Invalid;
use crate::otlp::schema::{Field, Message, NUMBERS};
use crate::otlp::wire::Reader;
use crate::otlp::write_json::Found;
use crate::otlp::write_json::scalar::low_bits;

/// Where the singular fields of a message lie, and which repeated ones it has.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) message: &'static Message,
    /// The whole message.
    pub(super) sent: Reader<'a>,
    /// The numbers of the fields that are there.
    seen: u32,
    /// The last value of each singular field that is there; of a repeated one all from the first value to the last, with
    /// their keys, and what lies between them.
    values: [Reader<'a>; NUMBERS],
}

impl<'a> Fields<'a> {
    /// Looks through a message. Sets `irregular` where a singular field, or two members of the oneof, are given: then
    /// what was read is not what the message says, and the request has to be merged first.
    pub(super) fn read(
        message: &'static Message,
        sent: Reader<'a>,
        irregular: &mut bool,
    ) -> Result<Self, Invalid> {
        let mut fields = Self { message, sent, seen: 0, values: [Reader::new(&[]); NUMBERS] };
        let mut has_member = false;
        let mut reader = sent;
        while !reader.is_empty() {
            let start = reader;
            let Some((field, found)) = next(message, &mut reader)? else { continue };
            let (Found::One(value) | Found::Packed(value)) = found;
            let was_seen = fields.seen & field.bit() != 0;
            fields.seen |= field.bit();
            let Some(place) = fields.values.get_mut(field.number as usize) else { continue };
            if field.is_repeated() {
                let first = if was_seen { *place } else { start };
                *place = sent.between(first.offset(), reader.offset());
            } else {
                *irregular |= was_seen || (field.is_oneof() && has_member);
                has_member |= field.is_oneof();
                *place = value;
            }
        }
        Ok(fields)
    }

    /// Whether a field is there. Numbers that the schema does not know never are.
    pub(super) const fn has(&self, number: u32) -> bool {
        self.seen & (1 << number) != 0
    }

    /// Whether a field is there that is not in `held`, a set of bits.
    pub(super) const fn has_more_than(&self, held: u32) -> bool {
        self.seen & !held != 0
    }

    /// The value of a singular field, if it is there.
    pub(super) fn get(&self, number: u32) -> Option<Reader<'a>> {
        self.values.get(number as usize).copied().filter(|_| self.has(number))
    }

    /// A number that lies as a varint of 32 bits; 0 where it is not there.
    pub(super) fn short(&self, number: u32) -> Result<u32, Invalid> {
        self.get(number).map_or(Ok(0), |mut value| value.varint().map(low_bits))
    }

    /// A number that lies in eight bytes; 0 where it is not there.
    pub(super) fn long(&self, number: u32) -> Result<u64, Invalid> {
        self.get(number).map_or(Ok(0), |mut value| value.fixed64())
    }

    /// Text, with U+FFFD for what is not UTF-8; empty where it is not there.
    pub(super) fn text(&self, number: u32) -> Cow<'a, str> {
        utf8(self.bytes(number))
    }

    /// Bytes; none where the field is not there.
    pub(super) fn bytes(&self, number: u32) -> &'a [u8] {
        self.get(number).map_or(&[][..], |value| value.bytes())
    }

    /// Hands every value of a repeated field to `each`, in order.
    pub(super) fn each(
        &self,
        number: u32,
        mut each: impl FnMut(&'static Field, Found<'a>) -> Result<(), Invalid>,
    ) -> Result<(), Invalid> {
        if !self.has(number) {
            return Ok(());
        }
        let mut reader = self.values.get(number as usize).copied().unwrap_or(self.sent);
        while !reader.is_empty() {
            if let Some((field, found)) = next(self.message, &mut reader)?
                && field.number == number
            {
                each(field, found)?;
            }
        }
        Ok(())
    }

    /// Hands every message of a repeated field to `each`, in order.
    pub(super) fn each_message(
        &self,
        number: u32,
        mut each: impl FnMut(Reader<'a>) -> Result<(), Invalid>,
    ) -> Result<(), Invalid> {
        self.each(number, |field, (Found::One(sent) | Found::Packed(sent))| {
            each(sent).map_err(|invalid| invalid.within(field))
        })
    }
}

/// The next field and its value; `None` if the schema does not know it.
#[expect(
    clippy::inline_always,
    reason = "what it returns is copied twice otherwise, which takes longer than to find it"
)]
#[inline(always)]
pub(super) fn next<'a>(
    message: &'static Message,
    reader: &mut Reader<'a>,
) -> Result<Option<(&'static Field, Found<'a>)>, Invalid> {
    let start = *reader;
    let key = reader.key()?;
    let Some(field) = message.field(key.number) else {
        return reader.skip(key.wire_type).map(|()| None);
    };
    let found = Found::read(field, key, start, reader).map_err(|invalid| invalid.within(field))?;
    Ok(Some((field, found)))
}

/// Text, with U+FFFD for what is not UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    // Several times as fast as to look for what is not.
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
