//! Attributes, from a map and from what `extra` has of them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::RestoreError;
use super::object::Object;
use crate::otlp::write_json_text;

/// The key of an attribute; its value is passed over.
#[derive(Deserialize)]
struct Keyed {
    #[serde(default)]
    key: String,
}

/// Adds the attributes: those of the map, each as `extra` has it if it has it. A list in `extra` that is longer than the map
/// is the whole.
pub(super) fn write(
    map: &[(String, Option<String>)],
    typed: Option<&RawValue>,
    object: &mut Object,
) -> Result<(), RestoreError> {
    let damaged = |error: serde_json::Error| RestoreError(format!("its attributes are damaged: {error}"));
    let typed: Vec<&RawValue> = match typed {
        Some(list) => serde_json::from_str(list.get()).map_err(damaged)?,
        None => Vec::new(),
    };
    if map.is_empty() && typed.is_empty() {
        return Ok(());
    }
    let out = object.key("attributes");
    out.push(b'[');
    let mut comma = false;
    let mut next = |out: &mut Vec<u8>| {
        if std::mem::replace(&mut comma, true) {
            out.push(b',');
        }
    };
    if typed.len() > map.len() {
        for attribute in typed {
            next(out);
            out.extend_from_slice(attribute.get().as_bytes());
        }
    } else {
        let mut typed = typed.into_iter().peekable();
        for (key, value) in map {
            next(out);
            let is_typed = match typed.peek() {
                Some(attribute) => {
                    serde_json::from_str::<Keyed>(attribute.get()).map_err(damaged)?.key == *key
                }
                None => false,
            };
            match typed.next_if(|_| is_typed) {
                Some(attribute) => out.extend_from_slice(attribute.get().as_bytes()),
                None => write_text(key, value.as_deref().unwrap_or_default(), out),
            }
        }
        if typed.next().is_some() {
            return Err(RestoreError("its column extra has attributes that its map has not".to_owned()));
        }
    }
    out.push(b']');
    Ok(())
}

/// An attribute that is a text.
fn write_text(key: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"key\":");
    write_json_text(key, out);
    out.extend_from_slice(b",\"value\":{\"stringValue\":");
    write_json_text(value, out);
    out.extend_from_slice(b"}}");
}
