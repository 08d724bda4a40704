//! Many connections at once.

use std::sync::Arc;

use forebay::otlp::Signal;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::arguments::Options;
use crate::world::clients::{Connection, Protocol};

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::AT_LAST;

const CONNECTIONS: usize = 1_000;

/// Each sends, waits until all have, and sends again on the connection that it has.
pub(super) fn thousand(_: &Options) {
    let bounds = Bounds { http1: 666, http2: 0, ..Bounds::default() };
    let found = besieged(bounds, &[], async |besieged| {
        let all = Arc::new(Barrier::new(CONNECTIONS + 1));
        let mut clients = JoinSet::new();
        for number in 0..CONNECTIONS {
            let (besieged, all) = (besieged.clone(), Arc::clone(&all));
            clients.spawn(async move {
                let protocol = [Protocol::Grpc, Protocol::Protobuf, Protocol::Json][number % 3];
                let connection = Connection::to(protocol, besieged.life);
                send(&besieged, &connection).await;
                all.wait().await;
                // Here they are counted.
                all.wait().await;
                send(&besieged, &connection).await;
            });
        }
        all.wait().await;
        let open = open_sockets(besieged.process);
        assert!(open >= CONNECTIONS, "only {open} connections were open at once");
        all.wait().await;
        clients.join_all().await;
    });
    assert!(found.acknowledged >= 2 * CONNECTIONS as u64, "{found:?}");
}

async fn send(besieged: &Besieged, connection: &Connection) {
    let export = besieged.ledger.note_sent(Signal::Traces, 1, 200);
    let sent = timeout(AT_LAST, connection.send(&export)).await;
    assert_eq!(sent, Ok(Ok(())), "there is a place for it");
    besieged.ledger.note_acknowledged(&export);
}

/// The sockets that a process has open.
fn open_sockets(process: i32) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
