//! A document as clients write it, straight into the wire format.
//!
//! It knows keys in lowerCamelCase, values of the types that the specification asks for, and JSON. It gives up on the first
//! thing that is anything else, valid or not: fields that are not known, `null`, a key given twice, text that is not UTF-8.
//! Its caller then begins again with the engine that takes all that may be taken and says what is wrong with the rest
//! ([`super::message`]). What it does read, it turns into the very bytes that the other engine would make of it.

use super::scalar::{hex_byte, integer_bits};
use super::text::{JsonString, Text};
use crate::otlp::schema::{Field, Kind, Label, Message};
use crate::otlp::wire::WireType;

/// Says that the other engine is to be asked.
pub(super) struct Unusual;

/// Messages that nest deeper are left to the other engine.
const DEPTH_MAX: u32 = 32;

/// Goes through a document from front to back.
pub(super) struct Straight<'a> {
    text: Text<'a>,
    out: Vec<u8>,
    limit_bytes: usize,
}

/// Reads a whole document.
pub(super) fn read(request: &'static Message, json: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Unusual> {
    // The wire format takes about half of what JSON takes.
    let out = Vec::with_capacity((json.len() / 2).min(limit_bytes));
    let mut straight = Straight { text: Text::new(json), out, limit_bytes };
    straight.text.pass_space();
    straight.message(request, 0)?;
    straight.text.pass_space();
    if straight.text.is_at_end() && straight.out.len() <= limit_bytes {
        Ok(straight.out)
    } else {
        Err(Unusual)
    }
}

impl Straight<'_> {
    /// Reads an object, and writes its fields.
    fn message(&mut self, message: &'static Message, depth: u32) -> Result<(), Unusual> {
        if depth > DEPTH_MAX || !self.text.take(b'{') {
            return Err(Unusual);
        }
        self.text.pass_space();
        if self.text.take(b'}') {
            return Ok(());
        }
        let mut seen = 0;
        // The place of the field that is expected next.
        let mut next = 0;
        loop {
            let place = self.text.key(message, next).ok_or(Unusual)?;
            let field = &message.fields[place];
            if seen & field.bit() != 0 || self.out.len() > self.limit_bytes {
                return Err(Unusual);
            }
            seen |= field.bit();
            next = place + 1;
            self.field(field, depth)?;
            if !self.text.goes_on(b'}').ok_or(Unusual)? {
                return Ok(());
            }
        }
    }

    /// Reads the value of a field.
    fn field(&mut self, field: &'static Field, depth: u32) -> Result<(), Unusual> {
        if field.is_repeated() {
            return self.array(field, depth);
        }
        match field.kind {
            Kind::Message(_) => self.enclosed(field, depth),
            _ => self.scalar(field, field.label == Label::Plain),
        }
    }

    /// Reads a message and writes it as a field. Nearly all are shorter than 128 bytes: one byte is kept for the length, and a
    /// longer payload moves up.
    fn enclosed(&mut self, field: &'static Field, depth: u32) -> Result<(), Unusual> {
        let Kind::Message(message) = field.kind else { return Err(Unusual) };
        self.key(field, WireType::Length);
        let start = self.begin();
        self.message(message, depth + 1)?;
        self.end(start);
        Ok(())
    }

    /// Reads an array, and writes its elements.
    fn array(&mut self, field: &'static Field, depth: u32) -> Result<(), Unusual> {
        if !self.text.take(b'[') {
            return Err(Unusual);
        }
        self.text.pass_space();
        if self.text.take(b']') {
            return Ok(());
        }
        if field.kind.is_packable() {
            self.key(field, WireType::Length);
            let start = self.begin();
            self.elements(|straight| straight.number(field, false, false))?;
            self.end(start);
            return Ok(());
        }
        self.elements(|straight| match field.kind {
            Kind::Message(_) => straight.enclosed(field, depth),
            _ => straight.scalar(field, false),
        })
    }

    /// Reads the elements of an array that is not empty.
    fn elements(&mut self, mut read: impl FnMut(&mut Self) -> Result<(), Unusual>) -> Result<(), Unusual> {
        loop {
            read(self)?;
            if self.out.len() > self.limit_bytes {
                return Err(Unusual);
            }
            if !self.text.goes_on(b']').ok_or(Unusual)? {
                return Ok(());
            }
        }
    }

    /// Reads a scalar and writes it as a field, unless it is a default that may be left out.
    fn scalar(&mut self, field: &Field, omits_default: bool) -> Result<(), Unusual> {
        match field.kind {
            Kind::String => self.string(field, omits_default, |string, out| string.write(out)),
            Kind::Id => self.string(field, omits_default, |string, out| write_id(string.raw, out)),
            Kind::Bytes | Kind::Message(_) => Err(Unusual),
            _ => self.number(field, omits_default, true),
        }
    }

    /// Reads a string, and writes what `write` makes of it as a field, unless it is empty and may be left out.
    fn string(
        &mut self,
        field: &Field,
        omits_default: bool,
        write: impl FnOnce(JsonString<'_>, &mut Vec<u8>) -> Option<()>,
    ) -> Result<(), Unusual> {
        let string = self.text.string().ok_or(Unusual)?;
        if omits_default && string.raw.is_empty() {
            return Ok(());
        }
        self.key(field, WireType::Length);
        let start = self.begin();
        write(string, &mut self.out).ok_or(Unusual)?;
        self.end(start);
        Ok(())
    }

    /// Reads a number, a truth value or the name of one of an enumeration. Writes it, with its key or without, unless it is a
    /// default that may be left out.
    fn number(&mut self, field: &Field, omits_default: bool, has_key: bool) -> Result<(), Unusual> {
        let bits = self.number_bits(field.kind).ok_or(Unusual)?;
        if omits_default && bits == 0 {
            return Ok(());
        }
        if has_key {
            self.key(field, field.wire_type);
        }
        match field.wire_type {
            WireType::Fixed64 => self.out.extend_from_slice(&bits.to_le_bytes()),
            // The upper half is zero: the number was checked to fit.
            WireType::Fixed32 => self.out.extend_from_slice(&bits.to_le_bytes()[..4]),
            WireType::Varint | WireType::Length => self.varint(bits),
        }
        Ok(())
    }

    /// Reads a number as the bits of its varint or fixed-size form.
    fn number_bits(&mut self, kind: Kind) -> Option<u64> {
        if matches!(kind, Kind::Bool) {
            return if self.text.take_word("true") {
                Some(1)
            } else {
                self.text.take_word("false").then_some(0)
            };
        }
        if let Some(string) = self.text.string() {
            // Of doubles "-0" is not 0, and "Infinity" is one.
            return match kind {
                Kind::Double | Kind::Enum(_) => None,
                _ => integer_bits(kind, string.integer()?),
            };
        }
        let number = self.text.number()?;
        if !matches!(kind, Kind::Double) {
            return integer_bits(kind, number.integer?);
        }
        let double: f64 = std::str::from_utf8(number.digits).ok()?.parse().ok()?;
        double.is_finite().then(|| double.to_bits())
    }

    /// Keeps a byte for a length. Returns where what it is the length of begins.
    fn begin(&mut self) -> usize {
        self.out.push(0);
        self.out.len()
    }

    /// Fills in the length of what began there.
    fn end(&mut self, start: usize) {
        let end = self.out.len();
        let length = end - start;
        if let (Ok(length @ 0..0x80), Some(place)) = (u8::try_from(length), self.out.get_mut(start - 1)) {
            *place = length;
            return;
        }
        let more = prost::encoding::encoded_len_varint(length as u64) - 1;
        self.out.resize(end + more, 0);
        self.out.copy_within(start..end, start + more);
        prost::encoding::encode_varint(length as u64, &mut &mut self.out[start - 1..]);
    }

    fn key(&mut self, field: &Field, wire_type: WireType) {
        self.varint(u64::from(field.number << 3 | wire_type as u32));
    }

    fn varint(&mut self, value: u64) {
        match u8::try_from(value) {
            Ok(byte @ 0..0x80) => self.out.push(byte),
            _ => prost::encoding::encode_varint(value, &mut self.out),
        }
    }
}

/// Appends the bytes of an id. Returns none if it is not in hex.
fn write_id(digits: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (pairs, rest) = digits.as_chunks::<2>();
    for pair in pairs {
        out.push(hex_byte(*pair)?);
    }
    rest.is_empty().then_some(())
}
