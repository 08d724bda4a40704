//! Requests to send.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;

/// A request of one log record with a text of this length.
pub(crate) fn logs(text_bytes: usize) -> Vec<u8> {
    let text = AnyValue { value: Some(Value::StringValue("x".repeat(text_bytes))) };
    let record = LogRecord { time_unix_nano: 1, body: Some(text), ..LogRecord::default() };
    let scope = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec()
}

/// The same as JSON.
pub(crate) fn logs_json(text_bytes: usize) -> Vec<u8> {
    let text = "x".repeat(text_bytes);
    format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"1","body":{{"stringValue":"{text}"}}}}]}}]}}]}}"#
    )
    .into_bytes()
}

/// A request of one resource and no log record.
pub(crate) fn no_logs() -> Vec<u8> {
    let resource = ResourceLogs { scope_logs: vec![ScopeLogs::default()], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A GiB of zeros, compressed as it goes.
pub(crate) fn gzip_bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write_zeros(&mut encoder);
    encoder.finish().unwrap()
}

/// A GiB of zeros, compressed as it goes.
pub(crate) fn zstd_bomb() -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    write_zeros(&mut encoder);
    encoder.finish().unwrap()
}

fn write_zeros(to: &mut impl Write) {
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        to.write_all(&zeros).unwrap();
    }
}
