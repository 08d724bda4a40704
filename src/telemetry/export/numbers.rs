//! The numbers of `/metrics` as metrics of OTLP: the very ones, for they are read from its text.
//!
//! Counters become monotonic sums, gauges stay gauges, histograms keep their bounds. Sums and histograms are cumulative,
//! from the start of the process on. Names stay as they are, and the unit is the one that a name has in it.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};

use super::attributes::text;

/// When the numbers began to be counted, and when they were read, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) start: u64,
    pub(super) now: u64,
}

/// What stands on a line: the name of the series, its labels, its value.
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, String)>,
    value: &'a str,
}

/// Reads the text of `/metrics`.
pub(super) fn metrics(exposition: &str, times: Times) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::new();
    for line in exposition.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            metrics.extend(declared.split_once(' ').and_then(|(name, kind)| begin(name, kind)));
        } else if !line.starts_with('#')
            && let (Some(metric), Some(sample)) = (metrics.last_mut(), sample(line))
        {
            add(metric, &sample, times);
        }
    }
    metrics
}

/// A metric without points.
fn begin(name: &str, kind: &str) -> Option<Metric> {
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match kind {
        "counter" => Data::Sum(Sum {
            data_points: Vec::new(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        "gauge" => Data::Gauge(Gauge { data_points: Vec::new() }),
        "histogram" => {
            Data::Histogram(Histogram { data_points: Vec::new(), aggregation_temporality: cumulative })
        }
        _ => return None,
    };
    let base = name.strip_suffix("_total").unwrap_or(name);
    let units = [("_seconds", "s"), ("_bytes", "By")];
    let unit = units.iter().find(|(suffix, _)| base.ends_with(suffix)).map_or("", |(_, unit)| unit);
    Some(Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() })
}

/// Adds what a line says to the metric that was declared last.
fn add(metric: &mut Metric, sample: &Sample<'_>, times: Times) {
    match &mut metric.data {
        Some(Data::Sum(sum)) if sample.name == metric.name => {
            sum.data_points.extend(number(sample, times.start, times));
        }
        // What a gauge shows did not begin to be counted at any time.
        Some(Data::Gauge(gauge)) if sample.name == metric.name => {
            gauge.data_points.extend(number(sample, 0, times));
        }
        Some(Data::Histogram(histogram)) => {
            if let Some(part) = sample.name.strip_prefix(metric.name.as_str()) {
                add_part(&mut histogram.data_points, part, sample, times);
            }
        }
        _ => {}
    }
}

fn number(sample: &Sample<'_>, start: u64, times: Times) -> Option<NumberDataPoint> {
    let value = match sample.value.parse() {
        Ok(whole) if start > 0 => Value::AsInt(whole),
        _ => Value::AsDouble(sample.value.parse().ok()?),
    };
    Some(NumberDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: start,
        time_unix_nano: times.now,
        value: Some(value),
        ..NumberDataPoint::default()
    })
}

/// Adds one line of a histogram: a bucket, the sum or the count.
fn add_part(points: &mut Vec<HistogramDataPoint>, part: &str, sample: &Sample<'_>, times: Times) {
    let attributes = attributes(sample);
    // The lines of one series stand together.
    let known = points.last().is_some_and(|point| point.attributes == attributes);
    if !known {
        let (start_time_unix_nano, time_unix_nano) = (times.start, times.now);
        let point =
            HistogramDataPoint { attributes, start_time_unix_nano, time_unix_nano, ..Default::default() };
        points.push(point);
    }
    let Some(point) = points.last_mut() else { return };
    match part {
        "_bucket" => {
            // Those of the text hold what is in the buckets before them as well.
            let before: u64 = point.bucket_counts.iter().sum();
            let up_to: u64 = sample.value.parse().unwrap_or(before);
            point.bucket_counts.push(up_to.saturating_sub(before));
            let bound = sample.labels.iter().find(|(name, _)| *name == "le").map(|(_, bound)| bound.parse());
            point.explicit_bounds.extend(bound.and_then(Result::ok).filter(|bound: &f64| bound.is_finite()));
        }
        "_sum" => point.sum = sample.value.parse().ok(),
        "_count" => point.count = sample.value.parse().unwrap_or_default(),
        _ => {}
    }
}

/// The labels, without the one that tells buckets apart.
fn attributes(sample: &Sample<'_>) -> Vec<KeyValue> {
    let labels = sample.labels.iter().filter(|(name, _)| *name != "le");
    labels.map(|(name, value)| text(name, value)).collect()
}

/// Reads a line: `name{label="value",other="one"} 12`.
fn sample(line: &str) -> Option<Sample<'_>> {
    let (series, value) = line.rsplit_once(' ')?;
    let Some((name, labels)) = series.split_once('{') else {
        return Some(Sample { name: series, labels: Vec::new(), value });
    };
    let mut rest = labels.strip_suffix('}')?;
    let mut labels = Vec::new();
    while let Some((label, after)) = rest.split_once("=\"") {
        let (value, after) = unquoted(after)?;
        labels.push((label.trim_start_matches(','), value));
        rest = after;
    }
    Some(Sample { name, labels, value })
}

/// A label's value up to its closing quote, and what stands behind that.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let (mut value, mut letters) = (String::new(), quoted.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            letter => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    const TIMES: Times = Times { start: 10, now: 20 };

    fn of(metrics: &[Metric], name: &str) -> Data {
        metrics.iter().find(|metric| metric.name == name).unwrap().data.clone().unwrap()
    }

    /// What the recorder of the program would say.
    fn exposition() -> String {
        let recorder = PrometheusBuilder::new().set_buckets(&[0.1, 1.0, 10.0]).unwrap().build_recorder();
        let numbers = recorder.handle();
        ::metrics::with_local_recorder(&recorder, || {
            ::metrics::counter!("a_total").increment(u64::MAX / 2);
            ::metrics::counter!("b_total", "output" => "C:\\dir,x=\"1\"} 2\nand").increment(3);
            ::metrics::counter!("b_total", "output" => "other", "signal" => "logs").increment(0);
            ::metrics::gauge!("queue_bytes").set(1.5e300);
            ::metrics::gauge!("none").set(f64::NAN);
            for (signal, seconds) in
                [("logs", 0.05), ("logs", 5.0), ("logs", 6.0), ("logs", 100.0), ("traces", 0.5)]
            {
                ::metrics::histogram!("took_seconds", "signal" => signal).record(seconds);
            }
        });
        numbers.render()
    }

    #[test]
    fn counters_are_cumulative_sums_from_the_start_with_every_digit() {
        let metrics = metrics(&exposition(), TIMES);
        let Data::Sum(sum) = of(&metrics, "a_total") else { panic!("a sum") };
        assert!(
            sum.is_monotonic && sum.aggregation_temporality == i32::from(AggregationTemporality::Cumulative)
        );
        let [point] = sum.data_points.try_into().unwrap();
        assert_eq!(point.value, Some(Value::AsInt(i64::MAX)));
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (10, 20));
    }

    #[test]
    fn labels_are_attributes_whatever_is_in_them() {
        let metrics = metrics(&exposition(), TIMES);
        let Data::Sum(sum) = of(&metrics, "b_total") else { panic!("a sum") };
        let mut points: Vec<_> = sum.data_points.iter().map(|p| (p.value, p.attributes.clone())).collect();
        points.sort_by_key(|(_, attributes)| attributes.len());
        assert_eq!(
            points,
            [
                (Some(Value::AsInt(3)), vec![text("output", "C:\\dir,x=\"1\"} 2\nand")]),
                (Some(Value::AsInt(0)), vec![text("output", "other"), text("signal", "logs")]),
            ]
        );
    }

    #[test]
    fn gauges_are_as_they_are_and_have_no_start() {
        let metrics = metrics(&exposition(), TIMES);
        let unit =
            metrics.iter().find(|metric| metric.name == "queue_bytes").map(|metric| metric.unit.as_str());
        assert_eq!(unit, Some("By"));
        let Data::Gauge(gauge) = of(&metrics, "queue_bytes") else { panic!("a gauge") };
        let [point] = gauge.data_points.try_into().unwrap();
        assert_eq!((point.value, point.start_time_unix_nano), (Some(Value::AsDouble(1.5e300)), 0));
        let Data::Gauge(gauge) = of(&metrics, "none") else { panic!("a gauge") };
        assert!(matches!(gauge.data_points[0].value, Some(Value::AsDouble(value)) if value.is_nan()));
    }

    #[test]
    fn buckets_of_histograms_hold_only_what_is_in_them() {
        let metrics = metrics(&exposition(), TIMES);
        let Data::Histogram(histogram) = of(&metrics, "took_seconds") else { panic!("a histogram") };
        assert_eq!(histogram.aggregation_temporality, i32::from(AggregationTemporality::Cumulative));
        let mut points = histogram.data_points;
        points.sort_by_key(|point| point.count);
        let [traces, logs] = points.try_into().unwrap();
        assert_eq!(logs.attributes, [text("signal", "logs")]);
        assert_eq!((logs.count, logs.sum), (4, Some(111.05)));
        assert_eq!((logs.explicit_bounds, logs.bucket_counts), (vec![0.1, 1.0, 10.0], vec![1, 0, 2, 1]));
        assert_eq!((logs.start_time_unix_nano, logs.time_unix_nano), (10, 20));
        assert_eq!((traces.count, traces.bucket_counts), (1, vec![0, 1, 0, 0]));
    }

    #[test]
    fn a_line_that_is_none_is_passed_over() {
        for text in [
            "",
            "a",
            "a_total",
            "# TYPE a",
            "# TYPE a summary\na 1",
            "# TYPE a counter\na{b=\"c 1\na{b 1\nb 2",
        ] {
            let points: usize = metrics(text, TIMES)
                .iter()
                .map(|metric| match &metric.data {
                    Some(Data::Sum(sum)) => sum.data_points.len(),
                    _ => 0,
                })
                .sum();
            assert_eq!(points, 0, "{text}");
        }
    }
}
