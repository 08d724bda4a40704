//! Items as a multiset: what was sent and what arrived are the same if these are.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::decoded::Decoded;

/// How often each item is there. An item is a log record, a data point, a span or a profile with all that it belongs to:
/// resource, scope, schemas, metric and dictionary.
pub(crate) type Items = BTreeMap<String, usize>;

/// Counts the items of all requests.
pub(crate) fn items<'a>(requests: impl IntoIterator<Item = &'a Decoded>) -> Items {
    let mut items = Items::new();
    for request in requests {
        let before: usize = items.values().sum();
        count(&mut items, request);
        assert_eq!(items.values().sum::<usize>() - before, request.items());
    }
    items
}

fn count(items: &mut Items, request: &Decoded) {
    let mut add = |item: String| *items.entry(item).or_default() += 1;
    match request {
        Decoded::Logs(request) => {
            for resource in &request.resource_logs {
                for scope in &resource.scope_logs {
                    for record in &scope.log_records {
                        let place =
                            (&resource.resource, &resource.schema_url, &scope.scope, &scope.schema_url);
                        add(format!("{place:?} {record:?}"));
                    }
                }
            }
        }
        Decoded::Metrics(request) => {
            for resource in &request.resource_metrics {
                for scope in &resource.scope_metrics {
                    for metric in &scope.metrics {
                        let place =
                            (&resource.resource, &resource.schema_url, &scope.scope, &scope.schema_url);
                        let mut metric = metric.clone();
                        let points = metric.data.as_mut().map(take_points).unwrap_or_default();
                        for point in points {
                            add(format!("{place:?} {metric:?} {point}"));
                        }
                    }
                }
            }
        }
        Decoded::Traces(request) => {
            for resource in &request.resource_spans {
                for scope in &resource.scope_spans {
                    for span in &scope.spans {
                        let place =
                            (&resource.resource, &resource.schema_url, &scope.scope, &scope.schema_url);
                        add(format!("{place:?} {span:?}"));
                    }
                }
            }
        }
        Decoded::Profiles(request) => {
            for resource in &request.resource_profiles {
                for scope in &resource.scope_profiles {
                    for profile in &scope.profiles {
                        let place =
                            (&resource.resource, &resource.schema_url, &scope.scope, &scope.schema_url);
                        add(format!("{place:?} {:?} {profile:?}", request.dictionary));
                    }
                }
            }
        }
    }
}

/// Takes the data points out of a metric.
fn take_points(data: &mut Data) -> Vec<String> {
    fn taken<T: std::fmt::Debug>(points: &mut Vec<T>) -> Vec<String> {
        std::mem::take(points).iter().map(|point| format!("{point:?}")).collect()
    }
    match data {
        Data::Gauge(data) => taken(&mut data.data_points),
        Data::Sum(data) => taken(&mut data.data_points),
        Data::Histogram(data) => taken(&mut data.data_points),
        Data::ExponentialHistogram(data) => taken(&mut data.data_points),
        Data::Summary(data) => taken(&mut data.data_points),
    }
}

/// What is in one and not in the other, for the message of a test that fails.
pub(crate) fn assert_same(sent: &Items, arrived: &Items) {
    let differing = |a: &Items, b: &Items| -> Vec<String> {
        let differing = a.iter().filter(|(item, count)| b.get(*item) != Some(*count));
        differing.take(3).map(|(item, count)| format!("{count} x {item}")).collect()
    };
    let (only_sent, only_arrived) = (differing(sent, arrived), differing(arrived, sent));
    assert!(
        only_sent.is_empty() && only_arrived.is_empty(),
        "sent:\n{}\narrived:\n{}",
        only_sent.join("\n"),
        only_arrived.join("\n")
    );
}
