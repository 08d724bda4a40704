//! Data points of all types.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
};
use prost::Message as _;

use super::testing::{Rows, text, texts};
use crate::otlp::Signal;

fn metric(metric: Metric) -> Rows {
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    let request = ExportMetricsServiceRequest { resource_metrics };
    Rows::of(Signal::Metrics, &[], &request.encode_to_vec())
}

fn of(data: Data) -> Rows {
    metric(Metric { data: Some(data), ..Metric::default() })
}

fn number(point: NumberDataPoint) -> Rows {
    of(Data::Gauge(Gauge { data_points: vec![point] }))
}

fn histogram(point: HistogramDataPoint) -> Rows {
    of(Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 }))
}

#[test]
fn value_is_always_a_double_and_whole_numbers_are_exact_beside_it() {
    for (value, expected) in [
        (None, [None, None, None]),
        (Some(Value::AsInt(-3)), [Some("-3.0"), Some("-3"), None]),
        (Some(Value::AsInt(i64::MAX)), [Some("9.223372036854776e18"), Some("9223372036854775807"), None]),
        (Some(Value::AsDouble(2.0)), [Some("2.0"), None, None]),
        (Some(Value::AsDouble(-0.0)), [Some("-0.0"), None, None]),
        (Some(Value::AsDouble(f64::NAN)), [None, None, Some(r#"{"asDouble":"NaN"}"#)]),
        (Some(Value::AsDouble(f64::INFINITY)), [None, None, Some(r#"{"asDouble":"Infinity"}"#)]),
    ] {
        let rows = number(NumberDataPoint { value, ..NumberDataPoint::default() });
        assert_eq!(rows.cells(["value", "value_int", "extra"]), texts(expected), "{value:?}");
    }
}

#[test]
fn a_metric_gives_each_of_its_points_its_name_type_and_temporality() {
    let point = NumberDataPoint { attributes: vec![text("type", "input")], ..NumberDataPoint::default() };
    let sum = |aggregation_temporality, is_monotonic| {
        let data =
            Sum { data_points: vec![point.clone(), point.clone()], aggregation_temporality, is_monotonic };
        metric(Metric {
            name: "tokens".into(),
            unit: "1".into(),
            description: "All of them".into(),
            data: Some(Data::Sum(data)),
            ..Metric::default()
        })
    };
    let names =
        ["metric_name", "metric_unit", "metric_type", "attr_type", "temporality", "is_monotonic", "extra"];
    let head = ["tokens", "1", "sum", "input"].map(Some);
    let [name, unit, metric_type, attr_type] = head;
    let described = Some(r#"{"description":"All of them"}"#);
    for (temporality, shown, extra) in [
        (0, None, described),
        (1, Some("delta"), described),
        (2, Some("cumulative"), described),
        (-1, None, Some(r#"{"description":"All of them","aggregationTemporality":-1}"#)),
    ] {
        let expected = [name, unit, metric_type, attr_type, shown, Some("true"), extra];
        let rows = sum(temporality, true);
        assert_eq!(rows.cells(names), texts(expected));
        assert_eq!(names.map(|name| rows.cell(1, name)), texts(expected), "the second point");
    }
    assert_eq!(sum(1, false).cell(0, "is_monotonic").as_deref(), Some("false"));
    let gauge = number(NumberDataPoint::default());
    assert_eq!(
        gauge.cells([
            "metric_name",
            "metric_unit",
            "metric_type",
            "temporality",
            "is_monotonic",
            "attr_type"
        ]),
        texts([None, None, Some("gauge"), None, None, None])
    );
}

#[test]
fn a_histogram_has_its_buckets_as_lists_and_null_where_one_number_does_not_fit() {
    let names = ["count", "sum", "min", "max", "bucket_counts", "explicit_bounds", "extra"];
    let point = HistogramDataPoint {
        count: 3,
        sum: Some(1.5),
        min: Some(-0.5),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![0.5],
        ..HistogramDataPoint::default()
    };
    assert_eq!(
        histogram(point.clone()).cells(names),
        texts([Some("3"), Some("1.5"), Some("-0.5"), None, Some("[1, 2]"), Some("[0.5]"), None])
    );
    let large = HistogramDataPoint {
        count: u64::MAX,
        sum: Some(f64::NAN),
        max: Some(f64::INFINITY),
        bucket_counts: vec![1, 1 << 63],
        explicit_bounds: vec![0.5, f64::NAN],
        ..point
    };
    let extra = concat!(
        r#"{"count":"18446744073709551615","sum":"NaN","bucketCounts":["1","9223372036854775808"],"#,
        r#""explicitBounds":[0.5,"NaN"],"max":"Infinity"}"#
    );
    assert_eq!(
        histogram(large).cells(names),
        texts([None, None, Some("-0.5"), None, None, None, Some(extra)])
    );
    let empty = histogram(HistogramDataPoint::default());
    assert_eq!(empty.cells(names), texts([Some("0"), None, None, None, None, None, None]));
    assert_eq!(empty.cells(["metric_type", "temporality"]), texts([Some("histogram"), Some("cumulative")]));
}

#[test]
fn points_of_the_two_other_types_are_rows_with_the_rest_in_extra() {
    let names = ["metric_type", "count", "sum", "max", "bucket_counts", "extra"];
    let point = ExponentialHistogramDataPoint {
        count: 4,
        sum: Some(2.0),
        max: Some(1.0),
        scale: -2,
        zero_count: 1,
        positive: Some(Buckets { offset: -1, bucket_counts: vec![3] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let rows = of(Data::ExponentialHistogram(ExponentialHistogram {
        data_points: vec![point],
        ..ExponentialHistogram::default()
    }));
    let extra = r#"{"scale":-2,"zeroCount":"1","positive":{"offset":-1,"bucketCounts":["3"]}}"#;
    let expected = [Some("exponential_histogram"), Some("4"), Some("2.0"), Some("1.0"), None, Some(extra)];
    assert_eq!(rows.cells(names), texts(expected));
    let point = SummaryDataPoint {
        count: 4,
        quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 2.5 }],
        ..SummaryDataPoint::default()
    };
    let rows = of(Data::Summary(Summary { data_points: vec![point] }));
    let extra = r#"{"quantileValues":[{"quantile":0.5,"value":2.5}]}"#;
    assert_eq!(rows.cells(names), texts([Some("summary"), Some("4"), Some("0.0"), None, None, Some(extra)]));
}

#[test]
fn flags_and_start_times_that_columns_cannot_hold_are_exact_in_extra() {
    let names = ["flags", "start_timestamp", "timestamp", "time_unix_nano", "extra"];
    let received = Some("1787393472123456");
    assert_eq!(
        number(NumberDataPoint::default()).cells(names),
        texts([Some("0"), None, received, Some("0"), None])
    );
    let point = NumberDataPoint {
        flags: 1 << 31,
        start_time_unix_nano: 1_001,
        time_unix_nano: 9_999,
        ..NumberDataPoint::default()
    };
    let extra = r#"{"startTimeUnixNano":"1001","flags":2147483648}"#;
    assert_eq!(number(point).cells(names), texts([None, Some("1"), Some("9"), Some("9999"), Some(extra)]));
}

#[test]
fn a_metric_without_data_has_no_rows() {
    assert_eq!(metric(Metric { name: "empty".into(), ..Metric::default() }).table.rows(), 0);
}
