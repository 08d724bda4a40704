//! Spans.

use super::extra::Extra;
use super::object::Object;
use super::{RestoreError, Row, attributes, times};

/// The span of a row.
pub(super) fn span(row: &Row, mut extra: Extra) -> Result<Vec<u8>, RestoreError> {
    let mut item = Object::new();
    let start = times::write_own("startTimeUnixNano", row, &extra, &mut item)?;
    if let Some(duration) = row.integer("duration_ns").filter(|_| !extra.has("endTimeUnixNano")) {
        let end = start.checked_add_signed(duration);
        let end = end.ok_or_else(|| RestoreError("its duration_ns leads beyond all times".to_owned()))?;
        item.number("endTimeUnixNano", Some(end));
    }
    for (name, column) in [
        ("traceId", "trace_id"),
        ("spanId", "span_id"),
        ("traceState", "trace_state"),
        ("parentSpanId", "parent_span_id"),
        ("name", "span_name"),
    ] {
        item.text(name, row.text(column));
    }
    item.number("kind", row.integer("span_kind"));
    for name in ["events", "links"] {
        if let Some(json) = row.text(name) {
            item.json(name, json.as_bytes());
        }
    }
    if let Some(code) = row.integer("status_code") {
        let mut status = Object::new();
        status.number("code", Some(code));
        status.text("message", row.text("status_message"));
        item.json("status", &status.close());
    }
    attributes::write(row.map("attributes"), extra.take("attributes").as_deref(), &mut item)?;
    extra.write(&mut item);
    Ok(item.close())
}
