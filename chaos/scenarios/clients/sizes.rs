//! Requests as large as there may be, and one byte larger.

use tonic::Code;

use forebay::otlp::Signal;

use crate::arguments::Options;
use crate::payload::{gzip, zstd};
use crate::world::ledger::Numbered;

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::Way;

/// The text of an item. All items together do not reach the limit; what is missing is filled up.
const TEXT_BYTES: usize = 512 << 10;

/// With a limit that takes little time.
pub(super) fn small(_: &Options) {
    play(2, 16, &[None, Some("gzip"), Some("zstd")]);
}

/// With the limits of the defaults.
pub(super) fn default(_: &Options) {
    play(64, 256, &[None, Some("gzip")]);
}

fn play(max_request_mib: u64, max_inflight_mib: u64, compressions: &[Option<&str>]) {
    let bounds = Bounds { max_request_mib, max_inflight_mib, ..Bounds::default() };
    let limit = usize::try_from(max_request_mib << 20).unwrap();
    let sent = Way::ALL.len() * compressions.len();
    let found = besieged(bounds, &[], async |besieged| {
        for way in Way::ALL {
            for compression in compressions {
                send(besieged, way, *compression, limit).await;
            }
        }
    });
    assert!(found.acknowledged >= sent as u64 && found.unanswered == 0, "{found:?}");
}

async fn send(besieged: &Besieged, way: Way, compression: Option<&str>, limit: usize) {
    // As many items as there is room for in every encoding; JSON needs hardly more for them than protobuf.
    let items = (limit / TEXT_BYTES - 1) as u64;
    let what = format!("{way:?} {compression:?}");
    let export = besieged.ledger.note_sent(Signal::Logs, items, TEXT_BYTES);
    let large = besieged.ledger.note_sent(Signal::Logs, items, TEXT_BYTES);
    for (export, length, code) in [(export, limit, Code::Ok), (large, limit + 1, Code::ResourceExhausted)] {
        let body = compressed(compression, filled_up(way, &export, length));
        let request = way.request(Signal::Logs, &body, compression);
        assert_eq!(way.send(besieged.life.grpc, request).await, code, "{what}, {length} bytes");
        if code == Code::Ok {
            besieged.ledger.note_acknowledged(&export);
        }
    }
}

/// An export with something behind it that says nothing, so that it has this length: a field that nobody knows in
/// protobuf, blanks in JSON.
fn filled_up(way: Way, export: &Numbered, length: usize) -> Vec<u8> {
    let mut body = way.encode(export);
    if way == Way::Json {
        body.resize(length, b' ');
        return body;
    }
    // Field 15, whose length is written in five bytes whatever it is.
    let missing = length.checked_sub(body.len() + 6).unwrap();
    body.push(15 << 3 | 2);
    body.extend((0..5).map(|digit| {
        u8::try_from(missing >> (7 * digit) & 0x7f).unwrap() | if digit < 4 { 0x80 } else { 0 }
    }));
    body.resize(length, 0);
    body
}

fn compressed(compression: Option<&str>, body: Vec<u8>) -> Vec<u8> {
    match compression {
        None => body,
        Some("gzip") => gzip(&body),
        Some(_) => zstd(&body),
    }
}
