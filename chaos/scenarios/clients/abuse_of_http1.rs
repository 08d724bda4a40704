//! HTTP/1.1 as no client should speak it.

use forebay::otlp::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use crate::arguments::Options;
use crate::world::random::Random;

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::{Way, ask, connect, exchange, statuses, whole};

/// Requests one behind the other, without waiting for an answer.
const PIPELINED: usize = 100;

pub(super) fn play(options: &Options) {
    let found = besieged(Bounds::default(), &[], async |besieged| {
        heads(besieged).await;
        chunks(besieged).await;
        smuggled(besieged).await;
        pipelined(besieged, options.seed).await;
        answers_that_nobody_reads(besieged).await;
    });
    assert_eq!(found.unanswered, 0, "nothing was stored that was not acknowledged: {found:?}");
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /v1/logs HTTP/1.1\r\nhost: forebay\r\ncontent-type: application/json\r\n{headers}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn answered(besieged: &Besieged, what: &str, bytes: &[u8], expected: &[u16]) {
    let answer = ask(besieged.life.http, bytes, expected.len()).await;
    assert_eq!(statuses(&answer), expected, "{what}: {:?}", String::from_utf8_lossy(&answer));
}

/// Heads that are too long, or none.
async fn heads(besieged: &Besieged) {
    let long = format!("x: {}", "x".repeat(80 << 10));
    let many = "x: y\r\n".repeat(200);
    for (what, headers) in [("a long header", long.as_str()), ("many headers", many.trim_end())] {
        answered(besieged, what, &post(headers, ""), &[431]).await;
    }
    for (what, header) in [
        ("a name with a blank", "x : y"),
        ("a name that is none", "x(y): z"),
        ("no name", ": y"),
        ("a value with a zero", "x: \0"),
        ("a value with a lone return", "x: a\rb"),
        ("no colon", "nothing"),
    ] {
        answered(besieged, what, &post(header, ""), &[400]).await;
    }
    for (what, line) in [
        ("no version", "GET /\r\n\r\n"),
        ("a version to come", "GET / HTTP/9.9\r\n\r\n"),
        ("no method", " / HTTP/1.1\r\n\r\n"),
        ("a path with blanks", "GET / / HTTP/1.1\r\n\r\n"),
    ] {
        answered(besieged, what, line.as_bytes(), &[400]).await;
    }
    let path = format!("GET /{} HTTP/1.1\r\nhost: forebay\r\n\r\n", "x".repeat(70 << 10));
    let answer = exchange(besieged.life.http, path.as_bytes()).await;
    assert!(matches!(statuses(&answer)[..], [414 | 431]), "{:?}", statuses(&answer));
}

/// Bodies in chunks that are none. What broke off may have broken on the way, so it may be sent again.
async fn chunks(besieged: &Besieged) {
    let chunked = |body: &str| post("transfer-encoding: chunked", body);
    for (what, body) in [
        ("no length", "zz\r\n{}\r\n0\r\n\r\n"),
        ("a length that is too long", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("a negative length", "-2\r\n{}\r\n0\r\n\r\n"),
        ("more than its length", "2\r\n{}{}{}\r\n0\r\n\r\n"),
    ] {
        answered(besieged, what, &chunked(body), &[503]).await;
    }
    for (what, body) in [("no last chunk", "2\r\n{}\r\n"), ("half of its length", "20\r\n{}")] {
        let answer = exchange(besieged.life.http, &chunked(body)).await;
        assert_eq!(statuses(&answer), [503], "{what}");
    }
    let extended = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(1 << 20));
    answered(besieged, "an extension that is long", &chunked(&extended), &[503]).await;
    let trailers = format!("2\r\n{{}}\r\n0\r\n{}\r\n", "x: y\r\n".repeat(100_000));
    let answer = exchange(besieged.life.http, &chunked(&trailers)).await;
    assert!(!statuses(&answer).contains(&200), "{:?}", statuses(&answer));
    answered(besieged, "in order", &chunked("2;x=y\r\n{}\r\n0\r\nx: y\r\n\r\n"), &[200]).await;
}

/// Requests of which a proxy before us and we may see different ends.
async fn smuggled(besieged: &Besieged) {
    let hidden = "POST /v1/logs HTTP/1.1\r\nhost: forebay\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    for (what, headers) in [
        ("two lengths", "content-length: 2\r\ncontent-length: 3"),
        ("two lengths in one", "content-length: 2, 3"),
        ("a length with a sign", "content-length: +2"),
        ("chunks that are not the last encoding", "transfer-encoding: chunked, identity"),
        ("an encoding that there is not", "transfer-encoding: xchunked"),
        ("a blank before the colon", "transfer-encoding : chunked"),
    ] {
        let bytes = post(headers, &format!("{{}}{hidden}"));
        answered(besieged, what, &bytes, &[400]).await;
    }
    // The chunks win, and nothing behind them is taken for a request of this client's.
    let both =
        post("content-length: 5\r\ntransfer-encoding: chunked", &format!("2\r\n{{}}\r\n0\r\n\r\n{hidden}"));
    let answer = ask(besieged.life.http, &both, 1).await;
    assert_eq!(statuses(&answer), [200], "{:?}", String::from_utf8_lossy(&answer));
}

/// Many whole exports at once on one connection: each is answered, in order.
async fn pipelined(besieged: &Besieged, seed: u64) {
    let mut random = Random::new(seed);
    let exports: Vec<_> =
        (0..PIPELINED).map(|_| besieged.ledger.note_sent(Signal::Metrics, random.within(1, 4), 50)).collect();
    let ways = [Way::Protobuf, Way::Json];
    let bytes: Vec<u8> = exports.iter().flat_map(|export| whole(random.one_of(&ways), export)).collect();
    let answer = ask(besieged.life.http, &bytes, PIPELINED).await;
    assert_eq!(statuses(&answer), [200; PIPELINED]);
    for export in &exports {
        besieged.ledger.note_acknowledged(export);
    }
}

/// Clients that ask and ask, and read nothing.
async fn answers_that_nobody_reads(besieged: &Besieged) {
    let ask = b"GET /nowhere HTTP/1.1\r\nhost: forebay\r\n\r\n".repeat(1_000);
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (besieged, ask) = (besieged.clone(), ask.clone());
        clients.spawn(async move {
            let mut stream = connect(besieged.life.http).await;
            // 16 MB of questions, unless nobody takes them any more.
            let asking = async {
                for _ in 0..400 {
                    stream.write_all(&ask).await?;
                }
                std::io::Result::Ok(())
            };
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), asking).await;
        });
    }
    clients.join_all().await;
}
