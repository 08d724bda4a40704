//! An export request whose messages are each in one piece.
//!
//! On the wire a singular field may be given twice: of a scalar the last counts, a message is merged, and of a oneof the
//! last member counts. No known client sends such requests, and an engine that does not want to mind them has them
//! rewritten here.

use prost::encoding::encode_varint;

use super::Signal;
use super::invalid::{Invalid, Problem};
use super::schema::{self, DEPTH_MAX, Field, Kind, Message};
use super::validate;
use super::wire::{Reader, WireType};
use super::write_json::{Found, find, last_member};

/// What every length takes, so that it can be filled in when it is known: a varint may have leading zeros.
const LENGTH_BYTES: usize = 5;

/// The same request with every singular field given at most once, of each oneof one member alone, and the fields of
/// every message in the order of the schema. Fields that the schema does not know are left out. At most three times as
/// long as `body`.
///
/// # Errors
///
/// When `body` is not a request of `signal`, as [`validate`](super::validate()) says.
pub(crate) fn merge(signal: Signal, body: &[u8]) -> Result<Vec<u8>, Invalid> {
    validate(signal, body)?;
    let mut out = Vec::with_capacity(body.len().saturating_mul(2));
    fields(schema::request(signal), &[Reader::new(body)], 1, &mut out)?;
    Ok(out)
}

/// Writes the fields of a message at level `depth` that lies in `pieces`.
fn fields(
    message: &'static Message,
    pieces: &[Reader<'_>],
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    if let Some(piece) = pieces.first()
        && depth > DEPTH_MAX
    {
        return Err(piece.invalid(Problem::TooDeep));
    }
    let member = last_member(message, pieces)?;
    let mut found = Vec::new();
    for field in message.fields {
        if field.is_oneof() && member != Some(field.number) {
            continue;
        }
        find(message, field, pieces, &mut found)?;
        match (field.kind, found.as_slice()) {
            (_, []) => {}
            (Kind::Message(inner), _) if field.is_repeated() => {
                for Found::One(piece) | Found::Packed(piece) in &found {
                    nested(field, inner, &[*piece], depth, out)?;
                }
            }
            (Kind::Message(inner), _) => {
                let pieces: Vec<_> =
                    found.iter().map(|(Found::One(piece) | Found::Packed(piece))| *piece).collect();
                nested(field, inner, &pieces, depth, out)?;
            }
            (_, found) if field.is_repeated() => {
                for value in found {
                    scalar(field, *value, out)?;
                }
            }
            (_, [.., last]) => scalar(field, *last, out)?,
        }
    }
    Ok(())
}

/// Writes a field that holds a message.
fn nested(
    field: &Field,
    inner: &'static Message,
    pieces: &[Reader<'_>],
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    key(field, WireType::Length, out);
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    fields(inner, pieces, depth + 1, out)?;
    let mut length = out.len() - start - LENGTH_BYTES;
    for (index, byte) in out.iter_mut().skip(start).take(LENGTH_BYTES).enumerate() {
        let more = if index + 1 < LENGTH_BYTES { 0x80 } else { 0 };
        *byte = u8::try_from(length & 0x7f).unwrap_or(0) | more;
        length >>= 7;
    }
    Ok(())
}

/// Writes a field that holds a scalar, or packed ones, as it was found.
fn scalar(field: &Field, found: Found<'_>, out: &mut Vec<u8>) -> Result<(), Invalid> {
    let expected = field.wire_type;
    match found {
        Found::One(value) if expected != WireType::Length => {
            let mut after = value;
            after.skip(expected)?;
            key(field, expected, out);
            let length = value.bytes().len() - after.bytes().len();
            out.extend_from_slice(value.bytes().get(..length).unwrap_or_default());
        }
        Found::One(value) | Found::Packed(value) => {
            key(field, WireType::Length, out);
            encode_varint(value.bytes().len() as u64, out);
            out.extend_from_slice(value.bytes());
        }
    }
    Ok(())
}

/// Writes a field's key.
fn key(field: &Field, wire_type: WireType, out: &mut Vec<u8>) {
    encode_varint(u64::from(field.number << 3 | wire_type as u32), out);
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_merged_request_says_what_prost_read_in_the_one_that_was_sent() {
        let wrapped = |number: u8, parts: &[&[u8]]| {
            let inside = parts.concat();
            [&[number << 3 | 2, u8::try_from(inside.len()).unwrap()], &inside[..]].concat()
        };
        let point = |value: u8| wrapped(1, &[&[0x31, value, 0, 0, 0, 0, 0, 0, 0]]);
        let sum = |parts: &[&[u8]]| wrapped(7, parts);
        let metric = wrapped(
            2,
            &[
                &wrapped(5, &[&point(9)]),
                &wrapped(1, &[b"first"]),
                &sum(&[&point(1), &[0x10, 1]]),
                &wrapped(1, &[b"last"]),
                &sum(&[&[0x10, 2, 0x18, 1], &point(2)]),
            ],
        );
        let scope = wrapped(2, &[&metric, &wrapped(1, &[&wrapped(1, &[b"scope"])])]);
        let resource = |count: u8| wrapped(1, &[&[0x10, count], &wrapped(1, &[&wrapped(1, &[b"key"])])]);
        let body = wrapped(1, &[&resource(1), &scope, &resource(2)]);
        let read = |body: &[u8]| ExportMetricsServiceRequest::decode(body).unwrap();
        let merged = merge(Signal::Metrics, &body).unwrap();
        assert_eq!(read(&merged), read(&body));
        assert_eq!(merge(Signal::Metrics, &merged).unwrap(), merged, "nothing is left to be merged");
        assert_eq!(validate(Signal::Metrics, &merged), Ok(2));
    }
}
