//! Whether bytes are an export request, and how many items it holds.

mod quick;

use crate::otlp::Signal;
use crate::otlp::invalid::{Invalid, Problem};
use crate::otlp::schema::{self, DEPTH_MAX, Field, Kind, Message};
use crate::otlp::wire::{Key, Reader, WireType};

/// Checks that `body` is an export request of `signal` and counts its items (log records, data points, spans or profiles) as a
/// decoder would see them.
///
/// One pass that allocates nothing and reads no text: about as fast as the lengths can be followed. The items of a
/// metric's data are not counted if other data follow in the same metric, for the last of a oneof is all that counts.
///
/// # Errors
///
/// The first thing that no decoder could read. See [the module](super) for what is let through that others refuse.
pub fn validate(signal: Signal, body: &[u8]) -> Result<u32, Invalid> {
    let request = schema::request(signal);
    match quick::items(request, body, 1) {
        Some(items) => Ok(items),
        None => message(request, Reader::new(body), 1),
    }
}

/// Checks a message at level `depth`, and counts its items.
pub(super) fn message(message: &'static Message, mut reader: Reader<'_>, depth: u32) -> Result<u32, Invalid> {
    if depth > DEPTH_MAX {
        return Err(reader.invalid(Problem::TooDeep));
    }
    let mut items = u32::from(message.is_item);
    // The member of the oneof that was seen last, and the items in it.
    let mut member = (0, 0);
    while !reader.is_empty() {
        let start = reader;
        let key = reader.key()?;
        let Some(field) = message.field(key.number) else {
            reader.skip(key.wire_type)?;
            continue;
        };
        if field.is_oneof() && member.0 != field.number {
            items = items.saturating_sub(member.1);
            member = (field.number, 0);
        }
        let inside = value(field, key, start, &mut reader, depth).map_err(|invalid| invalid.within(field))?;
        // Four thousand million items do not fit in a body that was ever received.
        items = items.saturating_add(inside);
        if field.is_oneof() {
            member.1 = member.1.saturating_add(inside);
        }
    }
    Ok(items)
}

/// Checks the value of a field, and counts the items in it. `start` is where the field's key lies.
#[inline]
pub(super) fn value(
    field: &Field,
    key: Key,
    start: Reader<'_>,
    reader: &mut Reader<'_>,
    depth: u32,
) -> Result<u32, Invalid> {
    let expected = field.wire_type;
    if key.wire_type == expected {
        if let Kind::Message(inner) = field.kind {
            return message(inner, reader.payload()?, depth + 1);
        }
        return reader.skip(expected).map(|()| 0);
    }
    if key.wire_type == WireType::Length && field.is_repeated() && field.kind.is_packable() {
        let mut packed = reader.payload()?;
        while !packed.is_empty() {
            packed.skip(expected)?;
        }
        return Ok(0);
    }
    Err(start.invalid(Problem::WireType { expected, actual: key.wire_type }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_is_an_empty_request() {
        for signal in Signal::ALL {
            assert_eq!(validate(signal, &[]), Ok(0));
        }
    }

    #[test]
    fn fields_that_are_not_known_are_let_through_at_every_level() {
        // Field 31 as a varint, as eight bytes, as text and as four bytes.
        let unknown = [0xf8, 1, 1, 0xf9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xfa, 1, 1, 0xff, 0xfd, 1, 0, 0, 0, 0];
        let mut body = unknown.to_vec();
        for number in [2, 2, 1] {
            let header = [number << 3 | 2, u8::try_from(body.len()).unwrap()];
            body = [&unknown[..], &header, &body].concat();
        }
        assert_eq!(validate(Signal::Logs, &body), Ok(1));
        assert_eq!(validate(Signal::Traces, &body), Ok(1));
    }

    #[test]
    fn text_that_is_not_utf_8_is_let_through() {
        assert_eq!(validate(Signal::Logs, &[0x0a, 3, 0x1a, 1, 0xff]), Ok(0));
    }

    #[test]
    fn data_of_a_metric_that_others_replace_are_not_counted() {
        let gauge_of_two = [0x2a, 4, 0x0a, 0, 0x0a, 0];
        let sum_of_one = [0x3a, 2, 0x0a, 0];
        let count = |data: &[&[u8]]| {
            let metric = data.concat();
            let length = u8::try_from(metric.len()).unwrap();
            let scope = [&[0x12, length], &metric[..]].concat();
            let resource = [&[0x12, length + 2], &scope[..]].concat();
            validate(Signal::Metrics, &[&[0x0a, length + 4], &resource[..]].concat()).unwrap()
        };
        assert_eq!(count(&[&gauge_of_two]), 2);
        assert_eq!(count(&[&gauge_of_two, &gauge_of_two]), 4);
        assert_eq!(count(&[&gauge_of_two, &sum_of_one]), 1);
        assert_eq!(count(&[&sum_of_one, &gauge_of_two, &sum_of_one]), 1);
    }

    #[test]
    fn a_refusal_says_where_and_what() {
        for (body, expected) in [
            (&[0x0a][..], "resource_logs, at byte 1: the message ends in the middle of a field"),
            (
                &[0x0a, 9, 0],
                "resource_logs, at byte 1: a length of 9 bytes goes beyond the 1 bytes that are left of the message",
            ),
            (&[0x0a, 2, 0x12, 0, 0x13], "at byte 4: groups (wire types 3 and 4) are not part of OTLP"),
            (&[0x0a, 1, 0x07], "resource_logs, at byte 2: wire type 7 does not exist"),
            (&[0x00, 1], "at byte 0: a field number is not between 1 and 536870911"),
            (&[0x80; 11], "at byte 0: a varint does not fit in 64 bits"),
            (
                &[0x0a, 6, 0x12, 4, 0x12, 2, 0x28, 1],
                "resource_logs.scope_logs.log_records.body, at byte 6: the field is of wire type `varint` where OTLP \
                 has `length and bytes`; is this another message?",
            ),
        ] {
            assert_eq!(validate(Signal::Logs, body).unwrap_err().to_string(), expected);
        }
    }
}
