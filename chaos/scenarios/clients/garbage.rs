//! Bytes that are no OTLP, or no longer.

use forebay::otlp::{Salvaged, Signal, read_json, salvage, salvage_json, validate};
use tonic::Code;

use crate::arguments::Options;
use crate::payload::compressed;
use crate::world::ledger::Ledger;
use crate::world::random::Random;

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::{Way, exchange, noise, statuses};

const LIMIT: usize = 1 << 20;

pub(super) fn short(options: &Options) {
    play(options, 120);
}

pub(super) fn long(options: &Options) {
    play(options, 20_000);
}

fn play(options: &Options, requests: usize) {
    besieged(Bounds::default(), &[], async |besieged| {
        let mut random = Random::new(options.seed);
        for _ in 0..requests {
            match random.within(0, 4) {
                0 => no_http(besieged, &mut random).await,
                1 => no_compression(besieged, &mut random).await,
                2 => no_media_type(besieged, &mut random).await,
                _ => no_message(besieged, &mut random).await,
            }
        }
    });
}

/// Noise on the connection itself, also behind the beginning of something that is understood.
async fn no_http(besieged: &Besieged, random: &mut Random) {
    let beginnings: [&[u8]; 6] = [
        b"",
        b"POST /v1/logs HTTP/1.1\r\n",
        b"POST /v1/logs HTTP/1.1\r\nhost: forebay\r\ntransfer-encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        // As a client begins that wants TLS.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    let length = usize::try_from(random.within(1, 3_000)).unwrap();
    let bytes = [random.one_of(&beginnings), &noise(random, length)].concat();
    let answer = exchange(besieged.life.http, &bytes).await;
    assert!(!statuses(&answer).contains(&200), "{:?}", String::from_utf8_lossy(&answer));
}

/// An export whose compression is broken somewhere, cut off, or another than is said.
async fn no_compression(besieged: &Besieged, random: &mut Random) {
    let plain = Way::Protobuf.encode(&never_sent(random));
    let way = random.one_of(&[Way::Grpc, Way::Protobuf]);
    let mut all = compressed(&plain);
    // Snappy's framed format has no end: what is cut off between two chunks is whole.
    all.retain(|(_, whole)| !whole.starts_with(b"\xff\x06\0\0sNaPpY"));
    let (name, whole) = &all[usize::try_from(random.within(0, all.len() as u64)).unwrap()];
    let cut = usize::try_from(random.within(1, whole.len() as u64)).unwrap();
    let body = match random.within(0, 2) {
        0 => &whole[..cut],
        _ => &plain,
    };
    let code = way.send(besieged.life.http, way.request(Signal::Logs, body, Some(name))).await;
    assert_eq!(code, Code::InvalidArgument, "{way:?} {name}: {} of {}", body.len(), whole.len());
}

/// A message of which neither its media type nor its compression is known.
async fn no_media_type(besieged: &Besieged, random: &mut Random) {
    let way = random.one_of(&[Way::Protobuf, Way::Json]);
    let body = noise(random, 300);
    let mut request = way.request(Signal::Logs, &body, None);
    let (header, value) = random.one_of(&[
        ("content-type", "text/html"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "application/grpc"),
        ("content-type", "application/json+"),
        ("content-encoding", "gzip, gzip"),
        ("content-encoding", "br"),
    ]);
    request.headers_mut().insert(header, value.parse().unwrap());
    assert_eq!(way.send(besieged.life.http, request).await, Code::Unimplemented, "{header}: {value}");
}

/// Noise, or an export that is cut off or in which some bits were turned, so that it is none any more.
async fn no_message(besieged: &Besieged, random: &mut Random) {
    let way = random.one_of(&Way::ALL);
    let body = loop {
        let mut body = way.encode(&never_sent(random));
        match random.within(0, 3) {
            0 => body = noise(random, body.len()),
            1 => body.truncate(usize::try_from(random.within(1, body.len() as u64)).unwrap()),
            _ => {
                let at = usize::try_from(random.within(0, body.len() as u64)).unwrap();
                body[at] ^= 1 << random.within(0, 8);
            }
        }
        let is_message = match way {
            Way::Json => {
                read_json(Signal::Logs, &body, LIMIT).is_ok()
                    || has_whole_items(salvage_json(Signal::Logs, &body, LIMIT))
            }
            Way::Grpc | Way::Protobuf => {
                validate(Signal::Logs, &body).is_ok() || has_whole_items(salvage(Signal::Logs, &body))
            }
        };
        if !is_message {
            break body;
        }
    };
    let code = way.send(besieged.life.http, way.request(Signal::Logs, &body, None)).await;
    assert_eq!(code, Code::InvalidArgument, "{way:?}: {:?}", String::from_utf8_lossy(&body));
}

/// Whether items are left, so that the rest is stored.
fn has_whole_items<E>(salvaged: Result<Salvaged, E>) -> bool {
    salvaged.is_ok_and(|salvaged| salvaged.items > 0)
}

/// An export of a ledger that is not audited.
fn never_sent(random: &mut Random) -> crate::world::ledger::Numbered {
    Ledger::default().note_sent(Signal::Logs, random.within(1, 5), 200)
}
