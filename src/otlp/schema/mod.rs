//! The one schema of every OTLP message that an export request can hold.
//!
//! It says for each field its number, its two names and its kind, as in opentelemetry-proto 1.x. Validating, writing
//! JSON and reading JSON are each one engine driven by these tables; none of them knows a signal or a message.
//!
//! ```text
//! request(signal) -> Message --fields--> Field --kind--> Kind::Message -> Message ...
//! ```

mod common;
pub(crate) mod key_byte;
mod logs;
mod metrics;
mod profiles;
mod traces;

use super::Signal;
use super::wire::WireType;
pub(crate) use common::{ANY_VALUE, KEY_VALUE};

/// How many messages may lie within each other, the request itself being the first.
///
/// It bounds the stack of every engine. A log record's body is the sixth level, and each array in it takes two more.
pub(crate) const DEPTH_MAX: u32 = 64;

/// Numbers of fields stay below this, so that a set of them fits in the bits of a `u32`.
pub(crate) const NUMBERS: usize = 32;

/// A message of OTLP.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its name in the `.proto` files.
    pub(crate) name: &'static str,
    /// Whether it is what we count: a log record, a span, a profile, or a data point of any type.
    pub(crate) is_item: bool,
    /// Its fields.
    pub(crate) fields: &'static [Field],
    /// The field of each number.
    by_number: [Option<&'static Field>; NUMBERS],
    /// What is to be done at each key of one byte.
    steps: [Step; KEYS],
}

/// Keys of one byte: those of the fields up to 15, of every wire type.
const KEYS: usize = 1 << 7;

/// What stands behind a key, for those who only want to come past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    /// Something that wants a closer look: a field that is not known, or lies on the wire in another form.
    Look,
    /// A varint.
    Varint,
    /// Eight bytes.
    Fixed64,
    /// Four bytes.
    Fixed32,
    /// A length, and bytes that may be anything.
    Length,
    /// A length, and a message.
    Message,
    /// A length, and numbers, one behind the other.
    Packed,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its number on the wire.
    pub(crate) number: u32,
    /// Its name in the `.proto` files, which the Collector accepts in JSON as well.
    pub(crate) proto_name: &'static str,
    /// Its name in OTLP/JSON.
    pub(crate) json_name: &'static str,
    /// What comes before its value in a JSON object that has other fields before it: `,"name":`.
    pub(crate) json_key: &'static str,
    /// How often it may occur, and what its absence means.
    pub(crate) label: Label,
    /// What it holds.
    pub(crate) kind: Kind,
    /// How a value of `kind` lies on the wire: every field of every message is asked for it.
    pub(crate) wire_type: WireType,
    /// All that comes before its first value in such an object.
    pub(crate) opening: Opening,
    /// The numbers of which one field of a message can have but one, as bits: its own, and 0 for all members of the oneof.
    pub(crate) only_once: u32,
}

/// What comes before the first value of a field in a JSON object that has other fields before it: `,"name":`, then `[` if it
/// is repeated, then `"` if its values are written as strings.
///
/// It lies in as many bytes as the longest takes: to copy them all takes less time than to ask how many they are.
#[derive(Debug)]
pub(crate) struct Opening {
    bytes: [u8; Opening::LENGTH_MAX],
    length: usize,
}

/// How often a field may occur, and what its absence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// Once; if it is a scalar, absence means the default.
    Plain,
    /// Once; absence differs from the default.
    Optional,
    /// Once, and at most one field so labelled in the whole message: no message of OTLP has two oneofs.
    Oneof,
    /// Any number of times.
    Repeated,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Text. Invalid UTF-8 is let through.
    String,
    /// Bytes, base64 in JSON.
    Bytes,
    /// The id of a trace, a span or a profile: bytes, hex in JSON.
    Id,
    /// A truth value.
    Bool,
    /// A floating-point number.
    Double,
    /// A signed varint of 32 bits.
    Int32,
    /// A zigzag varint of 32 bits.
    Sint32,
    /// An unsigned varint of 32 bits.
    Uint32,
    /// Four bytes, unsigned.
    Fixed32,
    /// A signed varint of 64 bits, a string in JSON like the three below.
    Int64,
    /// An unsigned varint of 64 bits.
    Uint64,
    /// Eight bytes, unsigned.
    Fixed64,
    /// Eight bytes, signed.
    Sfixed64,
    /// A varint for which there are names.
    Enum(&'static Enumeration),
    /// Another message.
    Message(&'static Message),
}

/// The names of an enumeration's numbers.
#[derive(Debug)]
pub(crate) struct Enumeration {
    /// Its name in the `.proto` files.
    pub(crate) name: &'static str,
    /// Its values by name.
    pub(crate) values: &'static [(&'static str, i32)],
}

/// The export request of a signal, which is also its `LogsData`, `MetricsData`, `TracesData` or `ProfilesData`: one
/// repeated field, and for profiles a dictionary.
pub(crate) const fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Logs => &logs::REQUEST,
        Signal::Metrics => &metrics::REQUEST,
        Signal::Traces => &traces::REQUEST,
        Signal::Profiles => &profiles::REQUEST,
    }
}

impl Message {
    /// A message that is not an item itself.
    const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        let mut by_number = [None; NUMBERS];
        let mut steps = [Step::Look; KEYS];
        let mut place = 0;
        while place < fields.len() {
            let field = &fields[place];
            assert!(by_number[field.number as usize].is_none(), "a number is used twice");
            by_number[field.number as usize] = Some(field);
            let first = (field.number as usize) << 3;
            if first < KEYS {
                if field.is_repeated() && field.kind.is_packable() {
                    steps[first | WireType::Length as usize] = Step::Packed;
                }
                steps[first | field.wire_type as usize] = field.kind.step();
            }
            place += 1;
        }
        Self { name, is_item: false, fields, by_number, steps }
    }

    /// A message that is counted.
    const fn item(name: &'static str, fields: &'static [Field]) -> Self {
        Self { is_item: true, ..Self::new(name, fields) }
    }

    /// The field with this number, if it is known.
    pub(crate) fn field(&self, number: u32) -> Option<&'static Field> {
        *self.by_number.get(number as usize)?
    }

    /// What is to be done at a key that begins with this byte.
    pub(crate) fn step(&self, key: u8) -> Step {
        self.steps.get(usize::from(key)).copied().unwrap_or(Step::Look)
    }

    /// The field of this name in JSON, written as the specification or as the `.proto` files have it.
    pub(crate) fn field_named(&self, name: &[u8]) -> Option<&'static Field> {
        let named =
            |field: &&Field| field.json_name.as_bytes() == name || field.proto_name.as_bytes() == name;
        self.fields.iter().find(named)
    }
}

impl Field {
    /// Its bit in a set of fields of one message.
    pub(crate) const fn bit(&self) -> u32 {
        1 << self.number
    }

    /// Whether it may occur any number of times.
    pub(crate) const fn is_repeated(&self) -> bool {
        matches!(self.label, Label::Repeated)
    }

    /// Whether it belongs to the oneof of its message.
    pub(crate) const fn is_oneof(&self) -> bool {
        matches!(self.label, Label::Oneof)
    }
}

impl Label {
    /// See [`Field::only_once`].
    const fn only_once(self, number: u32) -> u32 {
        1 << number | if matches!(self, Self::Oneof) { 1 } else { 0 }
    }
}

impl Opening {
    /// More than the longest takes, which the compiler sees to.
    const LENGTH_MAX: usize = 32;

    const fn new(json_key: &str, label: Label, kind: Kind) -> Self {
        let mut opening = Self { bytes: [0; Self::LENGTH_MAX], length: 0 };
        let json_key = json_key.as_bytes();
        while opening.length < json_key.len() {
            opening.bytes[opening.length] = json_key[opening.length];
            opening.length += 1;
        }
        if matches!(label, Label::Repeated) {
            opening.bytes[opening.length] = b'[';
            opening.length += 1;
        }
        if kind.is_quoted() {
            opening.bytes[opening.length] = b'"';
            opening.length += 1;
        }
        opening
    }

    /// Appends it.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let before = out.len();
        out.extend_from_slice(&self.bytes);
        out.truncate(before + self.length);
    }
}

impl Kind {
    /// Whether a value of it is always a string in JSON.
    pub(crate) const fn is_quoted(self) -> bool {
        matches!(
            self,
            Self::String
                | Self::Bytes
                | Self::Id
                | Self::Int64
                | Self::Uint64
                | Self::Fixed64
                | Self::Sfixed64
        )
    }

    /// How a value of it lies on the wire.
    pub(crate) const fn wire_type(self) -> WireType {
        match self {
            Self::String | Self::Bytes | Self::Id | Self::Message(_) => WireType::Length,
            Self::Bool
            | Self::Int32
            | Self::Sint32
            | Self::Uint32
            | Self::Int64
            | Self::Uint64
            | Self::Enum(_) => WireType::Varint,
            Self::Double | Self::Fixed64 | Self::Sfixed64 => WireType::Fixed64,
            Self::Fixed32 => WireType::Fixed32,
        }
    }

    /// What stands behind the key of a field of it.
    const fn step(self) -> Step {
        match (self, self.wire_type()) {
            (Self::Message(_), _) => Step::Message,
            (_, WireType::Varint) => Step::Varint,
            (_, WireType::Fixed64) => Step::Fixed64,
            (_, WireType::Fixed32) => Step::Fixed32,
            (_, WireType::Length) => Step::Length,
        }
    }

    /// Whether several values of it may be packed into one field.
    pub(crate) const fn is_packable(self) -> bool {
        !matches!(self.wire_type(), WireType::Length)
    }
}

/// One field: `field!(number, "proto_name", "jsonName", label, kind)`.
macro_rules! field {
    ($number:literal, $proto_name:literal, $json_name:literal, $label:ident, $kind:expr) => {
        crate::otlp::schema::Field {
            number: $number,
            proto_name: $proto_name,
            json_name: $json_name,
            json_key: concat!(",\"", $json_name, "\":"),
            label: crate::otlp::schema::Label::$label,
            kind: $kind,
            wire_type: $kind.wire_type(),
            opening: crate::otlp::schema::Opening::new(
                concat!(",\"", $json_name, "\":"),
                crate::otlp::schema::Label::$label,
                $kind,
            ),
            only_once: crate::otlp::schema::Label::$label.only_once($number),
        }
    };
}
use field;

#[cfg(test)]
mod tests;
