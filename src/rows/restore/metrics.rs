//! Data points, and the metrics they belong to.

use super::extra::Extra;
use super::levels::Level;
use super::object::Object;
use super::{Cell, RestoreError, Row, attributes, times};

/// The metric of a row, to which points may be added.
pub(super) fn metric(row: &Row, extra: &mut Extra) -> Result<Level, RestoreError> {
    let mut metric = Object::new();
    metric.text("name", row.text("metric_name"));
    metric.text("unit", row.text("metric_unit"));
    for name in ["description", "metadata"] {
        if let Some(value) = extra.take(name) {
            metric.raw(name, &value);
        }
    }
    let kind = match row.text("metric_type") {
        Some("gauge") => "gauge",
        Some("sum") => "sum",
        Some("histogram") => "histogram",
        Some("exponential_histogram") => "exponentialHistogram",
        Some("summary") => "summary",
        other => return Err(RestoreError(format!("its metric_type is {}", other.unwrap_or("null")))),
    };
    let mut data = Object::new();
    let temporality = match row.text("temporality") {
        Some("delta") => Some(1),
        Some("cumulative") => Some(2),
        _ => None,
    };
    match extra.take("aggregationTemporality") {
        Some(other) => data.raw("aggregationTemporality", &other),
        None => data.number("aggregationTemporality", temporality),
    }
    if row.is("is_monotonic") {
        data.json("isMonotonic", b"true");
    }
    data.json("dataPoints", b"[");
    metric.json(kind, &data.open());
    Ok(Level { open: metric.open(), close: "]}}" })
}

/// The data point of a row.
pub(super) fn point(row: &Row, mut extra: Extra) -> Result<Vec<u8>, RestoreError> {
    let mut item = Object::new();
    let time = times::write_own("timeUnixNano", row, &extra, &mut item)?;
    times::write_other("startTimeUnixNano", "start_timestamp", time, row, &extra, &mut item);
    match row.integer("value_int") {
        Some(value) => item.number("asInt", Some(value)),
        None => item.double("asDouble", row.double("value")),
    }
    item.number("count", row.integer("count"));
    for name in ["sum", "min", "max"] {
        item.double(name, row.double(name));
    }
    item.number("flags", row.integer("flags"));
    for (name, column) in [("bucketCounts", "bucket_counts"), ("explicitBounds", "explicit_bounds")] {
        if let Some(list) = row.list(column) {
            let elements: Vec<_> = list.iter().map(Cell::to_string).collect();
            item.json(name, format!("[{}]", elements.join(",")).as_bytes());
        }
    }
    attributes::write(row.map("attributes"), extra.take("attributes").as_deref(), &mut item)?;
    extra.write(&mut item);
    Ok(item.close())
}
