//! Times, which columns hold in microseconds but for the item's own.

use super::extra::Extra;
use super::object::Object;
use super::{RestoreError, Row};

/// Adds the item's own time, which is called `name` in OTLP/JSON, and gives it.
pub(super) fn write_own(
    name: &str,
    row: &Row,
    extra: &Extra,
    object: &mut Object,
) -> Result<u64, RestoreError> {
    let damaged = |error: String| RestoreError(format!("its {name} is damaged: {error}"));
    if let Some(exact) = extra.get(name) {
        // It is written with what else is in `extra`.
        return exact.get().trim_matches('"').parse().map_err(|_| damaged(exact.get().to_owned()));
    }
    let time = row.integer("time_unix_nano").unwrap_or(0);
    let time = u64::try_from(time).map_err(|error| damaged(error.to_string()))?;
    object.number(name, Some(time));
    Ok(time)
}

/// Adds another time of the item, whose own time is `own`.
pub(super) fn write_other(name: &str, column: &str, own: u64, row: &Row, extra: &Extra, object: &mut Object) {
    if extra.has(name) {
        return;
    }
    let micros = row.micros(column).and_then(|micros| u64::try_from(micros).ok());
    let time = micros.map(|micros| if micros == own / 1000 { own } else { micros.saturating_mul(1000) });
    object.number(name, time);
}
