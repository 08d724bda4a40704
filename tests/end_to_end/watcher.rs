//! A receiver of OTLP that watches forebay: takes what it exports, refuses it, or passes it on to somebody else, as a Collector
//! does, which drops the headers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use forebay::otlp::Signal;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::client::{PROTOBUF, grpc_framed, http, over_http1, over_http2};
use crate::decoded::Decoded;

/// What it does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Takes,
    /// Takes one signal, and has no place for others.
    TakesOnly(Signal),
    /// Says that it may come again.
    IsFull,
    /// Says that it will never take it.
    Refuses,
    /// Never answers.
    IsSilent,
}

/// One export that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) is_grpc: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) decoded: Decoded,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    /// Where it passes on what comes.
    beyond: Option<SocketAddr>,
    taken: Vec<Export>,
    asked: usize,
}

/// The receiver; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Watcher {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { mood, beyond: None, taken: Vec::new(), asked: 0 }));
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, state, server }
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// Passes on what comes from now on.
    pub(crate) fn pass_on_to(&self, address: SocketAddr) {
        self.state.lock().unwrap().beyond = Some(address);
    }

    pub(crate) fn taken(&self) -> Vec<Export> {
        self.state.lock().unwrap().taken.clone()
    }

    /// How many items each export of a signal had that was taken.
    pub(crate) fn items(&self, signal: Signal) -> Vec<usize> {
        let of_signal = |export: &Export| export.decoded.signal() == signal;
        self.taken().iter().filter(|export| of_signal(export)).map(|export| export.decoded.items()).collect()
    }

    /// How many requests came, taken or not.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let is_grpc =
        parts.headers.get("content-type").is_some_and(|media_type| media_type == "application/grpc");
    let path = parts.uri.path();
    let signal = Signal::ALL
        .into_iter()
        .find(|signal| path.contains(&format!("/{signal}")) || path.contains(&format!(".{signal}.")));
    let signal = signal.unwrap_or_else(|| panic!("{path} is the path of no signal"));
    let (mood, beyond) = {
        let mut state = state.lock().unwrap();
        state.asked += 1;
        (state.mood, state.beyond)
    };
    match (mood, is_grpc) {
        (Mood::TakesOnly(only), true) if only != signal => return Ok(status(12)),
        (Mood::TakesOnly(only), false) if only != signal => return Ok(plain(404)),
        (Mood::Takes | Mood::TakesOnly(_), _) => {}
        (Mood::IsFull, true) => return Ok(status(14)),
        (Mood::IsFull, false) => return Ok(plain(503)),
        (Mood::Refuses, true) => return Ok(status(16)),
        (Mood::Refuses, false) => return Ok(plain(401)),
        (Mood::IsSilent, _) => std::future::pending().await,
    }
    if let Some(beyond) = beyond {
        pass_on(beyond, is_grpc, signal, &body).await;
    }
    let message = if is_grpc { &body[5..] } else { &body[..] };
    let decoded = Decoded::from_protobuf(signal, message).unwrap();
    state.lock().unwrap().taken.push(Export { is_grpc, headers: parts.headers, decoded });
    Ok(if is_grpc { status(0) } else { plain(200) })
}

/// Sends it to somebody else, with none of its headers, who takes it.
async fn pass_on(to: SocketAddr, is_grpc: bool, signal: Signal, body: &[u8]) {
    if is_grpc {
        let answer = over_http2(to, grpc_framed(signal, body)).await;
        assert_eq!(answer.grpc_status().code(), tonic::Code::Ok, "{answer:?}");
    } else {
        let answer = over_http1(to, http(signal, PROTOBUF, body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// An answer over gRPC: with a message and trailers if it is OK.
fn status(code: u8) -> Answer {
    let status = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from(u16::from(code)))]);
    let message: &[u8] = if code == 0 { &[0; 5] } else { &[] };
    let body = Full::new(Bytes::copy_from_slice(message)).with_trailers(async move { Some(Ok(status)) });
    Response::builder().header("content-type", "application/grpc").body(body.boxed()).unwrap()
}

fn plain(status: u16) -> Answer {
    Response::builder().status(status).body(Full::default().boxed()).unwrap()
}
