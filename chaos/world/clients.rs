//! Clients that send all the time, over every protocol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::profiles::v1development::profiles_service_client::ProfilesServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use forebay::otlp::{Signal, write_json};

use crate::decoded::Decoded;

use super::ledger::{Ledger, Numbered};
use super::random::Random;
use super::telemetry::request;

/// A test waits no longer than this for an answer, so that it fails where it would hang.
const AT_LAST: Duration = Duration::from_mins(1);

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Protobuf,
    Json,
}

/// The clients, one of each kind that matters; gRPC twice, for the first client speaks it.
const CLIENTS: [Protocol; 5] =
    [Protocol::Grpc, Protocol::Protobuf, Protocol::Json, Protocol::Grpc, Protocol::Protobuf];

/// Bytes of an export that wants a segment of its own.
const HUGE: u64 = 8_000_000;

/// What the clients send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// One in so many exports has hundreds of kB.
    pub(crate) large: u64,
    /// One in so many has 8 MB, which is a segment of its own and an object in parts; `None` has none.
    pub(crate) huge: Option<u64>,
    /// Whether they send what was not acknowledged once more, to the process after this one if it is gone. They must not
    /// where the clock is set, for nothing is recognised after the window.
    pub(crate) sends_again: bool,
}

/// A process that listens; `None` when there is none.
pub(crate) type Listening = Option<Life>;

/// One life of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) number: usize,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

/// Starts the clients. They send to whoever listens until the sender of `lives` is dropped.
pub(crate) fn spawn(
    lives: &watch::Receiver<Listening>,
    ledger: &Arc<Ledger>,
    load: Load,
    seed: u64,
) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for (number, protocol) in CLIENTS.into_iter().enumerate() {
        let random = Random::new(seed ^ (number as u64 + 1));
        let client = Sender { protocol, ledger: Arc::clone(ledger), load, random, again: None };
        clients.spawn(client.run(lives.clone()));
    }
    clients
}

/// Sends one export of so many times 8 MB, which must be acknowledged.
pub(crate) async fn send_huge(ledger: &Ledger, life: Life, items: u64) {
    let export = ledger.note_sent(Signal::Logs, items, HUGE.try_into().unwrap());
    let sent = Connection::to(Protocol::Protobuf, life).send(&export).await;
    assert!(sent.is_ok(), "it has room and time");
    ledger.note_acknowledged(&export);
}

/// What came of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Acknowledged,
    /// The far side told the client to come back.
    Refused,
    /// It said nothing.
    Unanswered,
}

/// An export that nobody answered, and how it was sent: the same bytes are to be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Unanswered(Numbered, Protocol);

/// Sends one export of few items, over one protocol after the other; returns it if nobody answers.
pub(crate) async fn send_small(ledger: &Ledger, life: Life) -> (Sent, Option<Unanswered>) {
    let signal = Signal::ALL[life.number % Signal::ALL.len()];
    let export = ledger.note_sent(signal, 3, 100);
    send_as(ledger, life, Unanswered(export, CLIENTS[life.number % CLIENTS.len()])).await
}

/// Sends once more what nobody answered.
pub(crate) async fn send_again(ledger: &Ledger, life: Life, again: Unanswered) -> (Sent, Option<Unanswered>) {
    ledger.note_sent_again(&again.0);
    send_as(ledger, life, again).await
}

async fn send_as(ledger: &Ledger, life: Life, export: Unanswered) -> (Sent, Option<Unanswered>) {
    let sending = Connection::to(export.1, life);
    let outcome = timeout(AT_LAST, sending.send(&export.0)).await.expect("every export is answered");
    let sent = note(ledger, &export.0, outcome);
    (sent, (sent == Sent::Unanswered).then_some(export))
}

/// Sends so many exports of five items as fast as `senders` connections can, each of which must be acknowledged. Returns
/// how long each took.
pub(crate) async fn send_many(ledger: &Arc<Ledger>, life: Life, exports: u64, senders: u64) -> Vec<Duration> {
    let mut tasks = JoinSet::new();
    for sender in 0..senders {
        let (ledger, count) = (Arc::clone(ledger), exports / senders);
        tasks.spawn(async move {
            let protocol = if sender.is_multiple_of(2) { Protocol::Grpc } else { Protocol::Protobuf };
            let connection = Connection::to(protocol, life);
            let mut took = Vec::new();
            for number in 0..count {
                let signal = Signal::ALL[usize::try_from(number).unwrap() % Signal::ALL.len()];
                let export = ledger.note_sent(signal, 5, 400);
                let began = Instant::now();
                let outcome =
                    timeout(AT_LAST, connection.send(&export)).await.expect("every export is answered");
                took.push(began.elapsed());
                assert_eq!(note(&ledger, &export, outcome), Sent::Acknowledged, "it has room and time");
            }
            took
        });
    }
    tasks.join_all().await.concat()
}

fn note(ledger: &Ledger, export: &Numbered, outcome: Result<(), Failed>) -> Sent {
    match outcome {
        Ok(()) => {
            ledger.note_acknowledged(export);
            Sent::Acknowledged
        }
        Err(Failed::Refused) => {
            ledger.note_refused();
            Sent::Refused
        }
        Err(Failed::Unanswered) => Sent::Unanswered,
    }
}

/// One client.
struct Sender {
    protocol: Protocol,
    ledger: Arc<Ledger>,
    load: Load,
    random: Random,
    /// What was not acknowledged, and is to be sent again before anything else.
    again: Option<Numbered>,
}

impl Sender {
    async fn run(mut self, mut lives: watch::Receiver<Listening>) {
        let mut known = 0;
        loop {
            let newer = lives.wait_for(|life| life.is_some_and(|life| life.number > known));
            let Ok(life) = newer.await.map(|life| life.unwrap()) else { return };
            known = life.number;
            let connection = Connection::to(self.protocol, life);
            // The process is gone at the first connection that fails.
            while self.send_one(&connection).await.is_some() {}
        }
    }

    /// Sends one export and notes what came of it; `None` if nobody answered.
    async fn send_one(&mut self, connection: &Connection) -> Option<()> {
        let export = match self.again.take() {
            Some(export) => {
                self.ledger.note_sent_again(&export);
                export
            }
            None => self.next_export(),
        };
        let outcome = timeout(AT_LAST, connection.send(&export)).await.expect("every export is answered");
        let sent = note(&self.ledger, &export, outcome);
        if sent != Sent::Acknowledged && self.load.sends_again {
            self.again = Some(export);
        }
        if sent == Sent::Unanswered {
            return None;
        }
        // Real clients have pauses; without them the test would be one of speed.
        tokio::time::sleep(Duration::from_millis(self.random.within(0, 8))).await;
        Some(())
    }

    fn next_export(&mut self) -> Numbered {
        let signal = self.random.one_of(&Signal::ALL);
        let mut one_in = |many: u64| self.random.within(0, many) == 0;
        let is_huge = self.load.huge.is_some_and(&mut one_in) && self.protocol != Protocol::Json;
        let is_large = one_in(self.load.large);
        let (count, text_bytes) = if is_huge {
            (1, HUGE)
        } else if is_large {
            (1, self.random.within(100_000, 500_000))
        } else {
            (self.random.within(1, 6), self.random.within(10, 2_000))
        };
        self.ledger.note_sent(signal, count, text_bytes.try_into().unwrap())
    }
}

/// Why an export was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The far side said so.
    Refused,
    /// It said nothing.
    Unanswered,
}

/// A way to one life of the program.
pub(crate) enum Connection {
    Grpc(Channel),
    Http { client: Box<Client<HttpConnector, Full<Bytes>>>, to: SocketAddr, is_json: bool },
}

impl Connection {
    pub(crate) fn to(protocol: Protocol, life: Life) -> Self {
        // Both protocols are served on both addresses.
        let to = if life.number.is_multiple_of(2) { life.grpc } else { life.http };
        if protocol == Protocol::Grpc {
            return Self::Grpc(Endpoint::from_shared(format!("http://{to}")).unwrap().connect_lazy());
        }
        let mut connector = HttpConnector::new();
        // A body comes right behind its head, and not when the far side has confirmed that.
        connector.set_nodelay(true);
        let client =
            Client::builder(TokioExecutor::new()).http2_only(life.number.is_multiple_of(3)).build(connector);
        Self::Http { client: Box::new(client), to, is_json: protocol == Protocol::Json }
    }

    pub(crate) async fn send(&self, export: &Numbered) -> Result<(), Failed> {
        let request = request(export);
        match self {
            Self::Grpc(channel) => over_grpc(channel.clone(), request).await,
            Self::Http { client, to, is_json } => over_http(client, *to, *is_json, &request).await,
        }
    }
}

async fn over_grpc(channel: Channel, request: Decoded) -> Result<(), Failed> {
    let rejected = match request {
        Decoded::Logs(request) => LogsServiceClient::new(channel)
            .export(request)
            .await
            .map(|answer| answer.into_inner().partial_success.is_some()),
        Decoded::Metrics(request) => MetricsServiceClient::new(channel)
            .export(request)
            .await
            .map(|answer| answer.into_inner().partial_success.is_some()),
        Decoded::Traces(request) => TraceServiceClient::new(channel)
            .export(request)
            .await
            .map(|answer| answer.into_inner().partial_success.is_some()),
        Decoded::Profiles(request) => ProfilesServiceClient::new(channel)
            .export(request)
            .await
            .map(|answer| answer.into_inner().partial_success.is_some()),
    };
    match rejected {
        Ok(is_partial) => {
            assert!(!is_partial, "an export is taken whole");
            Ok(())
        }
        Err(status) => Err(failed(&status)),
    }
}

/// A status that the far side sent is its answer; one that was made here, from an error, is none.
fn failed(status: &Status) -> Failed {
    if std::error::Error::source(status).is_some() || status.code() == Code::Unknown {
        return Failed::Unanswered;
    }
    assert_eq!(status.code(), Code::Unavailable, "nothing tells a client to drop its data: {status}");
    assert!(status.get_details_retry_info().is_some(), "a client is told when to come back: {status}");
    Failed::Refused
}

async fn over_http(
    client: &Client<HttpConnector, Full<Bytes>>,
    to: SocketAddr,
    is_json: bool,
    request: &Decoded,
) -> Result<(), Failed> {
    let body = if is_json { to_json(request) } else { request.to_protobuf() };
    let request = Request::post(format!("http://{to}{}", request.signal().path()))
        .header(CONTENT_TYPE, if is_json { "application/json" } else { "application/x-protobuf" })
        .body(Full::from(body))
        .unwrap();
    let answer = client.request(request).await.map_err(|_| Failed::Unanswered)?;
    let status = answer.status().as_u16();
    let says_when = answer.headers().contains_key(RETRY_AFTER);
    let body = answer.into_body().collect().await.map_err(|_| Failed::Unanswered)?.to_bytes();
    match status {
        200 => {
            let whole: &[u8] = if is_json { b"{}" } else { b"" };
            assert_eq!(body, whole, "an export is taken whole");
            Ok(())
        }
        503 => {
            assert!(says_when, "a client is told when to come back: {body:?}");
            Err(Failed::Refused)
        }
        _ => panic!("{status} tells a client to drop its data: {body:?}"),
    }
}

/// OTLP/JSON by somebody else's code, but for profiles, of which that writes another.
pub(crate) fn to_json(request: &Decoded) -> Vec<u8> {
    let json = match request {
        Decoded::Logs(request) => serde_json::to_vec(request),
        Decoded::Metrics(request) => serde_json::to_vec(request),
        Decoded::Traces(request) => serde_json::to_vec(request),
        Decoded::Profiles(request) => {
            let mut json = Vec::new();
            write_json(Signal::Profiles, &request.encode_to_vec(), &mut json).unwrap();
            Ok(json)
        }
    };
    json.unwrap()
}
