//! Random telemetry of every shape becomes rows, and the rows become the same telemetry again.

use forebay::otlp::{Signal, read_json, validate};
use forebay::rows::{
    CsvColumns, Layout, Origin, ParquetCompression, ParquetRows, ParquetWriter, Restorer, Table, flatten,
    read_csv_record, write_csv, write_csv_header, write_json_lines,
};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::cells::{self, Row};
use crate::decoded::Decoded;
use crate::rearranged::rearranged;
use crate::{captured, restore, telemetry};

const ORIGIN: Origin<'_> = Origin { writer: "log", seq: 1, received_at: 1_787_393_472_123_456_789 };

/// The rows of a request.
fn rows_of(signal: Signal, body: &[u8]) -> Vec<Row> {
    let layout = Layout::new(signal, &[]);
    let mut table = Table::new(layout.columns());
    flatten(&layout, ORIGIN, body, &mut table).unwrap();
    cells::rows(&layout, &table)
}

/// The request split into requests of one item each.
fn one_by_one(request: &Decoded) -> Vec<Decoded> {
    let mut split = Vec::new();
    // All but one item is taken out of a copy of the request.
    match request {
        Decoded::Logs(request) => {
            for resource in &request.resource_logs {
                for scope in &resource.scope_logs {
                    for item in &scope.log_records {
                        let (mut resource, mut scope) = (resource.clone(), scope.clone());
                        scope.log_records = vec![item.clone()];
                        resource.scope_logs = vec![scope];
                        let mut request = request.clone();
                        request.resource_logs = vec![resource];
                        split.push(Decoded::Logs(request));
                    }
                }
            }
        }
        Decoded::Traces(request) => {
            for resource in &request.resource_spans {
                for scope in &resource.scope_spans {
                    for item in &scope.spans {
                        let (mut resource, mut scope) = (resource.clone(), scope.clone());
                        scope.spans = vec![item.clone()];
                        resource.scope_spans = vec![scope];
                        let mut request = request.clone();
                        request.resource_spans = vec![resource];
                        split.push(Decoded::Traces(request));
                    }
                }
            }
        }
        Decoded::Profiles(_) => panic!("profiles have no rows"),
        Decoded::Metrics(request) => {
            for resource in &request.resource_metrics {
                for scope in &resource.scope_metrics {
                    for item in scope.metrics.iter().flat_map(points) {
                        let (mut resource, mut scope) = (resource.clone(), scope.clone());
                        scope.metrics = vec![item];
                        resource.scope_metrics = vec![scope];
                        let mut request = request.clone();
                        request.resource_metrics = vec![resource];
                        split.push(Decoded::Metrics(request));
                    }
                }
            }
        }
    }
    split
}

/// The metric once for each of its points.
fn points(metric: &Metric) -> Vec<Metric> {
    macro_rules! split {
        ($kind:ident, $data:expr) => {
            $data
                .data_points
                .iter()
                .map(|point| {
                    let mut data = $data.clone();
                    data.data_points = vec![point.clone()];
                    Metric { data: Some(Data::$kind(data)), ..metric.clone() }
                })
                .collect()
        };
    }
    match &metric.data {
        None => Vec::new(),
        Some(Data::Gauge(data)) => split!(Gauge, data),
        Some(Data::Sum(data)) => split!(Sum, data),
        Some(Data::Histogram(data)) => split!(Histogram, data),
        Some(Data::ExponentialHistogram(data)) => split!(ExponentialHistogram, data),
        Some(Data::Summary(data)) => split!(Summary, data),
    }
}

/// The rows as they are found in JSON lines, in a Parquet file and in CSV.
fn read_back(signal: Signal, body: &[u8]) -> [Vec<forebay::rows::Row>; 3] {
    let layout = Layout::new(signal, &[]);
    let mut table = Table::new(layout.columns());
    flatten(&layout, ORIGIN, body, &mut table).unwrap();
    let mut lines = Vec::new();
    write_json_lines(layout.columns(), &table, &mut lines, |_| Ok::<_, ()>(())).unwrap();
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    let mut parquet = ParquetWriter::new(layout.columns(), ParquetCompression::Zstd(1), Vec::new()).unwrap();
    parquet.write_rows(&table).unwrap();
    let parquet = ParquetRows::open(parquet.finish().unwrap().into()).unwrap();
    [
        lines.map(|line| forebay::rows::Row::from_json(line).unwrap()).collect(),
        parquet.map(Result::unwrap).collect(),
        from_csv(&layout, &table),
    ]
}

/// The rows as they are found in CSV.
fn from_csv(layout: &Layout, table: &Table) -> Vec<forebay::rows::Row> {
    let mut csv = Vec::new();
    write_csv_header(layout.columns(), &mut csv);
    write_csv(layout.columns(), table, &mut csv, |_| Ok::<_, ()>(())).unwrap();
    let (mut content, mut record) = (&csv[..], Vec::new());
    assert!(read_csv_record(&mut content, &mut record).unwrap());
    let columns = CsvColumns::of(&record, None).unwrap();
    let mut rows = Vec::new();
    while read_csv_record(&mut content, &mut record).unwrap() {
        rows.push(columns.row(&record).unwrap());
    }
    rows
}

/// What forebay itself makes of rows again, item by item.
fn restored(signal: Signal, rows: &[forebay::rows::Row]) -> Vec<Decoded> {
    let mut restorer = Restorer::new(signal);
    let mut requests: Vec<_> = rows.iter().filter_map(|row| restorer.add(row).unwrap()).collect();
    requests.extend(restorer.rest());
    let decoded = |json: Vec<u8>| {
        let body = read_json(signal, &json, usize::MAX).unwrap();
        Decoded::from_protobuf(signal, &body).unwrap()
    };
    requests.into_iter().map(decoded).flat_map(|request| one_by_one(&request)).collect()
}

/// Checks that the rows of a request say what it says.
fn check(sent: &Decoded, body: &[u8]) -> Result<(), TestCaseError> {
    let rows = rows_of(sent.signal(), body);
    let expected = one_by_one(sent);
    prop_assert_eq!(rows.len(), expected.len());
    for (place, (row, expected)) in rows.iter().zip(expected).enumerate() {
        prop_assert_eq!(restore::request(sent.signal(), row), expected);
        let id = row.text("id").unwrap();
        prop_assert_eq!(&id[24..], format!("{place:08x}"));
        prop_assert!(row.integer("timestamp").is_some(), "every row has a time");
    }
    let expected = one_by_one(sent);
    for rows in read_back(sent.signal(), body) {
        prop_assert_eq!(&restored(sent.signal(), &rows), &expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(20_261_122),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn rows_become_the_telemetry_that_was_sent(sent in telemetry::request_with_rows()) {
        let body = sent.to_protobuf();
        // prost leaves out a -0.0.
        check(&Decoded::from_protobuf(sent.signal(), &body).unwrap(), &body)?;
    }

    #[test]
    fn the_order_of_fields_and_pieces_of_messages_make_no_difference(sent in telemetry::request_with_rows(), seed in any::<u64>()) {
        let body = rearranged(sent.signal(), &sent.to_protobuf(), seed);
        let read = Decoded::from_protobuf(sent.signal(), &body).unwrap();
        prop_assert_eq!(&read, &Decoded::from_protobuf(sent.signal(), &sent.to_protobuf()).unwrap());
        check(&read, &body)?;
    }

    #[test]
    fn two_requests_laid_end_to_end_become_the_rows_of_both(one in telemetry::request_with_rows(), other in telemetry::request_with_rows()) {
        prop_assume!(one.signal() == other.signal());
        let body = [one.to_protobuf(), other.to_protobuf()].concat();
        check(&Decoded::from_protobuf(one.signal(), &body).unwrap(), &body)?;
    }
}

#[test]
fn the_rows_of_captured_requests_become_what_was_sent() {
    for captured in captured::all().into_iter().filter(|captured| !captured.is_json) {
        let sent = Decoded::from_protobuf(captured.signal, &captured.body).unwrap();
        check(&sent, &captured.body).unwrap_or_else(|error| panic!("{}: {error}", captured.file));
        assert_eq!(validate(captured.signal, &captured.body), Ok(captured.items));
    }
}
