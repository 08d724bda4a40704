//! Records that could not be packed, which lie under `unpackable/` as they came (`pack::unpackable` has the format).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Request;
use super::piece::Error;
use crate::otlp::{Signal, validate};

/// What is needed of a line.
#[derive(Deserialize)]
struct Line {
    signal: String,
    body: String,
}

/// The request in a line.
pub(super) fn request(line: &[u8]) -> Result<Request, Error> {
    let damaged = |error: String| Error::Damaged(error);
    let Line { signal, body } = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
    let signal = Signal::ALL.into_iter().find(|known| known.name() == signal).ok_or(Error::UnknownSignal)?;
    let body = STANDARD.decode(body).map_err(|error| damaged(error.to_string()))?;
    let items = validate(signal, &body).map_err(|error| damaged(error.to_string()))?;
    Ok(Request { signal, body, items })
}
