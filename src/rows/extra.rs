//! The `extra` of a row: what its other columns do not hold, as an object of OTLP/JSON.
//!
//! An object is written as `{` and its members, and closed when it is complete. Members that many rows share are written
//! once, as an object that is not closed, and copied.

use super::fields::Fields;
use crate::otlp::Invalid;
use crate::otlp::schema::{Field, Kind, Label};
use crate::otlp::wire::Reader;
use crate::otlp::write_json::scalar::string;
use crate::otlp::write_json::{Found, comma, name};

/// An object without members.
pub(super) const EMPTY: &[u8] = b"{";

/// Copies the members of one open object to another.
pub(super) fn copy(members: &[u8], out: &mut Vec<u8>) {
    let members = members.get(EMPTY.len()..).unwrap_or_default();
    if !members.is_empty() && out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(members);
}

/// Writes the key of a member of an open object.
pub(super) fn key(key: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    string(key.as_bytes(), out);
    out.push(b':');
}

/// Writes the fields of a message at level `depth` that are there and not in `held`, a set of their bits. Those that hold
/// what their absence says are left out.
pub(super) fn write_rest(
    fields: &Fields<'_>,
    held: u32,
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    if !fields.has_more_than(held) {
        return Ok(());
    }
    for field in fields.message.fields {
        if held & field.bit() != 0 || !fields.has(field.number) {
            continue;
        }
        if field.is_repeated() {
            write_list(fields, field, depth, out)?;
        } else if let Some(value) = fields.get(field.number)
            && !says_nothing(field, value)?
        {
            name(field, out);
            let written = Found::One(value).write(field, depth + 1, out);
            written.map_err(|invalid| invalid.within(field))?;
        }
    }
    Ok(())
}

/// Writes a repeated field, of which there is at least one value, as a member.
pub(super) fn write_list(
    fields: &Fields<'_>,
    field: &Field,
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    name(field, out);
    out.push(b'[');
    fields.each(field.number, |field, found| {
        if matches!(found, Found::One(_)) {
            comma(out);
        }
        found.write(field, depth + 1, out).map_err(|invalid| invalid.within(field))
    })?;
    out.push(b']');
    Ok(())
}

/// Whether a field says no more than if it were not there.
fn says_nothing(field: &Field, mut value: Reader<'_>) -> Result<bool, Invalid> {
    if field.label != Label::Plain {
        return Ok(false);
    }
    Ok(match field.kind {
        Kind::Message(_) => false,
        Kind::String | Kind::Bytes | Kind::Id => value.is_empty(),
        Kind::Fixed32 => value.fixed32()? == 0,
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => value.fixed64()? == 0,
        _ => value.varint()? == 0,
    })
}
