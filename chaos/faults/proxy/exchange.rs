//! One request on its way to the store, and its answer on the way back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustix::process::{Signal, kill_process};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::journal::Exchange;
use super::rule::Fault;

/// Longer than any store of a test takes to answer.
const STORE_TAKES: Duration = Duration::from_mins(2);

type Answer = Response<Full<Bytes>>;

/// A request that has come in whole.
#[derive(Clone)]
struct Whole {
    /// Where it stands in the journal.
    number: usize,
    head: Parts,
    body: Bytes,
}

/// Brings a request to the store and the answer back, but for what the rules have go wrong.
pub(super) async fn exchange(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Answer> {
    let (head, mut body) = request.into_parts();
    let (number, announced, fault) = shared.change(|state| {
        let exchange = Exchange::begin(&head);
        let fault = state.rules.next(exchange.on);
        let announced = exchange.announced;
        state.exchanges.push(exchange);
        (state.exchanges.len() - 1, announced, fault)
    });
    let wanted = match fault {
        Some(Fault::HalfOpen) => return std::future::pending().await,
        Some(Fault::Reset) => announced / 2,
        _ => u64::MAX,
    };
    let body = read(&shared, number, &mut body, wanted).await?;
    let answer = meet(&shared, fault, Whole { number, head, body }).await?;
    let status = answer.status().as_u16();
    shared.change(|state| state.exchanges[number].program_heard = Some(status));
    Ok(answer)
}

/// Reads a body at the pace of the line, until it ends or `wanted` bytes have come.
async fn read(shared: &Shared, number: usize, body: &mut Incoming, wanted: u64) -> io::Result<Bytes> {
    let mut read = BytesMut::new();
    while (read.len() as u64) < wanted
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(io::Error::other)?;
        let Some(data) = frame.data_ref() else { continue };
        read.extend_from_slice(data);
        let came = data.len() as u64;
        let free_at = shared.change(|state| {
            state.exchanges[number].bytes += came;
            let bandwidth = state.bandwidth?;
            let takes = Duration::from_secs_f64(Duration::from_secs(came).as_secs_f64() / rate(bandwidth));
            state.free_at = state.free_at.max(Instant::now()) + takes;
            Some(state.free_at)
        });
        if let Some(free_at) = free_at {
            sleep_until(free_at).await;
        }
    }
    Ok(read.freeze())
}

fn rate(bytes_per_second: u64) -> f64 {
    f64::from(u32::try_from(bytes_per_second).unwrap())
}

/// What comes of a request that meets `fault`.
async fn meet(shared: &Arc<Shared>, fault: Option<Fault>, request: Whole) -> io::Result<Answer> {
    let reset = || Err(io::ErrorKind::ConnectionReset.into());
    match fault {
        None => tell(shared, request, Duration::ZERO).await,
        Some(Fault::Answer(status, code)) => Ok(error(status, code)),
        Some(Fault::ErrorInBody) => Ok(error(200, "InternalError")),
        Some(Fault::BlackHole | Fault::HalfOpen) => std::future::pending().await,
        Some(Fault::Reset) => reset(),
        Some(Fault::LoseAnswer) => {
            tell(shared, request, Duration::ZERO).await?;
            reset()
        }
        Some(Fault::AnswerAfterEffect(status, code)) => {
            tell(shared, request, Duration::ZERO).await?;
            Ok(error(status, code))
        }
        Some(Fault::ErrorInBodyAfterEffect) => {
            tell(shared, request, Duration::ZERO).await?;
            Ok(error(200, "InternalError"))
        }
        Some(Fault::LateAnswer(late)) => {
            let answer = tell(shared, request, Duration::ZERO).await?;
            sleep(late).await;
            Ok(answer)
        }
        Some(Fault::LateEffect(late)) => tell(shared, request, late).await,
        Some(Fault::Flip) => tell(shared, flipped(request), Duration::ZERO).await,
        Some(Fault::Twice) => {
            tell(shared, request.clone(), Duration::ZERO).await?;
            tell(shared, request, Duration::ZERO).await
        }
        Some(Fault::KillBefore) => {
            kill(shared);
            reset()
        }
        Some(Fault::KillAfter) => {
            tell(shared, request, Duration::ZERO).await?;
            kill(shared);
            reset()
        }
    }
}

/// The request with another byte in the middle of its body.
fn flipped(request: Whole) -> Whole {
    let mut body = BytesMut::from(&request.body[..]);
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 0x10;
    }
    Whole { body: body.freeze(), ..request }
}

fn kill(shared: &Shared) {
    shared.change(|state| {
        if let Some(victim) = state.victim.take() {
            kill_process(victim, Signal::KILL).unwrap();
        }
    });
}

/// Tells the store after a while, and brings its answer. It is told even if whoever waits for the answer has gone.
async fn tell(shared: &Arc<Shared>, request: Whole, after: Duration) -> io::Result<Answer> {
    let shared = Arc::clone(shared);
    let told = tokio::spawn(async move {
        sleep(after).await;
        let number = request.number;
        let answer = timeout(STORE_TAKES, send(&shared, request)).await.map_err(io::Error::other)??;
        let status = answer.status().as_u16();
        shared.change(|state| state.exchanges[number].store_said.push(status));
        Ok(answer)
    });
    told.await.map_err(io::Error::other)?
}

async fn send(shared: &Shared, request: Whole) -> io::Result<Answer> {
    let stream = TcpStream::connect(shared.store).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let exchange = async {
        let request = Request::from_parts(request.head, Full::new(request.body));
        let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Response::from_parts(head, Full::new(body)))
    };
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // It ends when its work is done, or when the store has gone.
        _ = connection => exchange.await,
    }
}

/// An answer as S3 words its errors.
fn error(status: u16, code: &str) -> Answer {
    let xml = format!("<Error><Code>{code}</Code><Message>the proxy says {code}</Message></Error>");
    let status = StatusCode::from_u16(status).unwrap();
    Response::builder().status(status).body(Full::new(Bytes::from(xml))).unwrap()
}
