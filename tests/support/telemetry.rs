//! Random telemetry of every shape that the schema allows.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::decoded::Decoded;

/// An export request of any signal whose items are rows.
pub(crate) fn request_with_rows() -> impl Strategy<Value = Decoded> {
    prop_oneof![
        vec(resource_logs(), 0..3)
            .prop_map(|resource_logs| Decoded::Logs(ExportLogsServiceRequest { resource_logs })),
        vec(resource_metrics(), 0..3)
            .prop_map(|resource_metrics| Decoded::Metrics(ExportMetricsServiceRequest { resource_metrics })),
        vec(resource_spans(), 0..3)
            .prop_map(|resource_spans| Decoded::Traces(ExportTraceServiceRequest { resource_spans })),
    ]
}

/// Text with everything that JSON has to escape.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z.]{1,12}",
        "[\\x00-\\x7f]{0,40}",
        ".{0,20}",
        Just("\u{2028}\u{2029}\u{7f}\u{fffd}\u{10ffff}\u{feff}".to_owned()),
    ]
}

/// Doubles, and those that JSON has no number for.
fn double() -> impl Strategy<Value = f64> {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        1e15,
        1e16,
        1e21,
        1e-7,
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        f64::EPSILON,
        9_007_199_254_740_993.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    prop_oneof![
        proptest::sample::select(special.to_vec()),
        proptest::num::f64::NORMAL,
        any::<i32>().prop_map(f64::from)
    ]
}

/// 64-bit integers, often at the ends of their range; as times, often in the same few microseconds.
pub(crate) fn long() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(1 << 63),
        Just((1 << 53) + 1),
        any::<u64>(),
        0..4_000_u64,
        (1..4_u64).prop_map(|micros| 1000 * micros),
    ]
}

/// 32-bit integers, often at the ends of their range.
pub(crate) fn short() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(u32::MAX), Just(1 << 31), any::<u32>()]
}

/// Signed 64-bit integers.
pub(crate) fn signed_long() -> impl Strategy<Value = i64> {
    long().prop_map(u64::cast_signed)
}

/// Signed 32-bit integers, which enums are as well.
pub(crate) fn signed_short() -> impl Strategy<Value = i32> {
    short().prop_map(u32::cast_signed)
}

/// Ids: none, of the right length, and of a wrong one.
pub(crate) fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), vec(any::<u8>(), length), vec(any::<u8>(), 0..20)]
}

/// A value of any kind, with others in it.
pub(crate) fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        text().prop_map(|value| Some(Value::StringValue(value))),
        any::<bool>().prop_map(|value| Some(Value::BoolValue(value))),
        signed_long().prop_map(|value| Some(Value::IntValue(value))),
        double().prop_map(|value| Some(Value::DoubleValue(value))),
        vec(any::<u8>(), 0..10).prop_map(|value| Some(Value::BytesValue(value))),
        signed_short().prop_map(|value| Some(Value::StringValueStrindex(value))),
    ];
    leaf.prop_map(|value| AnyValue { value }).prop_recursive(3, 8, 3, |inner| {
        let pair = (text(), of(inner.clone()), signed_short());
        prop_oneof![
            vec(inner, 0..3)
                .prop_map(|values| AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) }),
            vec(pair.prop_map(|(key, value, key_strindex)| KeyValue { key, value, key_strindex }), 0..3)
                .prop_map(|values| AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) }),
        ]
    })
}

/// Attributes, many of them plain texts, and now and then with a key that is repeated.
fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![text(), proptest::sample::select(vec!["a".to_owned(), "a.b".to_owned()])];
    let plain = text().prop_map(|value| AnyValue { value: Some(Value::StringValue(value)) });
    let value = prop_oneof![any_value(), plain];
    let pair = (key, of(value), prop_oneof![9 => Just(0), 1 => signed_short()]);
    vec(pair.prop_map(|(key, value, key_strindex)| KeyValue { key, value, key_strindex }), 0..4)
}

prop_compose! {
    fn entity_ref()(schema_url in text(), r#type in text(), id_keys in vec(text(), 0..3), description_keys in vec(text(), 0..3)) -> EntityRef {
        EntityRef { schema_url, r#type, id_keys, description_keys }
    }
}

prop_compose! {
    /// A resource.
    pub(crate) fn resource()(attributes in attributes(), dropped_attributes_count in short(), entity_refs in vec(entity_ref(), 0..2)) -> Resource {
        Resource { attributes, dropped_attributes_count, entity_refs }
    }
}

prop_compose! {
    /// A scope.
    pub(crate) fn scope()(name in text(), version in text(), attributes in attributes(), dropped_attributes_count in short()) -> InstrumentationScope {
        InstrumentationScope { name, version, attributes, dropped_attributes_count }
    }
}

prop_compose! {
    fn resource_logs()(resource in of(resource()), scope_logs in vec(scope_logs(), 0..3), schema_url in text()) -> ResourceLogs {
        ResourceLogs { resource, scope_logs, schema_url }
    }
}

prop_compose! {
    fn scope_logs()(scope in of(scope()), log_records in vec(log_record(), 0..4), schema_url in text()) -> ScopeLogs {
        ScopeLogs { scope, log_records, schema_url }
    }
}

prop_compose! {
    /// A log record.
    pub(crate) fn log_record()(
        (time_unix_nano, observed_time_unix_nano) in (long(), long()),
        severity_number in signed_short(),
        severity_text in text(),
        body in of(any_value()),
        attributes in attributes(),
        (dropped_attributes_count, flags) in (short(), short()),
        trace_id in id(16),
        span_id in id(8),
        event_name in text(),
    ) -> LogRecord {
        LogRecord {
            time_unix_nano, observed_time_unix_nano, severity_number, severity_text, body, attributes,
            dropped_attributes_count, flags, trace_id, span_id, event_name,
        }
    }
}

prop_compose! {
    fn resource_spans()(resource in of(resource()), scope_spans in vec(scope_spans(), 0..3), schema_url in text()) -> ResourceSpans {
        ResourceSpans { resource, scope_spans, schema_url }
    }
}

prop_compose! {
    fn scope_spans()(scope in of(scope()), spans in vec(span(), 0..4), schema_url in text()) -> ScopeSpans {
        ScopeSpans { scope, spans, schema_url }
    }
}

prop_compose! {
    fn event()(time_unix_nano in long(), name in text(), attributes in attributes(), dropped_attributes_count in short()) -> Event {
        Event { time_unix_nano, name, attributes, dropped_attributes_count }
    }
}

prop_compose! {
    fn link()(
        trace_id in id(16), span_id in id(8), trace_state in text(), attributes in attributes(),
        dropped_attributes_count in short(), flags in short(),
    ) -> Link {
        Link { trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags }
    }
}

prop_compose! {
    fn status()(message in text(), code in signed_short()) -> Status {
        Status { message, code }
    }
}

prop_compose! {
    /// A span.
    pub(crate) fn span()(
        (trace_id, span_id, parent_span_id) in (id(16), id(8), id(8)),
        (trace_state, name) in (text(), text()),
        (flags, kind) in (short(), signed_short()),
        (start_time_unix_nano, end_time_unix_nano) in (long(), long()),
        attributes in attributes(),
        events in vec(event(), 0..3),
        links in vec(link(), 0..3),
        (dropped_attributes_count, dropped_events_count, dropped_links_count) in (short(), short(), short()),
        status in of(status()),
    ) -> Span {
        Span {
            trace_id, span_id, parent_span_id, trace_state, name, flags, kind, start_time_unix_nano, end_time_unix_nano,
            attributes, events, links, dropped_attributes_count, dropped_events_count, dropped_links_count, status,
        }
    }
}

prop_compose! {
    fn resource_metrics()(resource in of(resource()), scope_metrics in vec(scope_metrics(), 0..3), schema_url in text()) -> ResourceMetrics {
        ResourceMetrics { resource, scope_metrics, schema_url }
    }
}

prop_compose! {
    fn scope_metrics()(scope in of(scope()), metrics in vec(metric(), 0..4), schema_url in text()) -> ScopeMetrics {
        ScopeMetrics { scope, metrics, schema_url }
    }
}

prop_compose! {
    /// A metric.
    pub(crate) fn metric()(name in text(), description in text(), unit in text(), metadata in attributes(), data in of(data())) -> Metric {
        Metric { name, description, unit, metadata, data }
    }
}

/// The data of a metric, of each of its five types.
fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        vec(number_point(), 0..3).prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (vec(number_point(), 0..3), signed_short(), any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
            }
        ),
        (vec(histogram_point(), 0..3), signed_short()).prop_map(|(data_points, aggregation_temporality)| {
            Data::Histogram(Histogram { data_points, aggregation_temporality })
        }),
        (vec(exponential_point(), 0..3), signed_short()).prop_map(
            |(data_points, aggregation_temporality)| {
                Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
            }
        ),
        vec(summary_point(), 0..3).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ]
}

prop_compose! {
    fn exemplar()(
        filtered_attributes in attributes(), time_unix_nano in long(), span_id in id(8), trace_id in id(16),
        value in of(prop_oneof![
            double().prop_map(exemplar::Value::AsDouble),
            signed_long().prop_map(exemplar::Value::AsInt),
        ]),
    ) -> Exemplar {
        Exemplar { filtered_attributes, time_unix_nano, span_id, trace_id, value }
    }
}

prop_compose! {
    fn number_point()(
        attributes in attributes(), start_time_unix_nano in long(), time_unix_nano in long(),
        exemplars in vec(exemplar(), 0..2), flags in short(),
        value in of(prop_oneof![
            double().prop_map(number_data_point::Value::AsDouble),
            signed_long().prop_map(number_data_point::Value::AsInt),
        ]),
    ) -> NumberDataPoint {
        NumberDataPoint { attributes, start_time_unix_nano, time_unix_nano, exemplars, flags, value }
    }
}

prop_compose! {
    fn histogram_point()(
        attributes in attributes(), start_time_unix_nano in long(), time_unix_nano in long(), count in long(),
        (sum, min, max) in (of(double()), of(double()), of(double())),
        bucket_counts in vec(long(), 0..4), explicit_bounds in vec(double(), 0..4),
        exemplars in vec(exemplar(), 0..2), flags in short(),
    ) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes, start_time_unix_nano, time_unix_nano, count, sum, bucket_counts, explicit_bounds, exemplars,
            flags, min, max,
        }
    }
}

prop_compose! {
    fn buckets()(offset in signed_short(), bucket_counts in vec(long(), 0..4)) -> Buckets {
        Buckets { offset, bucket_counts }
    }
}

prop_compose! {
    fn exponential_point()(
        attributes in attributes(), (start_time_unix_nano, time_unix_nano) in (long(), long()),
        (count, zero_count) in (long(), long()), (sum, min, max) in (of(double()), of(double()), of(double())),
        scale in signed_short(), (positive, negative) in (of(buckets()), of(buckets())),
        flags in short(), exemplars in vec(exemplar(), 0..2), zero_threshold in double(),
    ) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes, start_time_unix_nano, time_unix_nano, count, sum, scale, zero_count, positive, negative, flags,
            exemplars, min, max, zero_threshold,
        }
    }
}

prop_compose! {
    fn summary_point()(
        attributes in attributes(), start_time_unix_nano in long(), time_unix_nano in long(), count in long(),
        sum in double(), flags in short(),
        quantile_values in vec((double(), double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value }), 0..3),
    ) -> SummaryDataPoint {
        SummaryDataPoint { attributes, start_time_unix_nano, time_unix_nano, count, sum, quantile_values, flags }
    }
}
