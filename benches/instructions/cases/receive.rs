//! Requests from a socket to the acknowledgement: read, opened, validated, hashed and made durable in a log.
//!
//! Client and server are one thread, so that they take turns in the same order in every run; the client sends bytes that
//! were made before, and costs next to nothing.

use std::path::Path;

use bytes::Bytes;
use forebay::log::Log;
use forebay::otlp::{Signal, write_json};
use tokio::runtime::Runtime;

use super::{Named, Work, requests};
use crate::client::{Grpc, Http};
use crate::storage::LogIntake;
use crate::telemetry::Items;
use crate::{receiver, storage};

const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

pub(super) const CASES: Named = &[
    ("receive/grpc/1000", |folder| grpc(folder, 1000, 20)),
    ("receive/grpc/10", |folder| grpc(folder, 10, 200)),
    ("receive/http/1000", |folder| http(folder, 1000, 20)),
    ("receive/http/10", |folder| http(folder, 10, 200)),
    ("receive/http_json/10", |folder| http_json(folder, 10, 200)),
];

fn grpc(folder: &Path, items: u64, count: u64) -> Work {
    let mut sent: Vec<_> = requests(Items::LogRecords, items, count + 1)
        .into_iter()
        .map(|body| Grpc::request(Signal::Logs, &body))
        .collect();
    let (runtime, log, port) = start(folder);
    let mut client = runtime.block_on(Grpc::connect(port));
    // The first one pays for what is made once.
    runtime.block_on(client.send(&mut sent[0]));
    Work::new(items * count, move || {
        runtime.block_on(async {
            for request in &mut sent[1..] {
                client.send(request).await;
            }
        });
        assert_eq!(log.snapshot().records, count + 1);
    })
}

fn http(folder: &Path, items: u64, count: u64) -> Work {
    let bodies = requests(Items::LogRecords, items, count + 1);
    let sent = bodies.iter().map(|body| Http::request(Signal::Logs, PROTOBUF, body)).collect();
    over_http(folder, sent, items)
}

fn http_json(folder: &Path, items: u64, count: u64) -> Work {
    let bodies = requests(Items::LogRecords, items, count + 1);
    let in_json = |body: &Bytes| {
        let mut json = Vec::new();
        write_json(Signal::Logs, body, &mut json).unwrap();
        Http::request(Signal::Logs, JSON, &json)
    };
    over_http(folder, bodies.iter().map(in_json).collect(), items)
}

fn over_http(folder: &Path, sent: Vec<Bytes>, items: u64) -> Work {
    let (runtime, log, port) = start(folder);
    let mut client = runtime.block_on(Http::connect(port));
    runtime.block_on(client.send(&sent[0]));
    let counted = sent.len() as u64 - 1;
    Work::new(items * counted, move || {
        runtime.block_on(async {
            for request in &sent[1..] {
                client.send(request).await;
            }
        });
        assert_eq!(log.snapshot().records, counted + 1);
    })
}

/// A receiver before a log in `folder`, and its port.
fn start(folder: &Path) -> (Runtime, Log, u16) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = storage::log(folder);
    let port = runtime.block_on(receiver::start(LogIntake(log.clone())));
    (runtime, log, port)
}
