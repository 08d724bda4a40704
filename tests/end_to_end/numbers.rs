//! Exports of log records that bear numbers, by which they are found again.

use std::collections::BTreeMap;

use bytes::Bytes;
use forebay::otlp::Signal;
use http::Request;
use http_body_util::Full;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use tonic::Code;

use crate::client::{Answer, JSON, PROTOBUF, grpc, http, over_http1, over_http2};
use crate::decoded::Decoded;
use crate::support::program::Program;

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Grpc,
    HttpProtobuf,
    HttpJson,
}

impl Over {
    pub(crate) const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];
}

/// A request of one log record with this number, and so many bytes beside.
pub(crate) fn request(over: Over, number: i64, bytes: usize) -> Request<Full<Bytes>> {
    let export = export(number, bytes);
    match over {
        Over::Grpc => grpc(Signal::Logs, &export.encode_to_vec()),
        Over::HttpProtobuf => http(Signal::Logs, PROTOBUF, &export.encode_to_vec()),
        Over::HttpJson => http(Signal::Logs, JSON, &serde_json::to_vec(&export).unwrap()),
    }
}

fn export(number: i64, bytes: usize) -> ExportLogsServiceRequest {
    let value = |value| Some(AnyValue { value: Some(value) });
    let padding = KeyValue {
        key: "padding".to_owned(),
        value: value(Value::StringValue("x".repeat(bytes))),
        ..KeyValue::default()
    };
    let record =
        LogRecord { body: value(Value::IntValue(number)), attributes: vec![padding], ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

/// Whether an answer acknowledges.
pub(crate) fn is_acknowledged(over: Over, answer: &Answer) -> bool {
    match over {
        Over::Grpc => answer.grpc_status().code() == Code::Ok,
        Over::HttpProtobuf | Over::HttpJson => answer.status == 200,
    }
}

/// Sends a record with this number.
pub(crate) async fn send(program: &Program, over: Over, number: i64, bytes: usize) -> Answer {
    let request = request(over, number, bytes);
    match over {
        Over::Grpc => over_http2(program.grpc(), request).await,
        Over::HttpProtobuf | Over::HttpJson => over_http1(program.http(), request).await,
    }
}

/// Sends records with these numbers, in all ways by turns, and has them acknowledged.
pub(crate) async fn send_all(program: &Program, numbers: std::ops::Range<i64>) {
    for (number, over) in numbers.zip(Over::ALL.into_iter().cycle()) {
        let answer = send(program, over, number, 0).await;
        assert!(is_acknowledged(over, &answer), "{number} {over:?}: {answer:?}");
    }
}

/// How often each number is there.
pub(crate) fn found(requests: &[Decoded]) -> BTreeMap<i64, usize> {
    let mut found = BTreeMap::new();
    for request in requests {
        let Decoded::Logs(logs) = request else { continue };
        let scopes = logs.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        for record in scopes.flat_map(|scope| &scope.log_records) {
            let Some(AnyValue { value: Some(Value::IntValue(number)) }) = &record.body else {
                panic!("a record without number: {record:?}")
            };
            *found.entry(*number).or_default() += 1;
        }
    }
    found
}

/// That each of these numbers is there once, and no other.
pub(crate) fn assert_each_once(numbers: impl IntoIterator<Item = i64>, requests: &[Decoded]) {
    let mut wrong = found(requests);
    let lost: Vec<_> =
        numbers.into_iter().filter(|number| wrong.remove(number).is_none_or(|times| times != 1)).collect();
    assert!(lost.is_empty() && wrong.is_empty(), "not there once: {lost:?}, never acknowledged: {wrong:?}");
}
