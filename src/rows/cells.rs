//! The values of a column one after another, as the text formats write them.

use super::layout::Kind;
use super::table::{Maps, Values};
use super::timestamp::write_timestamp;
use crate::otlp::{write_json_integer, write_json_text};

/// Appends the value of the next row and says whether there is one; null appends nothing, and so does an empty map.
pub(super) type CellWriter<'a> = Box<dyn FnMut(&mut Vec<u8>) -> bool + 'a>;

/// Writes the values of a column with `write`.
pub(super) fn cells<'a, T>(
    mut values: impl Iterator<Item = Option<T>> + 'a,
    write: impl Fn(T, &mut Vec<u8>) + 'a,
) -> CellWriter<'a> {
    Box::new(move |out| values.next().flatten().map(|value| write(value, out)).is_some())
}

/// Writes the values of a column of `kind` as JSON: integers as numbers, times as RFC 3339 (see
/// [`write_timestamp`]), a map as an object, a list as an array.
pub(super) fn json_cells(kind: Kind, values: &Values) -> CellWriter<'_> {
    match values {
        Values::Text(texts) => cells(texts.iter(), write_json_text),
        Values::Integer(times) if kind == Kind::Timestamp => cells(times.iter(), |micros, out| {
            out.push(b'"');
            write_timestamp(micros, out);
            out.push(b'"');
        }),
        Values::Integer(integers) => cells(integers.iter(), write_json_integer),
        Values::Double(doubles) => cells(doubles.iter(), write_double),
        Values::Boolean(truths) => cells(truths.iter(), write_boolean),
        Values::TextMap(maps) => json_objects(maps),
        Values::Int64List(lists) => {
            cells(lists.iter(), |list, out| write_array(list, write_json_integer, out))
        }
        Values::DoubleList(lists) => cells(lists.iter(), |list, out| write_array(list, write_double, out)),
    }
}

/// Writes `true` or `false`.
fn write_boolean(truth: bool, out: &mut Vec<u8>) {
    let text: &[u8] = if truth { b"true" } else { b"false" };
    out.extend_from_slice(text);
}

/// Writes a double with the fewest digits from which it can be read back; always with a point or an exponent, so that
/// readers that guess types never see an integer in a column of doubles.
fn write_double(double: f64, out: &mut Vec<u8>) {
    debug_assert!(double.is_finite(), "a table holds finite numbers only");
    // A vector takes every byte. What is not finite would be null, which is JSON still.
    let _ = serde_json::to_writer(out, &double);
}

fn write_array<T: Copy>(list: &[T], write: impl Fn(T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, number) in list.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(*number, out);
    }
    out.push(b']');
}

fn json_objects(maps: &Maps) -> CellWriter<'_> {
    let mut entries = maps.keys.iter().zip(maps.values.iter());
    let mut ends = maps.ends.iter();
    let mut start = 0;
    Box::new(move |out| {
        let end = ends.next().copied().unwrap_or(start);
        for (index, (key, value)) in entries.by_ref().take(end - start).enumerate() {
            out.push(if index == 0 { b'{' } else { b',' });
            write_json_text(key.unwrap_or_default(), out);
            out.push(b':');
            match value {
                Some(value) => write_json_text(value, out),
                None => out.extend_from_slice(b"null"),
            }
        }
        let has_entries = end > start;
        if has_entries {
            out.push(b'}');
        }
        start = end;
        has_entries
    })
}
