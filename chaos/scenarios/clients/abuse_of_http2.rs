//! HTTP/2 as no client should speak it.

use std::time::Duration;

use forebay::otlp::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::arguments::Options;

use super::besieged::{Besieged, Bounds, besieged};
use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW, PING, RESET, SETTINGS, beginning,
    call_headers, frame, header, setting,
};
use super::wire::{connect, framed_call, read_to_end};

const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// How long a client goes on that nobody stops.
const ENOUGH: Duration = Duration::from_secs(5);

pub(super) fn short(_: &Options) {
    play(1);
}

pub(super) fn long(_: &Options) {
    play(50);
}

/// Each abuse, `times` as long.
fn play(times: u32) {
    let bounds = Bounds { http2: 12, ..Bounds::default() };
    besieged(bounds, &[], async |besieged| {
        streams_reset_at_once(besieged, 5_000 * times).await;
        headers_without_end(besieged).await;
        flood(besieged, &setting(INITIAL_WINDOW, 1), 20_000 * times).await;
        flood(besieged, &frame(PING, 0, 0, &[7; 8]), 20_000 * times).await;
        flood(besieged, &frame(SETTINGS, 1, 0, b""), 20_000 * times).await;
        empty_frames(besieged, 20_000 * times).await;
        long_headers(besieged).await;
        answers_without_leave(besieged).await;
        streams_that_only_begin(besieged).await;
    });
}

async fn begin(besieged: &Besieged) -> TcpStream {
    let mut stream = connect(besieged.life.grpc).await;
    stream.write_all(&beginning()).await.unwrap();
    stream
}

/// Writes until all is written, the far side hangs up, or it takes nothing any more. Says whether all was written.
async fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    timeout(ENOUGH, stream.write_all(bytes)).await.is_ok_and(|written| written.is_ok())
}

/// Calls that are taken back as soon as they are made, known as rapid reset.
async fn streams_reset_at_once(besieged: &Besieged, streams: u32) {
    let mut stream = begin(besieged).await;
    let headers = call_headers(LOGS);
    for number in 0..streams {
        let id = 2 * number + 1;
        let call = [frame(HEADERS, END_HEADERS, id, &headers), frame(RESET, 0, id, &[0, 0, 0, 8])].concat();
        if !write(&mut stream, &call).await {
            return;
        }
    }
}

/// A head that goes on and on.
async fn headers_without_end(besieged: &Besieged) {
    let mut stream = begin(besieged).await;
    let more = header("x", &"y".repeat(8 << 10));
    let mut is_taken = write(&mut stream, &frame(HEADERS, 0, 1, &call_headers(LOGS))).await;
    for _ in 0..4_000 {
        is_taken = is_taken && write(&mut stream, &frame(CONTINUATION, 0, 1, &more)).await;
    }
    assert!(!is_taken, "32 MB of one head are taken");
}

/// The same frame again and again, from a client that reads nothing.
async fn flood(besieged: &Besieged, repeated: &[u8], times: u32) {
    let mut stream = begin(besieged).await;
    for _ in 0..times / 1_000 {
        if !write(&mut stream, &repeated.repeat(1_000)).await {
            return;
        }
    }
}

/// A body of which nothing comes, in many frames.
async fn empty_frames(besieged: &Besieged, frames: u32) {
    let mut stream = begin(besieged).await;
    write(&mut stream, &frame(HEADERS, END_HEADERS, 1, &call_headers(LOGS))).await;
    for _ in 0..frames / 1_000 {
        if !write(&mut stream, &frame(DATA, 0, 1, b"").repeat(1_000)).await {
            return;
        }
    }
}

/// A head that is larger than there may be, in one frame.
async fn long_headers(besieged: &Besieged) {
    let mut stream = begin(besieged).await;
    let headers = [call_headers(LOGS), header("x", &"y".repeat(200 << 10))].concat();
    write(&mut stream, &frame(HEADERS, END_HEADERS | END_STREAM, 1, &headers)).await;
    let _ = stream.shutdown().await;
    let answer = read_to_end(&mut stream).await;
    assert!(!answer.is_empty(), "it is told something");
}

/// Whole exports from a client that gives no leave to answer them. They are stored; it will never know.
async fn answers_without_leave(besieged: &Besieged) {
    let mut stream = connect(besieged.life.grpc).await;
    stream.write_all(&[beginning(), setting(INITIAL_WINDOW, 0)].concat()).await.unwrap();
    for number in 0..200 {
        let export = besieged.ledger.note_sent(Signal::Logs, 1, 100);
        let id = 2 * number + 1;
        let call = [
            frame(HEADERS, END_HEADERS, id, &call_headers(LOGS)),
            frame(DATA, END_STREAM, id, &framed_call(&export)),
        ];
        assert!(write(&mut stream, &call.concat()).await, "nothing of it is wrong");
    }
    sleep(Duration::from_millis(200)).await;
}

/// As many calls as there may be and more, of which nothing but the head comes, on several connections.
async fn streams_that_only_begin(besieged: &Besieged) {
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = begin(besieged).await;
        let calls: Vec<u8> = (0..1_500)
            .flat_map(|number| frame(HEADERS, END_HEADERS, 2 * number + 1, &call_headers(LOGS)))
            .collect();
        write(&mut stream, &calls).await;
        streams.push(stream);
    }
    sleep(Duration::from_millis(200)).await;
}
