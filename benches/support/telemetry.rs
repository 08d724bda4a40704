//! Requests as services and coding agents send them, the same at every run.

use bytes::Bytes;
use forebay::otlp::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

/// When the first item was made: 2026-08-22T10:00:00Z, in nanoseconds since 1970.
pub(crate) const START: u64 = 1_787_392_800_000_000_000;

/// Items that are made at once.
const PIECE_ITEMS: u64 = 1000;

/// Data points that a session sends at once.
const SESSION_POINTS: u64 = 20;

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Items {
    LogRecords,
    DataPoints,
    Spans,
}

impl Items {
    /// What carries them.
    pub(crate) const fn signal(self) -> Signal {
        match self {
            Self::LogRecords => Signal::Logs,
            Self::DataPoints => Signal::Metrics,
            Self::Spans => Signal::Traces,
        }
    }
}

/// Requests of so many items each, of about so many bytes together or, if that is less, so many.
pub(crate) fn requests(kind: Items, items: u64, bytes: usize, count: u64) -> Vec<Bytes> {
    let mut source = Source { state: 20_260_822, now: START };
    let mut requests = Vec::new();
    let mut left = bytes;
    while left > 0 && (requests.len() as u64) < count {
        let mut request = Vec::new();
        let mut made = 0;
        // Requests laid end to end are one. A large one must not take more memory while it is made than it will be packed
        // with.
        while made < items {
            let piece = PIECE_ITEMS.min(items - made);
            request.extend(match kind {
                Items::LogRecords => source.logs(piece),
                Items::DataPoints => source.metrics(piece),
                Items::Spans => source.spans(piece),
            });
            made += piece;
        }
        left = left.saturating_sub(request.len());
        requests.push(request.into());
    }
    requests
}

/// Where all that varies comes from.
struct Source {
    state: u64,
    /// The time of the next item.
    now: u64,
}

impl Source {
    /// An instance of a service.
    fn service(&mut self) -> Resource {
        resource(&[
            ("service.name", text("checkout")),
            ("service.version", text("3.14.1")),
            ("service.instance.id", self.uuid()),
            ("deployment.environment.name", text("production")),
            ("host.name", text(&format!("ip-10-0-{}-{}", self.below(4), self.below(256)))),
        ])
    }

    /// Log records of one instance of a service.
    fn logs(&mut self, items: u64) -> Vec<u8> {
        let resource = self.service();
        let log_records = (0..items).map(|_| self.log_record()).collect();
        let scope = Some(InstrumentationScope { name: "com.example.checkout".into(), ..Default::default() });
        let scope_logs = vec![ScopeLogs { scope, log_records, ..ScopeLogs::default() }];
        let resource_logs =
            vec![ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() }];
        ExportLogsServiceRequest { resource_logs }.encode_to_vec()
    }

    fn log_record(&mut self) -> LogRecord {
        self.now += self.below(2_000_000);
        let (order, took) = (self.below(1_000_000), self.below(900));
        let method = self.choose(&["GET", "GET", "POST", "PUT"]);
        let status = [200, 200, 200, 201, 304, 404, 500][self.place(7)];
        let body = match self.below(3) {
            0 => format!("{method} /api/v1/orders/{order} answered {status} after {took} ms"),
            1 => {
                format!("order {order}: payment of {}.{:02} EUR authorized", self.below(400), self.below(100))
            }
            _ => {
                format!("cache miss for key order:{order}:items, loaded {} rows in {took} ms", self.below(90))
            }
        };
        let (severity_number, severity_text) = if status == 500 { (17, "ERROR") } else { (9, "INFO") };
        LogRecord {
            time_unix_nano: self.now,
            observed_time_unix_nano: self.now + 1_000 * self.below(1000),
            severity_number,
            severity_text: severity_text.into(),
            body: Some(AnyValue { value: Some(text(&body)) }),
            attributes: attributes(&[
                ("http.request.method", text(method)),
                ("url.path", text(&format!("/api/v1/orders/{order}"))),
                ("http.response.status_code", Value::IntValue(status)),
                ("duration_ms", Value::IntValue(took.cast_signed())),
                ("client.address", text(&format!("10.{}.{}.7", self.below(16), self.below(256)))),
                ("user.id", text(&format!("u-{}", self.below(5000)))),
                ("thread.id", Value::IntValue(self.below(32).cast_signed())),
                ("code.function.name", text(self.choose(&["handle_order", "load_items", "authorize"]))),
            ]),
            trace_id: self.bytes(16),
            span_id: self.bytes(8),
            ..LogRecord::default()
        }
    }

    /// Spans of one instance of a service.
    fn spans(&mut self, items: u64) -> Vec<u8> {
        let resource = self.service();
        let spans = (0..items).map(|_| self.span()).collect();
        let scope = Some(InstrumentationScope { name: "com.example.checkout".into(), ..Default::default() });
        let scope_spans = vec![ScopeSpans { scope, spans, ..ScopeSpans::default() }];
        let resource_spans =
            vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    }

    fn span(&mut self) -> Span {
        self.now += self.below(2_000_000);
        let (order, took) = (self.below(1_000_000), self.below(900_000_000));
        let method = self.choose(&["GET", "GET", "POST", "PUT"]);
        let status = [200, 200, 200, 201, 304, 404, 500][self.place(7)];
        let rows = Event {
            time_unix_nano: self.now + took / 2,
            name: "rows loaded".into(),
            attributes: attributes(&[("rows", Value::IntValue(self.below(90).cast_signed()))]),
            ..Event::default()
        };
        Span {
            trace_id: self.bytes(16),
            span_id: self.bytes(8),
            parent_span_id: self.bytes(8),
            name: format!("{method} /api/v1/orders/{{order}}"),
            kind: 2,
            start_time_unix_nano: self.now,
            end_time_unix_nano: self.now + took,
            attributes: attributes(&[
                ("http.request.method", text(method)),
                ("http.route", text("/api/v1/orders/{order}")),
                ("url.path", text(&format!("/api/v1/orders/{order}"))),
                ("http.response.status_code", Value::IntValue(status)),
                ("client.address", text(&format!("10.{}.{}.7", self.below(16), self.below(256)))),
                ("user.id", text(&format!("u-{}", self.below(5000)))),
            ]),
            events: vec![rows],
            status: (status == 500).then(|| Status { code: 2, ..Status::default() }),
            ..Span::default()
        }
    }

    /// Data points of many sessions of Claude Code, as a gateway sends them together.
    fn metrics(&mut self, items: u64) -> Vec<u8> {
        let points = |start: u64| SESSION_POINTS.min(items - start);
        let starts = (0..items).step_by(usize::try_from(SESSION_POINTS).unwrap());
        let resource_metrics = starts.map(|start| self.session(points(start))).collect();
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
    }

    fn session(&mut self, points: u64) -> ResourceMetrics {
        self.now += self.below(40_000_000);
        let resource = resource(&[
            ("service.name", text("claude-code")),
            ("service.version", text("2.1.330")),
            ("host.arch", text("arm64")),
            ("os.type", text("darwin")),
            ("os.version", text("25.0.0")),
        ]);
        let session = [
            ("user.id", text(&self.hex(32))),
            ("session.id", self.uuid()),
            ("organization.id", text("6f6b3a52-7c1e-4a61-9d0c-2f1f0e8f7b11")),
            ("user.email", text(&format!("engineer-{}@example.com", self.below(300)))),
            ("user.account_uuid", self.uuid()),
            ("terminal.type", text(self.choose(&["vscode", "iTerm.app", "tmux"]))),
        ];
        let (tokens, cost) = (points - points / 5, points / 5);
        let metrics = vec![
            self.sum("claude_code.token.usage", "tokens", tokens, &session),
            self.sum("claude_code.cost.usage", "USD", cost, &session),
        ];
        let scope = InstrumentationScope {
            name: "com.anthropic.claude_code".into(),
            version: "2.1.330".into(),
            ..Default::default()
        };
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
        ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() }
    }

    fn sum(&mut self, name: &str, unit: &str, points: u64, session: &[(&str, Value)]) -> Metric {
        let data_points = (0..points)
            .map(|_| {
                let mut all = session.to_vec();
                all.push(("model", text(self.choose(&["claude-opus-4-5", "claude-haiku-4-5"]))));
                let value = if unit == "USD" {
                    f64::from(u32::try_from(self.below(1_000_000)).unwrap()) / 1e6
                } else {
                    all.push(("type", text(self.choose(&["input", "output", "cacheRead", "cacheCreation"]))));
                    f64::from(u32::try_from(self.below(40_000)).unwrap())
                };
                NumberDataPoint {
                    attributes: attributes(&all),
                    start_time_unix_nano: self.now - 60_000_000_000,
                    time_unix_nano: self.now,
                    value: Some(Number::AsDouble(value)),
                    ..NumberDataPoint::default()
                }
            })
            .collect();
        // Delta, as Claude Code sends it.
        let sum = Sum { data_points, aggregation_temporality: 1, is_monotonic: true };
        Metric { name: name.into(), unit: unit.into(), data: Some(Data::Sum(sum)), ..Metric::default() }
    }

    /// The next random number, by `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    fn choose<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.place(from.len())]
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn hex(&mut self, bytes: usize) -> String {
        let digits = (0..2 * bytes).map(|_| char::from_digit(u32::try_from(self.below(16)).unwrap(), 16));
        digits.map(Option::unwrap).collect()
    }

    fn uuid(&mut self) -> Value {
        let groups = [4, 2, 2, 2, 6].map(|bytes| self.hex(bytes));
        text(&groups.join("-"))
    }
}

fn resource(of: &[(&str, Value)]) -> Resource {
    Resource { attributes: attributes(of), ..Resource::default() }
}

fn attributes(of: &[(&str, Value)]) -> Vec<KeyValue> {
    let attribute = |(key, value): &(&str, Value)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(value.clone()) }),
        ..KeyValue::default()
    };
    of.iter().map(attribute).collect()
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}
