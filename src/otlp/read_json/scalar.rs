//! Scalars of OTLP/JSON, as strictly or loosely as clients write them.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, Unexpected, Visitor};

use super::output::Output;
use crate::otlp::schema::{Enumeration, Field, Kind, Label};

/// Takes base64 with padding or without, and does not mind bits that stand for nothing.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// What stands for text that is not valid.
const REPLACEMENT: &str = "\u{FFFD}";

/// Reads a scalar and writes it.
pub(super) struct ScalarSeed<'o> {
    field: &'static Field,
    /// Whether a default may be left out.
    omits_default: bool,
    /// Whether it is an element of packed numbers, which have no keys.
    is_packed: bool,
    output: &'o mut Output,
}

impl<'o> ScalarSeed<'o> {
    /// Reads the value of a field that is not repeated. `is_again` says that the field was written before.
    pub(super) fn field(field: &'static Field, is_again: bool, output: &'o mut Output) -> Self {
        let omits_default = field.label == Label::Plain && !is_again;
        Self { field, omits_default, is_packed: false, output }
    }

    /// Reads an element of a repeated field.
    pub(super) const fn element(field: &'static Field, output: &'o mut Output) -> Self {
        Self { field, omits_default: false, is_packed: field.kind.is_packable(), output }
    }

    /// Writes text or bytes.
    fn payload<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        if self.omits_default && bytes.is_empty() {
            return Ok(());
        }
        self.output.payload(self.field, bytes)
    }

    /// Writes a number, given as the bits of its varint or fixed-size form.
    fn number<E: Error>(self, bits: u64) -> Result<(), E> {
        if self.omits_default && bits == 0 {
            return Ok(());
        }
        let Self { field, output, .. } = self;
        if !self.is_packed {
            output.key(field, field.wire_type)?;
        }
        match field.kind {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => output.raw(&bits.to_le_bytes()),
            // The upper half is zero: the number was checked to fit.
            Kind::Fixed32 => output.raw(&bits.to_le_bytes()[..4]),
            _ => output.varint(bits),
        }
    }

    /// Writes a number that the document has as an integer.
    fn integer<E: Error>(self, value: i128) -> Result<(), E> {
        if let Kind::String | Kind::Bytes | Kind::Id | Kind::Bool | Kind::Message(_) = self.field.kind {
            return Err(E::invalid_type(Unexpected::Other("a number"), &self));
        }
        let bits = integer_bits(self.field.kind, value);
        match bits {
            Some(bits) => self.number(bits),
            None => Err(E::custom(format_args!(
                "{value} is out of range, expected {}",
                Expected(self.field.kind)
            ))),
        }
    }

    /// Writes a number that the document has with a point or an exponent.
    fn float<E: Error>(self, value: f64) -> Result<(), E> {
        match self.field.kind {
            Kind::Double => self.number(value.to_bits()),
            _ => match to_integer(value) {
                Some(value) => self.integer(value),
                None => Err(E::invalid_value(Unexpected::Float(value), &self)),
            },
        }
    }

    /// Writes what the document has as a string.
    fn text<E: Error>(self, text: &str) -> Result<(), E> {
        match self.field.kind {
            Kind::Id => match hex(text) {
                Some(bytes) => self.payload(&bytes),
                None => Err(E::invalid_value(Unexpected::Str(text), &self)),
            },
            Kind::Bytes => match STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)) {
                Ok(bytes) => self.payload(&bytes),
                Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
            },
            Kind::Enum(enumeration) => match enumeration.values.iter().find(|(name, _)| *name == text) {
                Some((_, value)) => self.integer(i128::from(*value)),
                None => self.number_in_text(text),
            },
            Kind::String | Kind::Bool | Kind::Message(_) => {
                Err(E::invalid_type(Unexpected::Str(text), &self))
            }
            _ => self.number_in_text(text),
        }
    }

    /// Writes a number that the document has in a string.
    fn number_in_text<E: Error>(self, text: &str) -> Result<(), E> {
        // The longest integer that fits anywhere has 20 characters; more digits are not worth parsing.
        match (text.parse::<i128>(), text.parse::<f64>()) {
            // A double keeps the sign of "-0", which an integer does not have.
            (Ok(value), _) if !matches!(self.field.kind, Kind::Double) => self.integer(value),
            (_, Ok(value)) => self.float(value),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ScalarSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.field.kind {
            // `null`, or else text, whose bytes we check ourselves.
            Kind::String => deserializer.deserialize_option(self),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for ScalarSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Expected(self.field.kind))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if self.field.is_repeated() {
            return Err(E::invalid_type(Unexpected::Unit, &self));
        }
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_bytes(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => self.number(u64::from(value)),
            _ => Err(E::invalid_type(Unexpected::Bool(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.integer(i128::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.integer(i128::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.float(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.text(value)
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<(), E> {
        let text = valid_text(value);
        self.payload(text.as_bytes())
    }
}

/// What a scalar of a kind looks like in a document.
struct Expected(Kind);

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::String => "a string",
            Kind::Bytes => "a string in base64",
            Kind::Id => "an id in hex, two digits a byte",
            Kind::Bool => "true or false",
            Kind::Double => "a number, or one of \"NaN\", \"Infinity\" and \"-Infinity\"",
            Kind::Int32 | Kind::Sint32 => "a signed integer of 32 bits",
            Kind::Uint32 | Kind::Fixed32 => "an unsigned integer of 32 bits",
            Kind::Int64 | Kind::Sfixed64 => "a signed integer of 64 bits, best as a string",
            Kind::Uint64 | Kind::Fixed64 => "an unsigned integer of 64 bits, best as a string",
            Kind::Enum(enumeration) => return write_enumeration(enumeration, f),
            Kind::Message(message) => message.name,
        })
    }
}

/// Writes what a value of `enumeration` looks like.
fn write_enumeration(enumeration: &Enumeration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "a {} as a number", enumeration.name)?;
    match enumeration.values.first() {
        Some((name, _)) => write!(f, " or by name, like {name}"),
        None => Ok(()),
    }
}

/// The double nearest to an integer.
#[expect(clippy::cast_precision_loss, reason = "a reader of doubles rounds integers that it cannot hold")]
const fn to_double(value: i128) -> f64 {
    value as f64
}

/// The integer that a double is, if it is one.
#[expect(clippy::cast_possible_truncation, reason = "saturates far beyond every range that is checked later")]
fn to_integer(value: f64) -> Option<i128> {
    (value.fract() == 0.0).then_some(value as i128)
}

/// An integer as the bits of the varint or of the fixed-size form of a kind; none if it does not fit.
pub(super) fn integer_bits(kind: Kind, value: i128) -> Option<u64> {
    match kind {
        Kind::Double => Some(to_double(value).to_bits()),
        Kind::Int32 | Kind::Enum(_) => {
            i32::try_from(value).ok().map(|value| i64::from(value).cast_unsigned())
        }
        Kind::Sint32 => i32::try_from(value).ok().map(|value| u64::from(zigzag(value))),
        Kind::Uint32 | Kind::Fixed32 => u32::try_from(value).ok().map(u64::from),
        Kind::Int64 | Kind::Sfixed64 => i64::try_from(value).ok().map(i64::cast_unsigned),
        Kind::Uint64 | Kind::Fixed64 => u64::try_from(value).ok(),
        Kind::String | Kind::Bytes | Kind::Id | Kind::Bool | Kind::Message(_) => None,
    }
}

/// The zigzag form of a number.
const fn zigzag(value: i32) -> u32 {
    (value << 1 ^ value >> 31).cast_unsigned()
}

/// The bytes of an id.
fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|pair| hex_byte(*pair)).collect()
}

/// The byte that two digits are.
pub(super) fn hex_byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Text as valid UTF-8. `serde_json` hands over halves of surrogate pairs as the three bytes that UTF-8 would have for
/// them if it allowed them; each becomes one U+FFFD, like every other piece that is not valid.
fn valid_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut valid = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(chunk) = rest.utf8_chunks().next() {
        valid.push_str(chunk.valid());
        rest = &rest[chunk.valid().len()..];
        rest = match rest {
            [] => rest,
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, after @ ..] => after,
            _ => &rest[chunk.invalid().len()..],
        };
        if !chunk.invalid().is_empty() {
            valid.push_str(REPLACEMENT);
        }
    }
    Cow::Owned(valid)
}
