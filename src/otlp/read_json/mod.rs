//! OTLP/JSON to the wire format.
//!
//! What clients write is turned over in one pass ([`straight`]); where that does not succeed, value by value as `serde_json`
//! reads them ([`message`]).
//!
//! It takes what the specification asks for and what the Collector takes besides: keys in lowerCamelCase or as in the
//! `.proto` files, 64-bit integers as strings or numbers, enums as numbers or names, `null` for what is absent.
//! Fields that are not known are passed over, as the specification demands.
//!
//! What comes out is as short as prost would have written it: numbers packed, no defaults where absence means the same,
//! lengths and varints in as few bytes as they need. The fields of a message keep the order of the document.

mod invalid_json;
mod message;
mod output;
mod scalar;
mod straight;
mod text;

use serde::de::DeserializeSeed as _;

pub use self::invalid_json::InvalidJson;
use self::message::MessageSeed;
use self::output::Output;
use super::salvage::Salvaged;
use super::schema;
use super::{Signal, validate};

/// The mark by which some editors say that a text is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Turns `json`, an OTLP/JSON document of `signal`, into the bytes of an export request.
///
/// A byte order mark before the document is passed over. Text that is not valid (bytes that are not UTF-8, halves of
/// surrogate pairs, which JavaScript clients make by cutting strings) becomes U+FFFD rather than losing the export.
///
/// # Errors
///
/// When the document is not JSON, when a value does not fit its field, or when the result would be larger than
/// `limit_bytes`.
pub fn read_json(signal: Signal, json: &[u8], limit_bytes: usize) -> Result<Vec<u8>, InvalidJson> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    if let Ok(body) = straight::read(schema::request(signal), json, limit_bytes) {
        return Ok(body);
    }
    // The wire format takes about half of what JSON takes.
    let mut output = Output::new(limit_bytes, json.len() / 2);
    read(signal, json, &mut output)?;
    Ok(output.into_bytes())
}

/// The same without the items that cannot be read. It takes as much memory again as `json` if that is not UTF-8.
///
/// # Errors
///
/// When something else cannot be read, or when the result would be larger than `limit_bytes`.
pub fn salvage_json(signal: Signal, json: &[u8], limit_bytes: usize) -> Result<Salvaged, InvalidJson> {
    let mut output = Output::lenient(limit_bytes, json.len() / 2);
    // A piece of a document can be handed out only if it is valid text.
    read(signal, String::from_utf8_lossy(json).as_bytes(), &mut output)?;
    let rejected = output.rejected();
    let mut body = output.into_bytes();
    body.shrink_to_fit();
    // What is made here is valid.
    let items = validate(signal, &body).unwrap_or(0);
    Ok(Salvaged { body, items, rejected })
}

fn read(signal: Signal, json: &[u8], output: &mut Output) -> Result<(), InvalidJson> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    if json.trim_ascii().is_empty() {
        return Err(InvalidJson::Empty);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    MessageSeed::request(schema::request(signal), output)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| output.explain(error))
}

#[cfg(test)]
mod tests;
