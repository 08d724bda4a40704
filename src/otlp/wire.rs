//! The wire format of protobuf: keys, varints, fixed-size numbers and lengths.
//!
//! ```text
//!   | key = number << 3 | wire type |  value by wire type                      |
//!   |            varint             |  0: varint  1: 8 bytes  5: 4 bytes       |
//!   |                               |  2: length as a varint, then the bytes   |
//! ```

use std::fmt;

use super::invalid::{Invalid, Problem};

/// How a value lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    /// Seven bits a byte, the lowest first.
    Varint = 0,
    /// Eight bytes, little-endian.
    Fixed64 = 1,
    /// A length and as many bytes.
    Length = 2,
    /// Four bytes, little-endian.
    Fixed32 = 5,
}

/// The wire type of each number, if it is one.
const WIRE_TYPES: [Option<WireType>; 8] = [
    Some(WireType::Varint),
    Some(WireType::Fixed64),
    Some(WireType::Length),
    None,
    None,
    Some(WireType::Fixed32),
    None,
    None,
];

/// Number and wire type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The field's number.
    pub(crate) number: u32,
    /// How its value lies on the wire.
    pub(crate) wire_type: WireType,
}

/// Reads a message, or a part of one, from front to back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// What is left to read.
    rest: &'a [u8],
    /// Where in the body `rest` ends: what makes errors say where they are.
    end: usize,
}

impl fmt::Display for WireType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Varint => "varint",
            Self::Fixed64 => "8 bytes",
            Self::Length => "length and bytes",
            Self::Fixed32 => "4 bytes",
        })
    }
}

impl<'a> Reader<'a> {
    /// A reader of a whole body.
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body, end: body.len() }
    }

    /// Whether all is read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left to read.
    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    /// Where in the body what is left begins.
    pub(crate) const fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// `problem`, here.
    #[cold]
    pub(crate) const fn invalid(&self, problem: Problem) -> Invalid {
        Invalid::new(problem, self.offset())
    }

    /// What lies between two places of the body, which are within what is left.
    #[inline]
    pub(crate) fn between(&self, from: usize, to: usize) -> Self {
        let start = self.offset();
        let inside = from.checked_sub(start).and_then(|from| self.rest.get(from..to.checked_sub(start)?));
        Self { rest: inside.unwrap_or_default(), end: to }
    }

    /// The next field's key.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Key, Invalid> {
        // Nearly every field of OTLP has a number below 16.
        if let [key @ 0x08..0x80, rest @ ..] = self.rest
            && let Some(wire_type) = WIRE_TYPES[usize::from(key & 7)]
        {
            self.rest = rest;
            return Ok(Key { number: u32::from(key >> 3), wire_type });
        }
        self.unusual_key()
    }

    /// A key of several bytes, or one that cannot be.
    fn unusual_key(&mut self) -> Result<Key, Invalid> {
        let start = *self;
        let key = self.varint()?;
        let number = key.to_le_bytes()[0] & 7;
        let Some(wire_type) = WIRE_TYPES[usize::from(number)] else {
            return Err(start.invalid(match number {
                3 | 4 => Problem::Group,
                unknown => Problem::UnknownWireType(unknown),
            }));
        };
        match u32::try_from(key) {
            Ok(key) if key >> 3 != 0 => Ok(Key { number: key >> 3, wire_type }),
            _ => Err(start.invalid(Problem::FieldNumber)),
        }
    }

    /// A varint.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Invalid> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    /// A varint of more than one byte.
    fn long_varint(&mut self) -> Result<u64, Invalid> {
        /// What 64 bits take at seven bits a byte; the last byte holds the last bit alone.
        const LENGTH_MAX: usize = 10;
        let mut value = 0;
        for (index, byte) in self.rest.iter().take(LENGTH_MAX).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                if index + 1 == LENGTH_MAX && *byte > 1 {
                    return Err(self.invalid(Problem::Varint));
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        let is_whole = self.rest.len() >= LENGTH_MAX;
        Err(self.invalid(if is_whole { Problem::Varint } else { Problem::Truncated }))
    }

    /// Four bytes.
    pub(crate) fn fixed32(&mut self) -> Result<u32, Invalid> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(u32::from_le_bytes(*bytes))
            }
            None => Err(self.invalid(Problem::Truncated)),
        }
    }

    /// Eight bytes.
    pub(crate) fn fixed64(&mut self) -> Result<u64, Invalid> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(u64::from_le_bytes(*bytes))
            }
            None => Err(self.invalid(Problem::Truncated)),
        }
    }

    /// What follows a length: a message, text, bytes, or packed numbers.
    #[inline]
    pub(crate) fn payload(&mut self) -> Result<Self, Invalid> {
        let start = *self;
        let length = self.varint()?;
        let left = self.rest.len();
        match usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length)) {
            Some((inside, rest)) => {
                self.rest = rest;
                Ok(Self { rest: inside, end: self.end - rest.len() })
            }
            None => Err(start.invalid(Problem::Length { length, left })),
        }
    }

    /// Passes over a value of this wire type.
    #[inline]
    pub(crate) fn skip(&mut self, wire_type: WireType) -> Result<(), Invalid> {
        match wire_type {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.fixed64().map(drop),
            WireType::Length => self.payload().map(drop),
            WireType::Fixed32 => self.fixed32().map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_length_are_read() {
        for shift in 0..64 {
            let value = u64::MAX >> shift;
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(value, &mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_varint_that_does_not_end_or_fit_is_refused() {
        let problem = |bytes: &[u8]| Reader::new(bytes).varint().unwrap_err().problem;
        assert_eq!(problem(&[]), Problem::Truncated);
        assert_eq!(problem(&[0xff; 9]), Problem::Truncated);
        assert_eq!(problem(&[0xff; 10]), Problem::Varint);
        assert_eq!(problem(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), Problem::Varint);
    }

    #[test]
    fn an_error_inside_a_payload_says_where_it_is_in_the_body() {
        let mut reader = Reader::new(&[10, 3, 8, 1, 9, 8, 7]);
        assert_eq!(reader.key(), Ok(Key { number: 1, wire_type: WireType::Length }));
        let mut inside = reader.payload().unwrap();
        assert_eq!(inside.skip(WireType::Varint), Ok(()));
        assert_eq!(inside.skip(WireType::Varint), Ok(()));
        assert_eq!(inside.fixed32().unwrap_err(), Invalid::new(Problem::Truncated, 4));
        assert_eq!(reader.bytes(), [8, 7]);
    }
}
