//! An export request as OTLP/JSON, straight from the wire.
//!
//! JSON wants each key once and an array in one piece; on the wire the fields of a message may come in any order,
//! repeated ones in pieces, singular ones twice. Every known client sends them in an order that JSON could have, and what
//! it sends is written as it comes, in one pass ([`straight`]).
//!
//! Where that does not succeed, this engine takes everything: each message is looked at first, one step a field and without
//! going into it; where its fields come in such an order, they are written as they come ([`in_order`]); otherwise they are
//! gathered field by field ([`gathered`]). All write the same document, but for the order of the keys. No message is
//! written more than twice, so there is no input that makes this slow.

pub(crate) mod scalar;
mod straight;

pub(crate) use scalar::{signed as write_json_integer, text as write_json_text};

use super::Signal;
use super::invalid::{Invalid, Problem};
use super::schema::{self, DEPTH_MAX, Field, Kind, Message};
use super::wire::{Key, Reader, WireType};
use straight::Straight;

/// What closes the document that [`json_opening`] opens.
pub const JSON_CLOSING: &str = "]}";

/// What opens a document that several requests may share: `{"resourceLogs":[` or its siblings. None for profiles, which
/// [cannot share one](Signal::can_be_laid_end_to_end).
pub const fn json_opening(signal: Signal) -> Option<&'static str> {
    match signal {
        Signal::Logs => Some("{\"resourceLogs\":["),
        Signal::Metrics => Some("{\"resourceMetrics\":["),
        Signal::Traces => Some("{\"resourceSpans\":["),
        Signal::Profiles => None,
    }
}

/// Appends `body`, an export request of `signal`, to `out` as one compact OTLP/JSON document without a line break.
///
/// # Errors
///
/// When `body` is not such a request, as [`validate`](super::validate()) would say; `out` is then as it was.
pub fn write_json(signal: Signal, body: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
    let before = out.len();
    out.reserve(expected_bytes(body));
    if Straight::new(body, 0, out).message(schema::request(signal), body.len(), 1).is_ok() {
        return Ok(());
    }
    out.truncate(before);
    message(schema::request(signal), &[Reader::new(body)], 1, out).inspect_err(|_| out.truncate(before))
}

/// What a body becomes, about: names and punctuation make JSON about twice as long as the wire format.
const fn expected_bytes(body: &[u8]) -> usize {
    body.len().saturating_mul(2)
}

/// Appends the elements of the array that [`json_opening`] opens, with commas between them, so that several requests
/// become one document. `first` says whether nothing was written to that array yet, and is brought up to date.
///
/// # Errors
///
/// When `body` is not such a request; `out` and `first` are then as they were.
pub fn write_json_resources(
    signal: Signal,
    body: &[u8],
    first: &mut bool,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    let before = out.len();
    out.reserve(expected_bytes(body));
    let mut is_first = *first;
    match resources(schema::request(signal), body, &mut is_first, out) {
        Ok(()) => {
            *first = is_first;
            Ok(())
        }
        Err(invalid) => {
            out.truncate(before);
            Err(invalid)
        }
    }
}

/// Writes the elements of the field in which a request has its resources.
fn resources(
    request: &'static Message,
    body: &[u8],
    first: &mut bool,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        let start = reader;
        let key = reader.key()?;
        let Some(field) = request.field(key.number).filter(|field| field.is_repeated()) else {
            reader.skip(key.wire_type)?;
            continue;
        };
        let found = Found::read(field, key, start, &mut reader).map_err(|invalid| invalid.within(field))?;
        if !*first {
            out.push(b',');
        }
        *first = false;
        if let (Found::One(resource), Kind::Message(inner)) = (found, field.kind) {
            let before = out.len();
            let (start, end) = (resource.offset(), resource.offset() + resource.bytes().len());
            if Straight::new(body, start, out).message(inner, end, 2).is_ok() {
                continue;
            }
            out.truncate(before);
        }
        found.write(field, 2, out).map_err(|invalid| invalid.within(field))?;
    }
    Ok(())
}

/// The value of a field as it was found on the wire, known to have a wire type that fits.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    /// One value.
    One(Reader<'a>),
    /// The payload of packed numbers.
    Packed(Reader<'a>),
}

impl<'a> Found<'a> {
    /// Reads the value of `field`, whose key lies at `start`.
    #[expect(
        clippy::inline_always,
        reason = "what it returns is copied otherwise, which takes as long as to read it"
    )]
    #[inline(always)]
    pub(crate) fn read(
        field: &Field,
        key: Key,
        start: Reader<'a>,
        reader: &mut Reader<'a>,
    ) -> Result<Self, Invalid> {
        let expected = field.wire_type;
        if key.wire_type == expected {
            if expected == WireType::Length {
                return reader.payload().map(Self::One);
            }
            let value = *reader;
            reader.skip(expected)?;
            return Ok(Self::One(value));
        }
        if key.wire_type == WireType::Length && field.is_repeated() && field.kind.is_packable() {
            return reader.payload().map(Self::Packed);
        }
        Err(start.invalid(Problem::WireType { expected, actual: key.wire_type }))
    }

    /// Writes the value, or the values with commas between them.
    #[inline]
    pub(crate) fn write(self, field: &Field, depth: u32, out: &mut Vec<u8>) -> Result<(), Invalid> {
        match (self, field.kind) {
            (Self::One(value), Kind::Message(inner)) => message(inner, &[value], depth, out),
            (Self::One(mut value), _) => scalar::write(field.kind, &mut value, out),
            (Self::Packed(mut values), _) => {
                while !values.is_empty() {
                    comma(out);
                    scalar::write(field.kind, &mut values, out)?;
                }
                Ok(())
            }
        }
    }

    /// Whether it is left out of a document: an id that is empty says that there is none.
    const fn is_left_out(&self, field: &Field) -> bool {
        matches!((self, field.kind), (Self::One(value), Kind::Id) if value.is_empty())
    }
}

/// Writes a message at level `depth` that lies on the wire in one or more `pieces`, which protobuf takes as if they
/// were laid end to end.
fn message(
    message: &'static Message,
    pieces: &[Reader<'_>],
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    match pieces {
        [piece, ..] if depth > DEPTH_MAX => Err(piece.invalid(Problem::TooDeep)),
        [piece] if is_in_order(message, *piece)? => in_order(message, *piece, depth, out),
        _ => gathered(message, pieces, depth, out),
    }
}

/// Whether the fields of a message come as JSON could have them: repeated ones in one run, all others once, and of
/// the oneof only one member.
fn is_in_order(message: &'static Message, mut reader: Reader<'_>) -> Result<bool, Invalid> {
    let mut seen = 0;
    let mut has_member = false;
    let mut run = 0;
    while !reader.is_empty() {
        let key = reader.key()?;
        reader.skip(key.wire_type)?;
        let Some(field) = message.field(key.number) else { continue };
        if run == field.number {
            continue;
        }
        if seen & field.bit() != 0 || (field.is_oneof() && has_member) {
            return Ok(false);
        }
        seen |= field.bit();
        has_member |= field.is_oneof();
        run = if field.is_repeated() { field.number } else { 0 };
    }
    Ok(true)
}

/// Writes the fields of a message as they come.
fn in_order(
    message: &'static Message,
    mut reader: Reader<'_>,
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    out.push(b'{');
    // The number of the repeated field whose array is open.
    let mut open = 0;
    while !reader.is_empty() {
        let start = reader;
        let key = reader.key()?;
        let Some(field) = message.field(key.number) else {
            reader.skip(key.wire_type)?;
            continue;
        };
        let found = Found::read(field, key, start, &mut reader).map_err(|invalid| invalid.within(field))?;
        if open != field.number {
            if open != 0 {
                out.push(b']');
                open = 0;
            }
            if found.is_left_out(field) {
                continue;
            }
            name(field, out);
            if field.is_repeated() {
                out.push(b'[');
                open = field.number;
            }
        }
        if field.is_repeated() && matches!(found, Found::One(_)) {
            comma(out);
        }
        found.write(field, depth + 1, out).map_err(|invalid| invalid.within(field))?;
    }
    if open != 0 {
        out.push(b']');
    }
    close(message, out);
    Ok(())
}

/// Writes the fields of a message in the order of the schema, each gathered from wherever it lies in `pieces`.
fn gathered(
    message: &'static Message,
    pieces: &[Reader<'_>],
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    out.push(b'{');
    let member = last_member(message, pieces)?;
    let mut found = Vec::new();
    for field in message.fields {
        if field.is_oneof() && member != Some(field.number) {
            continue;
        }
        find(message, field, pieces, &mut found)?;
        one_field(field, &found, depth, out).map_err(|invalid| invalid.within(field))?;
    }
    close(message, out);
    Ok(())
}

/// Writes one field of which all of `found` was found.
fn one_field(field: &Field, found: &[Found<'_>], depth: u32, out: &mut Vec<u8>) -> Result<(), Invalid> {
    let Some(last) = found.last() else { return Ok(()) };
    if field.is_repeated() {
        name(field, out);
        out.push(b'[');
        for value in found {
            if matches!(value, Found::One(_)) {
                comma(out);
            }
            value.write(field, depth + 1, out)?;
        }
        out.push(b']');
        return Ok(());
    }
    if last.is_left_out(field) {
        return Ok(());
    }
    name(field, out);
    if let Kind::Message(inner) = field.kind {
        let pieces: Vec<_> = found.iter().map(|(Found::One(piece) | Found::Packed(piece))| *piece).collect();
        return message(inner, &pieces, depth + 1, out);
    }
    last.write(field, depth + 1, out)
}

/// The number of the oneof's member that was given last.
pub(crate) fn last_member(message: &'static Message, pieces: &[Reader<'_>]) -> Result<Option<u32>, Invalid> {
    let mut member = None;
    for mut piece in pieces.iter().copied() {
        while !piece.is_empty() {
            let key = piece.key()?;
            piece.skip(key.wire_type)?;
            if message.field(key.number).is_some_and(Field::is_oneof) {
                member = Some(key.number);
            }
        }
    }
    Ok(member)
}

/// Fills `found` with all values of `field` that count: those before another member of its oneof do not.
pub(crate) fn find<'a>(
    message: &'static Message,
    field: &Field,
    pieces: &[Reader<'a>],
    found: &mut Vec<Found<'a>>,
) -> Result<(), Invalid> {
    found.clear();
    for mut piece in pieces.iter().copied() {
        while !piece.is_empty() {
            let start = piece;
            let key = piece.key()?;
            if key.number == field.number {
                let value = Found::read(field, key, start, &mut piece);
                found.push(value.map_err(|invalid| invalid.within(field))?);
                continue;
            }
            piece.skip(key.wire_type)?;
            if field.is_oneof() && message.field(key.number).is_some_and(Field::is_oneof) {
                found.clear();
            }
        }
    }
    Ok(())
}

/// Closes the object of a message. One that is nothing but a list of messages has its array even if that is empty: there
/// are readers that demand it (opentelemetry-proto's), and none that mind.
fn close(message: &'static Message, out: &mut Vec<u8>) {
    if let [list] = message.fields
        && list.is_repeated()
        && !list.kind.is_packable()
        && out.last() == Some(&b'{')
    {
        name(list, out);
        out.extend_from_slice(b"[]");
    }
    out.push(b'}');
}

/// Writes the key of a field, after a comma unless it is the first of its object.
#[inline]
pub(crate) fn name(field: &Field, out: &mut Vec<u8>) {
    let is_first = out.last() == Some(&b'{');
    out.extend_from_slice(&field.json_key.as_bytes()[usize::from(is_first)..]);
}

/// Writes a comma, unless the array has just been opened.
#[inline]
pub(crate) fn comma(out: &mut Vec<u8>) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests;
