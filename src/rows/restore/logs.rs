//! Log records.

use super::extra::Extra;
use super::object::Object;
use super::{RestoreError, Row, attributes, times};

/// The log record of a row.
pub(super) fn log_record(row: &Row, mut extra: Extra) -> Result<Vec<u8>, RestoreError> {
    let mut item = Object::new();
    let time = times::write_own("timeUnixNano", row, &extra, &mut item)?;
    times::write_other("observedTimeUnixNano", "observed_timestamp", time, row, &extra, &mut item);
    item.number("severityNumber", row.integer("severity_number"));
    item.text("severityText", row.text("severity_text"));
    if let Some(body) = row.text("body").filter(|_| !extra.has("body")) {
        let mut value = Object::new();
        crate::otlp::write_json_text(body, value.key("stringValue"));
        item.json("body", &value.close());
    }
    item.text("traceId", row.text("trace_id"));
    item.text("spanId", row.text("span_id"));
    attributes::write(row.map("attributes"), extra.take("attributes").as_deref(), &mut item)?;
    extra.write(&mut item);
    Ok(item.close())
}
