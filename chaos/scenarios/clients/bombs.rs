//! Little that decompresses to a lot.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use forebay::otlp::Signal;
use tokio::task::JoinSet;
use tonic::Code;

use crate::arguments::Options;
use crate::payload::gzip;

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::Way;

pub(super) fn short(_: &Options) {
    play(96, 15);
}

pub(super) fn long(_: &Options) {
    play(1024, 10);
}

/// Sends bombs of `mebibytes` each, so many times, all of them at once.
fn play(mebibytes: usize, times: usize) {
    // A limit that the bombs do not exceed before they are opened.
    let bounds = Bounds { max_request_mib: 4, max_inflight_mib: 16, http2: 8, ..Bounds::default() };
    let bombs: Arc<[_]> =
        [("gzip", as_gzip(mebibytes)), ("zstd", as_zstd(mebibytes)), ("deflate", as_zlib(mebibytes))].into();
    besieged(bounds, &[], async |besieged| {
        let mut clients = JoinSet::new();
        for number in 0..times * bombs.len() {
            for way in Way::ALL {
                let (besieged, bombs) = (besieged.clone(), Arc::clone(&bombs));
                clients.spawn(async move {
                    let (name, bomb) = &bombs[number % bombs.len()];
                    if (way, *name) != (Way::Grpc, "deflate") {
                        explode(&besieged, way, name, bomb).await;
                    }
                });
            }
        }
        clients.join_all().await;
        // Only what is outside is opened; what is inside is no message.
        let nested = gzip(&bombs[0].1);
        for way in [Way::Grpc, Way::Protobuf, Way::Json] {
            let code = way.send(besieged.life.http, way.request(Signal::Logs, &nested, Some("gzip"))).await;
            assert_eq!(code, Code::InvalidArgument, "{way:?}");
        }
    });
}

async fn explode(besieged: &Besieged, way: Way, name: &str, bomb: &[u8]) {
    loop {
        let code = way.send(besieged.life.grpc, way.request(Signal::Logs, bomb, Some(name))).await;
        // There may not have been memory for all of them at once.
        if code != Code::Unavailable {
            assert_eq!(code, Code::ResourceExhausted, "{way:?} {name}");
            return;
        }
    }
}

fn as_gzip(mebibytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    zeros(mebibytes, |piece| encoder.write_all(piece).unwrap());
    encoder.finish().unwrap()
}

fn as_zlib(mebibytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    zeros(mebibytes, |piece| encoder.write_all(piece).unwrap());
    encoder.finish().unwrap()
}

fn as_zstd(mebibytes: usize) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    zeros(mebibytes, |piece| encoder.write_all(piece).unwrap());
    encoder.finish().unwrap()
}

fn zeros(mebibytes: usize, mut write: impl FnMut(&[u8])) {
    let piece = vec![0; 1 << 20];
    (0..mebibytes).for_each(|_| write(&piece));
}
