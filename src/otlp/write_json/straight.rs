//! A message as clients send it, straight into JSON.
//!
//! Each field is looked at once and written at once. It gives up on the first thing that no known client sends: fields that
//! JSON could not have in this order, wire types that do not fit, anything invalid. Its caller then takes back what was
//! written and begins again with the engine that takes everything ([`super::message`]): once for all, and not at every
//! level, so that nothing takes more than twice as long.

use super::{close, comma, scalar};
use crate::otlp::schema::{DEPTH_MAX, Field, Kind, Message};
use crate::otlp::wire::{Reader, WireType};

/// Says that the other engine is to be asked.
pub(super) struct Unusual;

/// Goes through a body from front to back.
pub(super) struct Straight<'a, 'o> {
    body: &'a [u8],
    /// Where it stands.
    at: usize,
    out: &'o mut Vec<u8>,
}

impl<'a, 'o> Straight<'a, 'o> {
    /// Stands at the place `at` of `body`, and writes to the end of `out`.
    pub(super) const fn new(body: &'a [u8], at: usize, out: &'o mut Vec<u8>) -> Self {
        Self { body, at, out }
    }

    /// Writes a message of level `depth` that ends before `end`.
    pub(super) fn message(
        &mut self,
        message: &'static Message,
        end: usize,
        depth: u32,
    ) -> Result<(), Unusual> {
        if depth > DEPTH_MAX {
            return Err(Unusual);
        }
        // Every field is written behind a comma, and the first comma becomes the brace.
        let start = self.out.len();
        let mut seen = 0;
        // The number of the repeated field whose array is open.
        let mut open = 0;
        while self.at < end {
            let key = self.key()?;
            let Some(field) = message.field(key >> 3) else {
                self.skip(key, end)?;
                continue;
            };
            if key >> 3 == open {
                self.next_values(field, key, end, depth)?;
                continue;
            }
            if open != 0 {
                self.out.push(b']');
                open = 0;
            }
            if seen & field.only_once != 0 {
                return Err(Unusual);
            }
            seen |= field.only_once;
            if field.is_repeated() {
                open = key >> 3;
            } else if matches!(field.kind, Kind::Id) && self.body.get(self.at) == Some(&0) {
                // An id that is empty says that there is none. (What else lies at this place is no valid id.)
                self.skip(key, end)?;
                continue;
            }
            self.first_values(field, key, end, depth)?;
        }
        if open != 0 {
            self.out.push(b']');
        }
        if self.at != end {
            return Err(Unusual);
        }
        if let Some(comma) = self.out.get_mut(start) {
            *comma = b'{';
            self.out.push(b'}');
        } else {
            self.out.push(b'{');
            close(message, self.out);
        }
        Ok(())
    }

    /// Writes the name of a field and what of its values comes with this key.
    #[inline]
    fn first_values(
        &mut self,
        field: &'static Field,
        key: u32,
        end: usize,
        depth: u32,
    ) -> Result<(), Unusual> {
        field.opening.write(self.out);
        if is_one(field, key) {
            return self.value(field, end, depth);
        }
        if field.kind.is_quoted() {
            self.out.pop();
        }
        self.packed(field, key, end)
    }

    /// Writes further values into the array of a field.
    fn next_values(
        &mut self,
        field: &'static Field,
        key: u32,
        end: usize,
        depth: u32,
    ) -> Result<(), Unusual> {
        if !is_one(field, key) {
            return self.packed(field, key, end);
        }
        comma(self.out);
        if field.kind.is_quoted() {
            self.out.push(b'"');
        }
        self.value(field, end, depth)
    }

    /// Writes a value, behind the quotation mark if it has one.
    #[inline]
    fn value(&mut self, field: &'static Field, end: usize, depth: u32) -> Result<(), Unusual> {
        match field.kind {
            Kind::Message(inner) => {
                let end = self.payload(end)?;
                return self.message(inner, end, depth + 1);
            }
            Kind::String => {
                let text = self.payload(end)?;
                scalar::beginning(self.body.get(self.at..).ok_or(Unusual)?, text - self.at, self.out);
                self.at = text;
            }
            Kind::Fixed64 => {
                let number = self.fixed64()?;
                scalar::unsigned(number, self.out);
            }
            Kind::Int64 => {
                let number = self.varint()?.cast_signed();
                scalar::signed(number, self.out);
            }
            Kind::Id => {
                let id = self.payload(end)?;
                if id == self.at {
                    return Err(Unusual);
                }
                scalar::hex_digits(self.body.get(self.at..id).ok_or(Unusual)?, self.out);
                self.at = id;
            }
            kind => return self.other_value(kind, end),
        }
        self.out.push(b'"');
        Ok(())
    }

    /// Writes a scalar of the kinds of which there are few.
    fn other_value(&mut self, kind: Kind, end: usize) -> Result<(), Unusual> {
        if kind.is_quoted() {
            self.out.pop();
        }
        let end = if matches!(kind, Kind::Bytes) { self.payload(end)? } else { end };
        let mut reader = Reader::new(self.body.get(self.at..end).ok_or(Unusual)?);
        scalar::write(kind, &mut reader, self.out).map_err(|_| Unusual)?;
        self.at = if matches!(kind, Kind::Bytes) { end } else { end - reader.bytes().len() };
        Ok(())
    }

    /// Writes packed numbers into the array of their field.
    fn packed(&mut self, field: &'static Field, key: u32, end: usize) -> Result<(), Unusual> {
        let may_be_packed = field.is_repeated() && field.kind.is_packable();
        if !may_be_packed || key & 7 != WireType::Length as u32 {
            return Err(Unusual);
        }
        let end = self.payload(end)?;
        let mut numbers = Reader::new(self.body.get(self.at..end).ok_or(Unusual)?);
        while !numbers.is_empty() {
            comma(self.out);
            scalar::write(field.kind, &mut numbers, self.out).map_err(|_| Unusual)?;
        }
        self.at = end;
        Ok(())
    }

    /// Passes over a value that is not known.
    fn skip(&mut self, key: u32, end: usize) -> Result<(), Unusual> {
        let rest = self.body.get(self.at..end).ok_or(Unusual)?;
        let mut reader = Reader::new(rest);
        let wire_type = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Length,
            5 => WireType::Fixed32,
            _ => return Err(Unusual),
        };
        if key >> 3 == 0 {
            return Err(Unusual);
        }
        reader.skip(wire_type).map_err(|_| Unusual)?;
        self.at = end - reader.bytes().len();
        Ok(())
    }

    /// A field's number and, in the low three bits, its wire type.
    #[inline]
    fn key(&mut self) -> Result<u32, Unusual> {
        u32::try_from(self.varint()?).map_err(|_| Unusual)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Unusual> {
        match self.body.get(self.at) {
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Unusual> {
        let mut reader = Reader::new(self.body.get(self.at..).ok_or(Unusual)?);
        let value = reader.varint().map_err(|_| Unusual)?;
        self.at = self.body.len() - reader.bytes().len();
        Ok(value)
    }

    #[inline]
    fn fixed64(&mut self) -> Result<u64, Unusual> {
        let rest = self.body.get(self.at..).ok_or(Unusual)?;
        let bytes = rest.first_chunk().ok_or(Unusual)?;
        self.at += bytes.len();
        Ok(u64::from_le_bytes(*bytes))
    }

    /// Reads a length. Returns where what follows ends, which is not behind `end`.
    #[inline]
    fn payload(&mut self, end: usize) -> Result<usize, Unusual> {
        let length = usize::try_from(self.varint()?).map_err(|_| Unusual)?;
        match self.at.checked_add(length) {
            Some(inner) if inner <= end => Ok(inner),
            _ => Err(Unusual),
        }
    }
}

/// Whether a key of `field` stands before one value of the wire type that the field has.
#[inline]
const fn is_one(field: &Field, key: u32) -> bool {
    key & 7 == field.wire_type as u32
}
