//! Clients whose lines are slow, and clients that only pretend to have such lines.

use std::time::Duration;

use forebay::otlp::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::arguments::Options;
use crate::world::random::Random;

use super::besieged::{Besieged, Bounds, besieged};
use super::wire::{AT_LAST, Way, connect, head, statuses, whole};

pub(super) fn hundreds(options: &Options) {
    play(options, 300, Duration::from_millis(80), "3s");
}

pub(super) fn thousands(options: &Options) {
    play(options, 3_000, Duration::from_millis(500), "10s");
}

/// Those that trickle announce most of the memory that there is, and keep it until they are told to come back.
const TRICKLING: u64 = 40;

/// `slow` clients send their exports in ten pieces with a pause before each, others a byte each time.
fn play(options: &Options, slow: u64, pause: Duration, stalled_after: &str) {
    let bounds = Bounds { http1: slow + TRICKLING, ..Bounds::default() };
    let settings =
        [("FOREBAY_RECEIVE_STALLED_AFTER", stalled_after), ("FOREBAY_RECEIVE_HOLD_BEFORE_REFUSING", "1m")];
    besieged(bounds, &settings, async |besieged| {
        let mut clients = JoinSet::new();
        for number in 0..slow {
            let random = Random::new(options.seed ^ number);
            clients.spawn(send_slowly(besieged.clone(), random, pause));
        }
        let mut given_up = JoinSet::new();
        for _ in 0..TRICKLING {
            given_up.spawn(trickle(besieged.clone(), pause));
        }
        clients.join_all().await;
        let answers = given_up.join_all().await.into_iter().filter(|is_answered| *is_answered).count() as u64;
        assert!(2 * answers > TRICKLING, "only {answers} of {TRICKLING} were told to come back");
    });
}

/// Sends a whole export, in time.
async fn send_slowly(besieged: Besieged, mut random: Random, pause: Duration) {
    let way = random.one_of(&[Way::Protobuf, Way::Json]);
    let export = besieged.ledger.note_sent(Signal::Logs, random.within(1, 4), 1_500);
    let bytes = whole(way, &export);
    let mut stream = connect(besieged.life.http).await;
    for piece in bytes.chunks(bytes.len().div_ceil(10)) {
        sleep(pause).await;
        stream.write_all(piece).await.unwrap();
    }
    let mut answer = [0; 12];
    timeout(AT_LAST, stream.read_exact(&mut answer)).await.expect("it is answered").unwrap();
    assert_eq!(statuses(&answer), [200]);
    besieged.ledger.note_acknowledged(&export);
}

/// Sends a byte now and then of much more, until it is told to send all of it again. Says whether it heard that: a byte
/// that crosses the answer has the connection be reset, and the answer may be lost with it.
async fn trickle(besieged: Besieged, pause: Duration) -> bool {
    let (mut reading, mut writing) = connect(besieged.life.http).await.into_split();
    writing.write_all(&head(Way::Protobuf, Signal::Logs, 1 << 18)).await.unwrap();
    let trickling = tokio::spawn(async move {
        while writing.write_all(b"\n").await.is_ok() {
            sleep(pause).await;
        }
    });
    let mut answer = Vec::new();
    let _ = timeout(AT_LAST, reading.read_to_end(&mut answer)).await.expect("it is not waited for");
    drop(reading);
    trickling.await.unwrap();
    let statuses = statuses(&answer);
    assert!(matches!(statuses[..], [] | [503]), "{statuses:?}");
    !statuses.is_empty()
}
