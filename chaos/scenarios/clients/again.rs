//! A client that hears nothing sends the same bytes again, and they are there once.

use std::time::Duration;

use forebay::otlp::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::arguments::Options;
use crate::world::clients::{Connection, Protocol};
use crate::world::ledger::Numbered;
use crate::world::random::Random;

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::{AT_LAST, Way, connect, reset_at_end, whole};

pub(super) fn short(options: &Options) {
    play(options, 40);
}

pub(super) fn long(options: &Options) {
    play(options, 3_000);
}

fn play(options: &Options, exports: usize) {
    besieged(Bounds::default(), &[], async |besieged| {
        let mut random = Random::new(options.seed);
        for _ in 0..exports {
            let signal = random.one_of(&Signal::ALL);
            let export = besieged.ledger.note_sent(signal, random.within(1, 4), 100);
            send_again_and_again(besieged, &export, &mut random).await;
        }
        let sent = besieged.ledger.exports();
        let several = sent.values().filter(|(_, copies)| copies.acknowledged > 1).count();
        assert!(several > exports / 4, "only {several} were acknowledged more than once");
    });
}

/// Has some answers be lost, and takes the last one.
async fn send_again_and_again(besieged: &Besieged, export: &Numbered, random: &mut Random) {
    let protocol = random.one_of(&[Protocol::Grpc, Protocol::Protobuf, Protocol::Json]);
    for _ in 0..random.within(1, 4) {
        match random.within(0, 3) {
            0 => hang_up_without_reading(besieged, export, protocol, random).await,
            1 => {
                // The client's own deadline.
                let patience = Duration::from_micros(random.within(0, 6_000));
                let sent = Connection::to(protocol, besieged.life);
                if timeout(patience, sent.send(export)).await == Ok(Ok(())) {
                    besieged.ledger.note_acknowledged(export);
                }
            }
            _ => acknowledge(besieged, export, protocol).await,
        }
        besieged.ledger.note_sent_again(export);
    }
    acknowledge(besieged, export, protocol).await;
}

async fn acknowledge(besieged: &Besieged, export: &Numbered, protocol: Protocol) {
    let connection = Connection::to(protocol, besieged.life);
    let sent = timeout(AT_LAST, connection.send(export)).await;
    assert_eq!(sent, Ok(Ok(())), "it has room and time");
    besieged.ledger.note_acknowledged(export);
}

/// Sends the whole request, and is gone before the answer is there, or before it is read.
async fn hang_up_without_reading(
    besieged: &Besieged,
    export: &Numbered,
    protocol: Protocol,
    random: &mut Random,
) {
    // The bytes of the export are the same over gRPC.
    let way = if protocol == Protocol::Json { Way::Json } else { Way::Protobuf };
    let mut stream = connect(besieged.life.http).await;
    if random.within(0, 2) == 0 {
        reset_at_end(&stream);
    }
    stream.write_all(&whole(way, export)).await.unwrap();
    tokio::time::sleep(Duration::from_micros(random.within(0, 6_000))).await;
}
