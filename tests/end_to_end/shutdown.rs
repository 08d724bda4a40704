//! SIGTERM: what has come is answered, nothing else is taken, all that was acknowledged is delivered, exit code 0.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use http::Request;
use http::header::CONTENT_LENGTH;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Body;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::admin::{flush, get, metrics, sum, until};
use crate::bucket;
use crate::client::Answer;
use crate::numbers::{self, Over, assert_each_once, is_acknowledged, send_all};
use crate::settings::Settings;
use crate::support::program::{Program, bucket as bucket_of};

/// A connection, and what can be sent over it.
enum Line<B> {
    Grpc(http2::SendRequest<B>),
    Http(http1::SendRequest<B>),
}

impl<B: Body<Data = Bytes, Error = Infallible> + Unpin + Send + 'static> Line<B> {
    /// A connection; none, if nobody takes it any more.
    async fn open(over: Over, address: SocketAddr) -> Option<Self> {
        let stream = TokioIo::new(TcpStream::connect(address).await.ok()?);
        if over == Over::Grpc {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.ok()?;
            tokio::spawn(connection);
            return Some(Self::Grpc(sender));
        }
        let (sender, connection) = http1::handshake(stream).await.ok()?;
        tokio::spawn(connection);
        Some(Self::Http(sender))
    }

    /// The answer; none, if the connection ended before it.
    async fn exchange(&mut self, request: Request<B>) -> Option<Answer> {
        let response = match self {
            Self::Grpc(sender) => {
                sender.ready().await.ok()?;
                sender.send_request(request).await.ok()?
            }
            Self::Http(sender) => {
                sender.ready().await.ok()?;
                sender.send_request(request).await.ok()?
            }
        };
        Some(Answer::read(response).await)
    }
}

/// Sends one number after the other on one connection, and on a new one when that ends, until none is to be had.
/// Returns those that were acknowledged.
async fn keep_sending(
    over: Over,
    address: SocketAddr,
    next: Arc<AtomicI64>,
    acknowledged: Arc<AtomicUsize>,
) -> Vec<i64> {
    let mut told = Vec::new();
    while let Some(mut line) = Line::<Full<Bytes>>::open(over, address).await {
        loop {
            // A number whose answer does not come is never sent again: it may be on disk.
            let number = next.fetch_add(1, Ordering::Relaxed);
            match line.exchange(numbers::request(over, number, 1000)).await {
                Some(answer) if is_acknowledged(over, &answer) => {
                    told.push(number);
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Some(_) => {}
                None => break,
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_everything_acknowledged_is_in_the_bucket_when_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().environment());
    let (next, count) = (Arc::<AtomicI64>::default(), Arc::<AtomicUsize>::default());
    let mut clients = Vec::new();
    for over in Over::ALL.into_iter().cycle().take(9) {
        let address = if over == Over::Grpc { program.grpc() } else { program.http() };
        clients.push(tokio::spawn(keep_sending(over, address, Arc::clone(&next), Arc::clone(&count))));
    }
    until("acknowledgements", async || count.load(Ordering::Relaxed) >= 1000).await;
    program.ask_to_end();
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    let said = program.wait();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let requests = bucket::decoded(&bucket::in_folder(&bucket_of(folder.path())));
    let found = numbers::found(&requests);
    // What was stored and whose answer the client did not see may be there, once.
    let lost: Vec<_> = acknowledged.iter().filter(|number| !found.contains_key(number)).collect();
    assert!(lost.is_empty() && acknowledged.len() >= 1000, "lost: {lost:?}");
    assert!(found.values().all(|times| *times == 1), "{found:?}");
}

/// A call of which half has come.
struct Half {
    answer: JoinHandle<Option<Answer>>,
    rest: UnboundedSender<Result<Frame<Bytes>, Infallible>>,
    second: Bytes,
}

impl Half {
    async fn begin(over: Over, address: SocketAddr, number: i64) -> Self {
        let (mut parts, body) = numbers::request(over, number, HALVES).into_parts();
        let mut first = body.collect().await.unwrap().to_bytes();
        parts.headers.insert(CONTENT_LENGTH, first.len().into());
        let second = first.split_off(first.len() / 2);
        let (rest, frames) = unbounded();
        rest.unbounded_send(Ok(Frame::data(first))).unwrap();
        let answer = tokio::spawn(async move {
            let mut line = Line::open(over, address).await.unwrap();
            line.exchange(Request::from_parts(parts, StreamBody::new(frames))).await
        });
        Self { answer, rest, second }
    }

    async fn end(self) -> Answer {
        self.rest.unbounded_send(Ok(Frame::data(self.second))).unwrap();
        drop(self.rest);
        self.answer.await.unwrap().expect("a call that was under way is answered")
    }
}

/// Bytes of a call in two halves, at least.
const HALVES: usize = 200_000;

#[tokio::test]
async fn calls_under_way_are_answered_and_new_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().environment());
    let over_grpc = Half::begin(Over::Grpc, program.grpc(), 0).await;
    let over_http = Half::begin(Over::HttpProtobuf, program.http(), 1).await;
    until("both halves", async || {
        let metrics = metrics(&program).await;
        let inflight = "forebay_receive_inflight_bytes";
        metrics.contains(inflight) && sum(&metrics, inflight, &[]) >= 2.0 * 200_000.0
    })
    .await;

    program.ask_to_end();
    until("the end of listening", async || {
        TcpStream::connect(program.grpc()).await.is_err() && TcpStream::connect(program.http()).await.is_err()
    })
    .await;
    let (status, why) = get(program.admin(), "/readyz").await;
    assert_eq!((status, why.as_str()), (503, "not ready: forebay is shutting down\n"));
    assert_eq!(get(program.admin(), "/").await.0, 200);
    assert!(!over_grpc.answer.is_finished() && !over_http.answer.is_finished());

    assert!(is_acknowledged(Over::Grpc, &over_grpc.end().await));
    assert!(is_acknowledged(Over::HttpProtobuf, &over_http.end().await));
    let said = program.wait();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_each_once(0..2, &bucket::decoded(&bucket::in_folder(&bucket_of(folder.path()))));
}

#[tokio::test]
async fn without_a_bucket_it_ends_within_the_time_it_was_given_and_delivers_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::small().with("UPLOAD_FINISH_WITHIN", "1s");
    let program = Program::start(folder.path(), &settings.clone().with_dead_store().environment());
    send_all(&program, 0..30).await;
    let began = Instant::now();
    let said = program.terminate();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    // Far more than the second it has, and far less than anything else that it might wait for.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(said.stderr.contains("1 object could not be delivered in time"), "{}", said.stderr);

    let program =
        Program::start(folder.path(), &settings.with_folder(&bucket_of(folder.path())).environment());
    flush(&program).await;
    drop(program);
    assert_each_once(0..30, &bucket::decoded(&bucket::in_folder(&bucket_of(folder.path()))));
}
