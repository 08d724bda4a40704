//! Requests that break off.

use std::time::Duration;

use forebay::otlp::Signal;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::arguments::Options;
use crate::client::grpc_framed;
use crate::world::ledger::Numbered;
use crate::world::random::Random;

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::{Way, connect, framed_call, read_to_end, reset_at_end, statuses, whole};

pub(super) fn short(options: &Options) {
    play(options, 60);
}

pub(super) fn long(options: &Options) {
    play(options, 6_000);
}

fn play(options: &Options, halves: usize) {
    let bounds = Bounds::default();
    let found = besieged(bounds, &[("FOREBAY_RECEIVE_STALLED_AFTER", "1s")], async |besieged| {
        let mut random = Random::new(options.seed);
        let mut clients = JoinSet::new();
        for _ in 0..halves {
            let besieged = besieged.clone();
            let own = Random::new(random.next());
            let signal = random.one_of(&Signal::ALL);
            let export = besieged.ledger.note_sent(signal, random.within(1, 4), 20_000);
            if random.within(0, 3) == 0 {
                clients.spawn(over_http2(besieged, export, own));
            } else {
                clients.spawn(over_http1(besieged, export, own));
            }
            if clients.len() >= 40 {
                clients.join_next().await.unwrap().unwrap();
            }
        }
        clients.join_all().await;
    });
    assert_eq!(found.unanswered, 0, "half a request is none: {found:?}");
}

/// Sends a part: of the head, the head, and of the body, up to all but its last byte.
async fn over_http1(besieged: Besieged, export: Numbered, mut random: Random) {
    let way = random.one_of(&[Way::Protobuf, Way::Json]);
    let bytes = whole(way, &export);
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let body = random.within(head as u64, bytes.len() as u64);
    let cut = random.one_of(&[head / 2, head, usize::try_from(body).unwrap(), bytes.len() - 1]);
    let mut stream = connect(besieged.life.grpc).await;
    stream.write_all(&bytes[..cut]).await.unwrap();
    match random.within(0, 4) {
        // Half closed: it may still be told.
        0 => stream.shutdown().await.unwrap(),
        1 => reset_at_end(&stream),
        2 => {}
        // Silent: it is told to send all of it again.
        _ if cut >= head => {
            let answer = read_to_end(&mut stream).await;
            assert_eq!(statuses(&answer), [503], "{cut} of {}", bytes.len());
        }
        _ => {}
    }
    sleep(Duration::from_millis(random.within(0, 20))).await;
}

/// Announces more than it sends, on a connection that is then gone.
async fn over_http2(besieged: Besieged, export: Numbered, mut random: Random) {
    let call = framed_call(&export);
    let cut = usize::try_from(random.within(1, call.len() as u64)).unwrap();
    let stream = connect(besieged.life.grpc).await;
    if random.within(0, 2) == 0 {
        reset_at_end(&stream);
    }
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let (parts, _) = grpc_framed(export.signal, b"").into_parts();
    let (pieces, body) = futures::channel::mpsc::unbounded();
    let frame = http_body::Frame::data(bytes::Bytes::copy_from_slice(&call[..cut]));
    pieces.unbounded_send(Ok::<_, std::convert::Infallible>(frame)).unwrap();
    let request = http::Request::from_parts(parts, http_body_util::StreamBody::new(body));
    let call = tokio::spawn(sender.send_request(request));
    sleep(Duration::from_millis(random.within(0, 30))).await;
    connection.abort();
    let _ = connection.await;
    drop(call.await);
    // The body had no end until now.
    drop(pieces);
}
