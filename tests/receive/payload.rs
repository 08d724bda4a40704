//! Requests to send.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use lz4_flex::frame::FrameEncoder;
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

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// `bytes` in every format of the contract, each with the name by which clients send it.
pub(crate) fn compressed(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    compressed_by(&|to| to.write_all(bytes).unwrap())
        .into_iter()
        .chain([("snappy", snap::raw::Encoder::new().compress_vec(bytes).unwrap())])
        .collect()
}

/// So many MiB of zeros in every format, compressed as they go, where that takes less than `limit` bytes.
pub(crate) fn bombs(mib: usize, limit: usize) -> Vec<(&'static str, Vec<u8>)> {
    let zeros = vec![0; 1 << 20];
    let write_zeros = |to: &mut dyn Write| (0..mib).for_each(|_| to.write_all(&zeros).unwrap());
    let mut bombs = compressed_by(&write_zeros);
    bombs.retain(|(_, bomb)| bomb.len() < limit);
    bombs
}

/// What `write` writes, in every format that can be written piece by piece.
fn compressed_by(write: &dyn Fn(&mut dyn Write)) -> Vec<(&'static str, Vec<u8>)> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    write(&mut gzip);
    let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    write(&mut zstd);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    write(&mut zlib);
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
    write(&mut bare);
    let mut snappy = snap::write::FrameEncoder::new(Vec::new());
    write(&mut snappy);
    let mut lz4 = FrameEncoder::new(Vec::new());
    write(&mut lz4);
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("snappy", snappy.into_inner().unwrap()),
        ("lz4", lz4.finish().unwrap()),
    ]
}
