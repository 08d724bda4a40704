//! `opentelemetry.proto.metrics.v1`.

use super::Kind::{Bool, Double, Enum, Fixed64, Id, Sfixed64, Sint32, String, Uint32, Uint64};
use super::common::{INSTRUMENTATION_SCOPE, KEY_VALUE, RESOURCE};
use super::{Enumeration, Kind, Message, field};

/// `ExportMetricsServiceRequest`, and `MetricsData`.
pub(super) static REQUEST: Message = Message::new(
    "ExportMetricsServiceRequest",
    &[field!(1, "resource_metrics", "resourceMetrics", Repeated, Kind::Message(&RESOURCE_METRICS))],
);

static RESOURCE_METRICS: Message = Message::new(
    "ResourceMetrics",
    &[
        field!(1, "resource", "resource", Plain, Kind::Message(&RESOURCE)),
        field!(2, "scope_metrics", "scopeMetrics", Repeated, Kind::Message(&SCOPE_METRICS)),
        field!(3, "schema_url", "schemaUrl", Plain, String),
    ],
);

static SCOPE_METRICS: Message = Message::new(
    "ScopeMetrics",
    &[
        field!(1, "scope", "scope", Plain, Kind::Message(&INSTRUMENTATION_SCOPE)),
        field!(2, "metrics", "metrics", Repeated, Kind::Message(&METRIC)),
        field!(3, "schema_url", "schemaUrl", Plain, String),
    ],
);

static METRIC: Message = Message::new(
    "Metric",
    &[
        field!(1, "name", "name", Plain, String),
        field!(2, "description", "description", Plain, String),
        field!(3, "unit", "unit", Plain, String),
        field!(5, "gauge", "gauge", Oneof, Kind::Message(&GAUGE)),
        field!(7, "sum", "sum", Oneof, Kind::Message(&SUM)),
        field!(9, "histogram", "histogram", Oneof, Kind::Message(&HISTOGRAM)),
        field!(
            10,
            "exponential_histogram",
            "exponentialHistogram",
            Oneof,
            Kind::Message(&EXPONENTIAL_HISTOGRAM)
        ),
        field!(11, "summary", "summary", Oneof, Kind::Message(&SUMMARY)),
        field!(12, "metadata", "metadata", Repeated, Kind::Message(&KEY_VALUE)),
    ],
);

static GAUGE: Message =
    Message::new("Gauge", &[field!(1, "data_points", "dataPoints", Repeated, Kind::Message(&NUMBER_POINT))]);

static SUM: Message = Message::new(
    "Sum",
    &[
        field!(1, "data_points", "dataPoints", Repeated, Kind::Message(&NUMBER_POINT)),
        field!(2, "aggregation_temporality", "aggregationTemporality", Plain, Enum(&TEMPORALITY)),
        field!(3, "is_monotonic", "isMonotonic", Plain, Bool),
    ],
);

static HISTOGRAM: Message = Message::new(
    "Histogram",
    &[
        field!(1, "data_points", "dataPoints", Repeated, Kind::Message(&HISTOGRAM_POINT)),
        field!(2, "aggregation_temporality", "aggregationTemporality", Plain, Enum(&TEMPORALITY)),
    ],
);

static EXPONENTIAL_HISTOGRAM: Message = Message::new(
    "ExponentialHistogram",
    &[
        field!(1, "data_points", "dataPoints", Repeated, Kind::Message(&EXPONENTIAL_HISTOGRAM_POINT)),
        field!(2, "aggregation_temporality", "aggregationTemporality", Plain, Enum(&TEMPORALITY)),
    ],
);

static SUMMARY: Message = Message::new(
    "Summary",
    &[field!(1, "data_points", "dataPoints", Repeated, Kind::Message(&SUMMARY_POINT))],
);

static NUMBER_POINT: Message = Message::item(
    "NumberDataPoint",
    &[
        field!(7, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(2, "start_time_unix_nano", "startTimeUnixNano", Plain, Fixed64),
        field!(3, "time_unix_nano", "timeUnixNano", Plain, Fixed64),
        field!(4, "as_double", "asDouble", Oneof, Double),
        field!(6, "as_int", "asInt", Oneof, Sfixed64),
        field!(5, "exemplars", "exemplars", Repeated, Kind::Message(&EXEMPLAR)),
        field!(8, "flags", "flags", Plain, Uint32),
    ],
);

static HISTOGRAM_POINT: Message = Message::item(
    "HistogramDataPoint",
    &[
        field!(9, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(2, "start_time_unix_nano", "startTimeUnixNano", Plain, Fixed64),
        field!(3, "time_unix_nano", "timeUnixNano", Plain, Fixed64),
        field!(4, "count", "count", Plain, Fixed64),
        field!(5, "sum", "sum", Optional, Double),
        field!(6, "bucket_counts", "bucketCounts", Repeated, Fixed64),
        field!(7, "explicit_bounds", "explicitBounds", Repeated, Double),
        field!(8, "exemplars", "exemplars", Repeated, Kind::Message(&EXEMPLAR)),
        field!(10, "flags", "flags", Plain, Uint32),
        field!(11, "min", "min", Optional, Double),
        field!(12, "max", "max", Optional, Double),
    ],
);

static EXPONENTIAL_HISTOGRAM_POINT: Message = Message::item(
    "ExponentialHistogramDataPoint",
    &[
        field!(1, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(2, "start_time_unix_nano", "startTimeUnixNano", Plain, Fixed64),
        field!(3, "time_unix_nano", "timeUnixNano", Plain, Fixed64),
        field!(4, "count", "count", Plain, Fixed64),
        field!(5, "sum", "sum", Optional, Double),
        field!(6, "scale", "scale", Plain, Sint32),
        field!(7, "zero_count", "zeroCount", Plain, Fixed64),
        field!(8, "positive", "positive", Plain, Kind::Message(&BUCKETS)),
        field!(9, "negative", "negative", Plain, Kind::Message(&BUCKETS)),
        field!(10, "flags", "flags", Plain, Uint32),
        field!(11, "exemplars", "exemplars", Repeated, Kind::Message(&EXEMPLAR)),
        field!(12, "min", "min", Optional, Double),
        field!(13, "max", "max", Optional, Double),
        field!(14, "zero_threshold", "zeroThreshold", Plain, Double),
    ],
);

static BUCKETS: Message = Message::new(
    "Buckets",
    &[
        field!(1, "offset", "offset", Plain, Sint32),
        field!(2, "bucket_counts", "bucketCounts", Repeated, Uint64),
    ],
);

static SUMMARY_POINT: Message = Message::item(
    "SummaryDataPoint",
    &[
        field!(7, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(2, "start_time_unix_nano", "startTimeUnixNano", Plain, Fixed64),
        field!(3, "time_unix_nano", "timeUnixNano", Plain, Fixed64),
        field!(4, "count", "count", Plain, Fixed64),
        field!(5, "sum", "sum", Plain, Double),
        field!(6, "quantile_values", "quantileValues", Repeated, Kind::Message(&VALUE_AT_QUANTILE)),
        field!(8, "flags", "flags", Plain, Uint32),
    ],
);

static VALUE_AT_QUANTILE: Message = Message::new(
    "ValueAtQuantile",
    &[field!(1, "quantile", "quantile", Plain, Double), field!(2, "value", "value", Plain, Double)],
);

static EXEMPLAR: Message = Message::new(
    "Exemplar",
    &[
        field!(7, "filtered_attributes", "filteredAttributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(2, "time_unix_nano", "timeUnixNano", Plain, Fixed64),
        field!(3, "as_double", "asDouble", Oneof, Double),
        field!(6, "as_int", "asInt", Oneof, Sfixed64),
        field!(4, "span_id", "spanId", Plain, Id),
        field!(5, "trace_id", "traceId", Plain, Id),
    ],
);

static TEMPORALITY: Enumeration = Enumeration {
    name: "AggregationTemporality",
    values: &[
        ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0),
        ("AGGREGATION_TEMPORALITY_DELTA", 1),
        ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2),
    ],
};
