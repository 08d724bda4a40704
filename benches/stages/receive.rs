//! Requests over loopback, from the socket to the answer, where nothing is stored: what transport, opening and validation
//! cost. Client and server take turns on one thread.

use std::io::Write as _;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use flate2::write::GzEncoder;
use forebay::otlp::{Signal, write_json};
use forebay::receive::{Export, Intake, Refusal};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::client::{Grpc, Http};
use crate::receiver;
use crate::telemetry::{self, Items};

/// Says that everything is stored.
#[derive(Clone)]
struct Discarding;

impl Intake for Discarding {
    type Durable = ();

    async fn store(&self, _: Export, _: Instant) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Requests of ten and of a thousand log records over gRPC and HTTP/1.1, as they are and compressed, and as JSON.
pub(crate) fn receive(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let port = runtime.block_on(receiver::start(Discarding));
    let mut benchmarks = criterion.benchmark_group("receive");
    for items in [10, 1000] {
        let body = telemetry::requests(Items::LogRecords, items, usize::MAX, 1).remove(0);
        benchmarks.throughput(Throughput::Elements(items));
        benchmarks.bench_function(BenchmarkId::new("grpc", items), |bencher| {
            let mut request = Grpc::request(Signal::Logs, &body);
            let mut client = runtime.block_on(Grpc::connect(port));
            bencher.iter(|| runtime.block_on(client.send(&mut request)));
        });
        for (name, request) in over_http(&body) {
            benchmarks.bench_function(BenchmarkId::new(name, items), |bencher| {
                let mut client = connect(&runtime, port);
                bencher.iter(|| runtime.block_on(client.send(&request)));
            });
        }
    }
}

fn connect(runtime: &Runtime, port: u16) -> Http {
    runtime.block_on(Http::connect(port))
}

/// The same body in every way that clients send it over HTTP.
fn over_http(body: &[u8]) -> [(&'static str, Bytes); 4] {
    const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";
    const JSON: &str = "Content-Type: application/json\r\n";
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(body).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(body, 3).unwrap();
    let mut json = Vec::new();
    write_json(Signal::Logs, body, &mut json).unwrap();
    let encoded = |encoding: &str| format!("{PROTOBUF}Content-Encoding: {encoding}\r\n");
    [
        ("http", Http::request(Signal::Logs, PROTOBUF, body)),
        ("http+gzip", Http::request(Signal::Logs, &encoded("gzip"), &gzip)),
        ("http+zstd", Http::request(Signal::Logs, &encoded("zstd"), &zstd)),
        ("http_json", Http::request(Signal::Logs, JSON, &json)),
    ]
}
