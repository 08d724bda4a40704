//! Rows turned back into OTLP: each into a request with one item, by what the documentation of the rows says.

use forebay::otlp::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::Value;

use crate::cells::{Cell, Row};
use crate::decoded::Decoded;
use crate::restore_parts::{
    any_value, buckets, double, entity_ref, event, exemplar, id, key_value, link, list, number,
    optional_double, quantile, text,
};

/// A row, and its `extra` as JSON.
struct Restored<'a> {
    row: &'a Row,
    extra: Value,
}

/// The request with one item that a row stands for.
pub(crate) fn request(signal: Signal, row: &Row) -> Decoded {
    let extra = row.text("extra").map_or(Value::Null, |extra| serde_json::from_str(extra).unwrap());
    let restored = Restored { row, extra };
    let schema_url = restored.text("scopeSchemaUrl");
    let (scope, resource) = (restored.scope(), restored.resource());
    let resource_schema_url = restored.text("resourceSchemaUrl");
    match signal {
        Signal::Logs => {
            let scope_logs = vec![ScopeLogs { scope, log_records: vec![restored.log_record()], schema_url }];
            let resource_logs = ResourceLogs { resource, scope_logs, schema_url: resource_schema_url };
            Decoded::Logs(ExportLogsServiceRequest { resource_logs: vec![resource_logs] })
        }
        Signal::Metrics => {
            let scope_metrics = vec![ScopeMetrics { scope, metrics: vec![restored.metric()], schema_url }];
            let resource_metrics =
                ResourceMetrics { resource, scope_metrics, schema_url: resource_schema_url };
            Decoded::Metrics(ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] })
        }
        Signal::Traces => {
            let scope_spans = vec![ScopeSpans { scope, spans: vec![restored.span()], schema_url }];
            let resource_spans = ResourceSpans { resource, scope_spans, schema_url: resource_schema_url };
            Decoded::Traces(ExportTraceServiceRequest { resource_spans: vec![resource_spans] })
        }
        Signal::Profiles => panic!("profiles have no rows"),
    }
}

/// Attributes from a map and from what `extra` has of them.
fn attributes(map: &[(String, Option<String>)], typed: &Value) -> Vec<KeyValue> {
    let typed = list(typed, key_value);
    if typed.len() > map.len() {
        return typed;
    }
    let mut typed = typed.into_iter().peekable();
    let mut attributes = Vec::new();
    for (key, value) in map {
        attributes.push(typed.next_if(|attribute| attribute.key == *key).unwrap_or_else(|| KeyValue {
            key: key.clone(),
            value: Some(AnyValue { value: Some(Any::StringValue(value.clone().unwrap())) }),
            key_strindex: 0,
        }));
    }
    assert!(typed.next().is_none(), "every attribute of extra is in the map, in the same order");
    attributes
}

impl Restored<'_> {
    /// The text of a member of `extra`.
    fn text(&self, name: &str) -> String {
        text(&self.extra[name])
    }

    /// The text of a column; empty where it is null.
    fn column(&self, name: &str) -> String {
        self.row.text(name).unwrap_or_default().to_owned()
    }

    /// The bytes of an id in a column.
    fn id(&self, name: &str) -> Vec<u8> {
        id(&self.column(name))
    }

    /// The number of 32 bits in a column; 0 where it is null.
    fn short(&self, name: &str) -> i32 {
        i32::try_from(self.row.integer(name).unwrap_or(0)).unwrap()
    }

    /// The double in a column, or else in `extra`.
    fn double(&self, column: &str, name: &str) -> Option<f64> {
        self.row.double(column).or_else(|| optional_double(&self.extra[name]))
    }

    /// The item's time, which is called `name` in `extra`.
    fn time(&self, name: &str) -> u64 {
        let column = self.row.integer("time_unix_nano");
        column.map_or_else(|| number(&self.extra[name]), |time| u64::try_from(time).unwrap())
    }

    /// Another time of the item, whose own time is `time`.
    fn other_time(&self, column: &str, name: &str, time: u64) -> u64 {
        if let Some(exact) = self.extra.get(name) {
            return number(exact);
        }
        match self.row.integer(column).map(|micros| u64::try_from(micros).unwrap()) {
            None => 0,
            Some(micros) if micros == time / 1000 => time,
            Some(micros) => micros * 1000,
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        attributes(self.row.map("attributes"), &self.extra["attributes"])
    }

    fn resource(&self) -> Option<Resource> {
        let (map, extra) = (self.row.map("resource_attributes"), &self.extra["resource"]);
        if map.is_empty() && extra.is_null() {
            return None;
        }
        Some(Resource {
            attributes: attributes(map, &extra["attributes"]),
            dropped_attributes_count: number(&extra["droppedAttributesCount"]),
            entity_refs: list(&extra["entityRefs"], entity_ref),
        })
    }

    fn scope(&self) -> Option<InstrumentationScope> {
        let extra = &self.extra["scope"];
        let (name, version) = (self.row.text("scope_name"), self.row.text("scope_version"));
        if name.is_none() && version.is_none() && extra.is_null() {
            return None;
        }
        Some(InstrumentationScope {
            name: self.column("scope_name"),
            version: self.column("scope_version"),
            attributes: list(&extra["attributes"], key_value),
            dropped_attributes_count: number(&extra["droppedAttributesCount"]),
        })
    }

    fn log_record(&self) -> LogRecord {
        let time_unix_nano = self.time("timeUnixNano");
        let string = |text: &str| AnyValue { value: Some(Any::StringValue(text.to_owned())) };
        LogRecord {
            time_unix_nano,
            observed_time_unix_nano: self.other_time(
                "observed_timestamp",
                "observedTimeUnixNano",
                time_unix_nano,
            ),
            severity_number: self.short("severity_number"),
            severity_text: self.column("severity_text"),
            body: self.extra.get("body").map(any_value).or_else(|| self.row.text("body").map(string)),
            attributes: self.attributes(),
            dropped_attributes_count: number(&self.extra["droppedAttributesCount"]),
            flags: number(&self.extra["flags"]),
            trace_id: self.id("trace_id"),
            span_id: self.id("span_id"),
            event_name: self.text("eventName"),
        }
    }

    fn span(&self) -> Span {
        let json = |name| self.row.text(name).map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
        let start_time_unix_nano = self.time("startTimeUnixNano");
        let end_time_unix_nano = match self.row.integer("duration_ns") {
            Some(duration) => start_time_unix_nano.checked_add_signed(duration).unwrap(),
            None => number(&self.extra["endTimeUnixNano"]),
        };
        let status = self
            .row
            .integer("status_code")
            .map(|_| Status { code: self.short("status_code"), message: self.column("status_message") });
        Span {
            trace_id: self.id("trace_id"),
            span_id: self.id("span_id"),
            trace_state: self.column("trace_state"),
            parent_span_id: self.id("parent_span_id"),
            flags: number(&self.extra["flags"]),
            name: self.column("span_name"),
            kind: self.short("span_kind"),
            start_time_unix_nano,
            end_time_unix_nano,
            attributes: self.attributes(),
            dropped_attributes_count: number(&self.extra["droppedAttributesCount"]),
            events: list(&json("events"), event),
            dropped_events_count: number(&self.extra["droppedEventsCount"]),
            links: list(&json("links"), link),
            dropped_links_count: number(&self.extra["droppedLinksCount"]),
            status,
        }
    }

    fn metric(&self) -> Metric {
        let aggregation_temporality = match self.row.text("temporality") {
            Some("delta") => 1,
            Some("cumulative") => 2,
            None => number(&self.extra["aggregationTemporality"]),
            Some(other) => panic!("{other}"),
        };
        let data = match self.row.text("metric_type").unwrap() {
            "gauge" => Data::Gauge(Gauge { data_points: vec![self.number_point()] }),
            "sum" => Data::Sum(Sum {
                data_points: vec![self.number_point()],
                aggregation_temporality,
                is_monotonic: *self.row.cell("is_monotonic") == Cell::Boolean(true),
            }),
            "histogram" => Data::Histogram(Histogram {
                data_points: vec![self.histogram_point()],
                aggregation_temporality,
            }),
            "exponential_histogram" => Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![self.exponential_point()],
                aggregation_temporality,
            }),
            "summary" => Data::Summary(Summary { data_points: vec![self.summary_point()] }),
            other => panic!("{other}"),
        };
        Metric {
            name: self.column("metric_name"),
            description: self.text("description"),
            unit: self.column("metric_unit"),
            metadata: list(&self.extra["metadata"], key_value),
            data: Some(data),
        }
    }

    fn start_time(&self) -> u64 {
        self.other_time("start_timestamp", "startTimeUnixNano", self.time("timeUnixNano"))
    }

    fn flags(&self) -> u32 {
        let column = self.row.integer("flags");
        column.map_or_else(|| number(&self.extra["flags"]), |flags| u32::try_from(flags).unwrap())
    }

    fn count(&self) -> u64 {
        let column = self.row.integer("count");
        column.map_or_else(|| number(&self.extra["count"]), |count| u64::try_from(count).unwrap())
    }

    fn number_point(&self) -> NumberDataPoint {
        let value = match self.row.integer("value_int") {
            Some(value) => Some(number_data_point::Value::AsInt(value)),
            None => self.double("value", "asDouble").map(number_data_point::Value::AsDouble),
        };
        NumberDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.start_time(),
            time_unix_nano: self.time("timeUnixNano"),
            exemplars: list(&self.extra["exemplars"], exemplar),
            flags: self.flags(),
            value,
        }
    }

    fn histogram_point(&self) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.start_time(),
            time_unix_nano: self.time("timeUnixNano"),
            count: self.count(),
            sum: self.double("sum", "sum"),
            bucket_counts: match self.row.cell("bucket_counts") {
                Cell::Integers(counts) => counts.iter().map(|count| u64::try_from(*count).unwrap()).collect(),
                _ => list(&self.extra["bucketCounts"], number),
            },
            explicit_bounds: match self.row.cell("explicit_bounds") {
                Cell::Doubles(bounds) => bounds.clone(),
                _ => list(&self.extra["explicitBounds"], double),
            },
            exemplars: list(&self.extra["exemplars"], exemplar),
            flags: self.flags(),
            min: self.double("min", "min"),
            max: self.double("max", "max"),
        }
    }

    fn exponential_point(&self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.start_time(),
            time_unix_nano: self.time("timeUnixNano"),
            count: self.count(),
            sum: self.double("sum", "sum"),
            scale: number(&self.extra["scale"]),
            zero_count: number(&self.extra["zeroCount"]),
            positive: self.extra.get("positive").map(buckets),
            negative: self.extra.get("negative").map(buckets),
            flags: self.flags(),
            exemplars: list(&self.extra["exemplars"], exemplar),
            min: self.double("min", "min"),
            max: self.double("max", "max"),
            zero_threshold: double(&self.extra["zeroThreshold"]),
        }
    }

    fn summary_point(&self) -> SummaryDataPoint {
        SummaryDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.start_time(),
            time_unix_nano: self.time("timeUnixNano"),
            count: self.count(),
            sum: self.double("sum", "sum").unwrap(),
            quantile_values: list(&self.extra["quantileValues"], quantile),
            flags: self.flags(),
        }
    }
}
