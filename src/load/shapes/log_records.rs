//! Log records of a service that answers requests.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::{Random, Request, attribute, instance_attribute, text};
use crate::otlp::Signal;

/// What a record always has besides its body and its attributes: times, severity, trace and span, and tags and lengths.
const BARE_BYTES: usize = 64;

/// What is left to the body at least, where attributes take the place.
const BODY_BYTES: usize = 60;

/// What log lines are made of.
const PHRASES: [&str; 20] = [
    "connection pool exhausted, waiting for a lease",
    "payment authorized by the provider",
    "cache miss, loaded rows from the replica",
    "order handed to the warehouse",
    "token refreshed for the session",
    "deadline exceeded while calling inventory",
    "retrying with backoff",
    "partition rebalanced",
    "offset committed",
    "feature flag new-checkout is on",
    "user profile updated",
    "background worker picked up the batch",
    "response served from the cache",
    "upstream closed the connection",
    "rate limit at half of its budget",
    "validated the cart",
    "schema version 14",
    "circuit breaker closed again",
    "region eu-central-1",
    "shard 7",
];

/// A request of so many records of so many bytes on average.
pub(super) fn request(
    random: &mut Random,
    instance: &str,
    (records, record_bytes): (u32, u32),
    now: SystemTime,
) -> Request {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    // As if the last was made just now, and one every millisecond or so before it.
    let time = u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(u64::from(records) * 1_000_000);
    let mut service = Service { random, time, trace_id: Vec::new(), span_id: Vec::new() };
    let log_records = (0..records).map(|_| service.record(record_bytes)).collect();
    let scope = Some(InstrumentationScope { name: "com.example.checkout".into(), ..Default::default() });
    let scope_logs = vec![ScopeLogs { scope, log_records, ..ScopeLogs::default() }];
    let resource = Some(Resource { attributes: resource(random, instance), ..Resource::default() });
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
    let protobuf = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
    Request { signal: Signal::Logs, items: records.into(), protobuf }
}

fn resource(random: &mut Random, instance: &str) -> Vec<KeyValue> {
    vec![
        instance_attribute(instance),
        attribute("service.name", text("checkout")),
        attribute("service.version", text("3.14.1")),
        attribute("deployment.environment.name", text("production")),
        attribute("host.name", text(&format!("ip-10-0-{}-{}", random.below(4), random.below(256)))),
    ]
}

/// What writes the records.
struct Service<'r> {
    random: &'r mut Random,
    /// When the last record was made, in nanoseconds since 1970.
    time: u64,
    trace_id: Vec<u8>,
    span_id: Vec<u8>,
}

impl Service<'_> {
    /// A record of three quarters to five quarters of this size.
    fn record(&mut self, bytes: u32) -> LogRecord {
        self.go_on();
        let random = &mut *self.random;
        let bytes = (bytes - bytes / 4 + random.below(bytes / 2 + 1)) as usize;
        let took = random.below(900);
        let status = [200, 200, 200, 201, 304, 404, 500][random.below(7) as usize];
        let (severity_number, severity_text) = match status {
            500 => (17, "ERROR"),
            404 => (13, "WARN"),
            _ => (9, "INFO"),
        };
        let mut left = bytes.saturating_sub(BARE_BYTES);
        let mut kept = Vec::new();
        for attribute in attributes(random, status, took) {
            // With the tag and the length before it.
            let length = attribute.encoded_len() + 2;
            if left >= length + BODY_BYTES {
                left -= length;
                kept.push(attribute);
            }
        }
        LogRecord {
            time_unix_nano: self.time,
            observed_time_unix_nano: self.time + 1_000 * u64::from(random.below(1_000)),
            severity_number,
            severity_text: severity_text.into(),
            body: Some(AnyValue { value: Some(Value::StringValue(line(random, left, status, took))) }),
            attributes: kept,
            trace_id: self.trace_id.clone(),
            span_id: self.span_id.clone(),
            ..LogRecord::default()
        }
    }

    /// Some time passes, and now and then another span begins, or another trace.
    fn go_on(&mut self) {
        self.time += u64::from(self.random.below(2_000_000));
        let is_another = self.random.below(5);
        if self.trace_id.is_empty() || is_another == 0 {
            self.trace_id = self.random.bytes(16);
        }
        if self.span_id.is_empty() || is_another < 2 {
            self.span_id = self.random.bytes(8);
        }
    }
}

fn attributes(random: &mut Random, status: i64, took: u32) -> [KeyValue; 7] {
    [
        attribute("http.request.method", text(random.choose(&["GET", "GET", "POST", "PUT"]))),
        attribute("url.path", text(&format!("/api/v1/orders/{}", random.below(1_000_000)))),
        attribute("http.response.status_code", Value::IntValue(status)),
        attribute("duration_ms", Value::IntValue(took.into())),
        attribute("user.id", text(&format!("u-{}", random.below(5_000)))),
        attribute("thread.id", Value::IntValue(random.below(32).into())),
        attribute("code.function.name", text(random.choose(&["handle_order", "load_items", "authorize"]))),
    ]
}

/// A line of so many characters.
fn line(random: &mut Random, characters: usize, status: i64, took: u32) -> String {
    let mut line = format!("answered {status} after {took} ms");
    while line.len() < characters {
        line.push_str("; ");
        line.push_str(random.choose(&PHRASES));
    }
    line.truncate(characters);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protobuf(records: u32, record_bytes: u32) -> Vec<u8> {
        let request = request(&mut Random::new(1), "instance", (records, record_bytes), SystemTime::now());
        assert_eq!(request.items, u64::from(records));
        request.protobuf
    }

    #[test]
    fn records_are_as_large_as_asked_for() {
        for bytes in [100, 360, 1000, 5000] {
            let average = protobuf(1000, bytes).len() / 1000;
            let asked = bytes as usize;
            assert!(average.abs_diff(asked) <= asked / 20, "{average} instead of {asked}");
        }
    }

    #[test]
    fn they_compress_as_logs_do() {
        let plain = protobuf(1000, 360);
        let packed = zstd::bulk::compress(&plain, 3).unwrap();
        let percent = 100 * packed.len() / plain.len();
        assert!((16..=24).contains(&percent), "{percent} % of {}", plain.len());
    }

    #[test]
    fn their_times_lie_just_before_now_and_run_forward() {
        let now = UNIX_EPOCH + std::time::Duration::from_secs(2_000_000_000);
        let request = request(&mut Random::new(1), "instance", (1000, 360), now);
        let request = ExportLogsServiceRequest::decode(request.protobuf.as_slice()).unwrap();
        let records = &request.resource_logs[0].scope_logs[0].log_records;
        let times: Vec<_> = records.iter().map(|record| record.time_unix_nano).collect();
        assert!(times.is_sorted());
        let minute = 60_000_000_000;
        assert!(times.iter().all(|time| time.abs_diff(2_000_000_000_000_000_000) < minute));
        assert!(records.iter().all(|record| record.trace_id.len() == 16 && record.attributes.len() > 4));
    }
}
