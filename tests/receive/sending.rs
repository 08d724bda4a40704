//! `forebay send` against the receiver.

use std::net::SocketAddr;

use forebay::otlp::{Signal, validate};
use forebay::receive::Refusal;
use forebay::send::{self, Error, Protocol, Receiver, Tally};

use crate::intake::Room;
use crate::ports::unused_address;
use crate::server::{Server, impatient, options as receive_options};

fn at(to: SocketAddr, protocol: Protocol) -> Receiver {
    Receiver::at(to.to_string(), protocol)
}

#[tokio::test]
async fn the_sample_arrives_over_every_protocol_on_both_addresses() {
    let server = Server::start(receive_options(), Room::Plenty).await;
    for address in server.addresses() {
        for protocol in Protocol::ALL {
            let report = send::run(&at(address, protocol), 2).await.unwrap();
            assert!(report.is_complete(), "{protocol}: {report}");
            let stored = server.intake.take();
            assert_eq!(stored.len(), 6, "{protocol}: three signals, twice");
            for signal in [Signal::Logs, Signal::Metrics, Signal::Traces] {
                let of_signal = stored.iter().filter(|export| export.signal == signal);
                let items: u32 = of_signal.map(|export| validate(signal, &export.body).unwrap()).sum();
                let tally = Tally { sent: items.into(), acknowledged: items.into() };
                assert_eq!(report.of(signal), tally, "{protocol}");
                assert!(items > 0, "{protocol}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_is_reported_in_the_words_of_the_far_side() {
    let server = Server::start(impatient(), Room::Refusing(Refusal::DiskFull)).await;
    for protocol in Protocol::ALL {
        let report = send::run(&at(server.grpc, protocol), 2).await.unwrap();
        assert!(!report.is_complete());
        assert_eq!(report.of(Signal::Logs), Tally { sent: 14, acknowledged: 0 });
        let why = report.first_refusal.unwrap();
        assert!(why.contains("the disk budget is used up"), "{protocol}: {why}");
    }
}

#[tokio::test]
async fn an_address_where_nothing_listens_is_told_in_plain_words() {
    let closed = unused_address();
    for protocol in Protocol::ALL {
        let error = send::run(&at(closed, protocol), 2).await.unwrap_err();
        assert!(matches!(error, Error::NobodyListens { .. }), "{protocol}: {error:?}");
        let expected = format!(
            "nothing listens on {closed}: is the receiver running? a forebay is started with `forebay`"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_far_side_that_does_not_answer_in_time_is_told_in_plain_words() {
    let server = Server::start(receive_options(), Room::Hanging).await;
    for protocol in Protocol::ALL {
        let timeout = std::time::Duration::from_millis(100);
        let receiver = Receiver { timeout, ..at(server.grpc, protocol) };
        let error = send::run(&receiver, 1).await.unwrap_err();
        assert!(matches!(error, Error::TooSlow { .. }), "{protocol}: {error:?}");
    }
}
