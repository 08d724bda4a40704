//! Requests that are damaged or meant to do harm.

use std::time::{Duration, Instant};

use forebay::otlp::{Signal, validate};
use forebay::rows::{Layout, Origin, SIGNALS, Table, flatten};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use crate::rearranged::Chance;
use crate::{captured, cells};

const ORIGIN: Origin<'_> = Origin { writer: "log", seq: 1, received_at: 1 };

/// Flattens `body` behind a row that is there, and says whether it was a request. Checks what holds for any bytes.
fn check(layout: &Layout, table: &mut Table, body: &[u8]) -> bool {
    let before = table.clone();
    let verdict = validate(layout.signal(), body);
    let outcome = flatten(layout, ORIGIN, body, table);
    match &verdict {
        Ok(items) => {
            assert_eq!(outcome, Ok(()));
            assert_eq!(table.rows(), before.rows() + *items as usize);
            table.truncate(before.rows());
        }
        Err(_) => assert!(outcome.is_err(), "{verdict:?}"),
    }
    assert!(*table == before, "the table is as it was");
    verdict.is_ok()
}

/// A table with one row.
fn table_with_a_row(layout: &Layout) -> Table {
    let mut table = Table::new(layout.columns());
    let body = captured::all().into_iter().find(|captured| captured.signal == Signal::Logs).unwrap().body;
    let logs = Layout::new(Signal::Logs, &[]);
    if layout.signal() == Signal::Logs && flatten(&logs, ORIGIN, &body, &mut table).is_ok() {
        table.truncate(1);
    } else {
        table.finish_row();
    }
    table
}

#[test]
fn damage_to_captured_requests_is_refused_or_read_and_never_leaves_half_a_request() {
    let (mut read, mut refused) = (0, 0);
    for signal in SIGNALS {
        let layout = Layout::new(signal, &[]);
        let mut table = table_with_a_row(&layout);
        let captured = captured::all().into_iter();
        for (seed, captured) in
            (0..).zip(captured.filter(|captured| captured.signal == signal && !captured.is_json))
        {
            let mut chance = Chance(seed);
            for _ in 0..60 {
                let mut body = captured.body.clone();
                if chance.below(4) == 0 {
                    body.truncate(chance.below(body.len()));
                }
                for _ in 0..chance.below(4) {
                    let at = chance.below(body.len());
                    if let Some(byte) = body.get_mut(at) {
                        *byte ^= 1 << chance.below(8);
                    }
                }
                let is_read = check(&layout, &mut table, &body);
                *(if is_read { &mut read } else { &mut refused }) += 1;
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} {refused}");
}

/// A request with one log record.
fn one_record(record: LogRecord) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

fn attribute(key: String, value: Any) -> KeyValue {
    KeyValue { key, value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

#[test]
fn many_attributes_take_time_in_proportion() {
    /// So many that a look at each pair would take minutes.
    const MANY: i64 = 100_000;
    let layout = Layout::new(Signal::Logs, &[]);
    for keys in [1, 70, MANY] {
        let attributes =
            (0..MANY).map(|number| attribute(format!("{}", number % keys), Any::IntValue(number))).collect();
        let body = one_record(LogRecord { attributes, ..LogRecord::default() });
        let mut table = Table::new(layout.columns());
        let before = Instant::now();
        flatten(&layout, ORIGIN, &body, &mut table).unwrap();
        assert!(before.elapsed() < Duration::from_secs(20), "{keys} keys took {:?}", before.elapsed());
        let [row] = cells::rows(&layout, &table).try_into().unwrap();
        let map = row.map("attributes");
        assert_eq!(map.len(), usize::try_from(keys).unwrap());
        for (place, (key, value)) in map.iter().enumerate() {
            assert_eq!((key, value.as_deref()), (&place.to_string(), Some(&**key)), "the first one stays");
        }
        let extra: serde_json::Value = serde_json::from_str(row.text("extra").unwrap()).unwrap();
        assert_eq!(extra["attributes"].as_array().unwrap().len(), usize::try_from(MANY).unwrap());
    }
}

#[test]
fn values_nest_as_deep_as_the_door_lets_them_and_no_deeper() {
    let layout = Layout::new(Signal::Logs, &[]);
    let mut table = table_with_a_row(&layout);
    // An array takes two levels, and a map of one key three.
    let nested = |arrays: usize, maps: usize| {
        let value = (0..arrays).fold(AnyValue { value: Some(Any::BoolValue(true)) }, |value, _| AnyValue {
            value: Some(Any::ArrayValue(ArrayValue { values: vec![value] })),
        });
        (0..maps).fold(value, |value, _| {
            let values = vec![KeyValue { value: Some(value), ..KeyValue::default() }];
            AnyValue { value: Some(Any::KvlistValue(KeyValueList { values })) }
        })
    };
    let (mut read, mut refused) = (0, 0);
    for (arrays, maps) in (0..45).flat_map(|count| [(count, 0), (0, count), (count / 2, count / 3)]) {
        let attributes = vec![KeyValue { value: Some(nested(arrays, maps)), ..KeyValue::default() }];
        for record in [
            LogRecord { body: Some(nested(arrays, maps)), ..LogRecord::default() },
            LogRecord { attributes, ..LogRecord::default() },
        ] {
            let is_read = check(&layout, &mut table, &one_record(record));
            *(if is_read { &mut read } else { &mut refused }) += 1;
        }
    }
    assert!(read > 50 && refused > 10, "{read} {refused}");
}

#[test]
fn a_large_resource_of_many_records_does_not_fill_the_memory() {
    /// What rows with copies of the resource alone would take: 100 GB.
    const RECORDS: usize = 100_000;
    const RESOURCE_BYTES: usize = 1_000_000;
    let layout = Layout::new(Signal::Logs, &[]);
    let attributes = vec![attribute("a".into(), Any::StringValue("x".repeat(RESOURCE_BYTES)))];
    let scope_logs =
        vec![ScopeLogs { log_records: vec![LogRecord::default(); RECORDS], ..ScopeLogs::default() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
    let body = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
    let mut table = Table::new(layout.columns());
    flatten(&layout, ORIGIN, &body, &mut table).unwrap();
    assert_eq!(table.rows(), RECORDS);
    assert!(table.bytes() < 320 << 20, "{}", table.bytes());
}
