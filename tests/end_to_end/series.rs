//! The numbers of an export and of `/metrics`, by the same names.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, NumberDataPoint, number_data_point};

/// Text that has to be text.
pub(crate) fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

/// Attributes, all of them text.
pub(crate) fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute.value.as_ref()))).collect()
}

/// The series of an export as Prometheus names them, with their values.
pub(crate) fn series(export: &ExportMetricsServiceRequest) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    let scopes = export.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    for metric in scopes.flat_map(|scope| &scope.metrics) {
        let name = &metric.name;
        let number = |point: &NumberDataPoint| {
            let value = match point.value.unwrap() {
                number_data_point::Value::AsInt(value) => i32::try_from(value).unwrap().into(),
                number_data_point::Value::AsDouble(value) => value,
            };
            (named(name, &attributes(&point.attributes)), value)
        };
        let cumulative = i32::from(AggregationTemporality::Cumulative);
        match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == cumulative, "{name}");
                assert!(sum.data_points.iter().all(|point| point.start_time_unix_nano > 0), "{name}");
                all.extend(sum.data_points.iter().map(number));
            }
            Data::Gauge(gauge) => all.extend(gauge.data_points.iter().map(number)),
            Data::Histogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality, cumulative, "{name}");
                for point in &histogram.data_points {
                    let labels = attributes(&point.attributes);
                    let count = |count: u64| f64::from(u32::try_from(count).unwrap());
                    all.insert(named(&format!("{name}_sum"), &labels), point.sum.unwrap());
                    all.insert(named(&format!("{name}_count"), &labels), count(point.count));
                    let bounds = point.explicit_bounds.iter().copied().chain([f64::INFINITY]);
                    let mut up_to = 0;
                    for (bound, in_bucket) in bounds.zip(&point.bucket_counts) {
                        up_to += in_bucket;
                        let mut labels = labels.clone();
                        labels.insert("le".to_owned(), bound.to_string());
                        all.insert(named(&format!("{name}_bucket"), &labels), count(up_to));
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    all
}

/// The series of `/metrics`, with their values. No label of this test has a comma in it.
pub(crate) fn scraped(exposition: &str) -> BTreeMap<String, f64> {
    let lines = exposition.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let one = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
        let label = |label: &str| {
            let (name, value) = label.split_once('=').unwrap();
            let value = value.trim_matches('"');
            let bound =
                if name == "le" { value.parse::<f64>().unwrap().to_string() } else { value.to_owned() };
            (name.to_owned(), bound)
        };
        (named(name, &labels.map(label).collect()), value.parse().unwrap())
    };
    lines.map(one).collect()
}

/// One name for a series, however its labels are ordered.
fn named(name: &str, labels: &BTreeMap<String, String>) -> String {
    format!("{name}{labels:?}")
}

/// Whether a number changes although nothing happens.
pub(crate) fn is_restless(series: &str) -> bool {
    ["process", "uptime", "telemetry_export", "free_bytes", "age_seconds"]
        .iter()
        .any(|part| series.contains(part))
}

/// When the numbers of an export were read.
pub(crate) fn read_at(export: &ExportMetricsServiceRequest) -> u64 {
    let metrics = &export.resource_metrics[0].scope_metrics[0].metrics;
    metrics
        .iter()
        .find_map(|metric| match &metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.first().map(|point| point.time_unix_nano),
            _ => None,
        })
        .unwrap()
}
