//! Little that decompresses to a lot.

use std::sync::Arc;

use forebay::otlp::Signal;
use tokio::task::JoinSet;
use tonic::Code;

use crate::arguments::Options;
use crate::payload;

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::Way;

pub(super) fn short(_: &Options) {
    play(96, 45);
}

pub(super) fn long(_: &Options) {
    play(1024, 30);
}

/// Sends bombs of `mebibytes` each, so many by each way, all of them at once.
fn play(mebibytes: usize, times: usize) {
    let bounds = Bounds { max_request_mib: 4, max_inflight_mib: 16, http2: 8, ..Bounds::default() };
    // The limit, which the bombs must not exceed before they are opened.
    let bombs: Arc<[_]> = payload::bombs(mebibytes, 4 << 20).into();
    besieged(bounds, &[], async |besieged| {
        let mut clients = JoinSet::new();
        for number in 0..times {
            for way in Way::ALL {
                let (besieged, bombs) = (besieged.clone(), Arc::clone(&bombs));
                clients.spawn(async move {
                    let (name, bomb) = &bombs[number % bombs.len()];
                    explode(&besieged, way, name, bomb).await;
                });
            }
        }
        clients.join_all().await;
        // Only what is outside is opened; what is inside is no message.
        let nested = payload::gzip(&bombs[0].1);
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
