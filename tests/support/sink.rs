//! A small HTTP server on the loopback interface that takes what is posted to it, or refuses it.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the server does with what is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Takes it, and answers with this status of success.
    Takes(u16),
    /// Answers with this status.
    Refuses(u16),
    /// Takes it, and the connection ends without an answer.
    LosesAnswer,
    /// Never answers.
    BlackHole,
}

/// One post that was taken.
#[derive(Clone, Debug)]
pub struct Post {
    pub path: String,
    pub headers: HeaderMap,
    pub json: serde_json::Value,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    taken: Vec<Post>,
    asked: usize,
}

/// The server; ends when it is dropped.
#[derive(Debug)]
pub struct Sink {
    pub url: String,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Sink {
    pub async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/forebay", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { mood, taken: Vec::new(), asked: 0 }));
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, state, server }
    }

    pub fn set_mood(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub fn taken(&self) -> Vec<Post> {
        self.state.lock().unwrap().taken.clone()
    }

    /// How many requests came, taken or not.
    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (parts, body) = request.into_parts();
    let content = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let mood = {
        let mut state = state.lock().unwrap();
        state.asked += 1;
        if matches!(state.mood, Mood::Takes(_) | Mood::LosesAnswer) {
            assert_eq!(parts.method, Method::POST);
            let json = serde_json::from_slice(&content).unwrap();
            state.taken.push(Post { path: parts.uri.path().to_string(), headers: parts.headers, json });
        }
        state.mood
    };
    match mood {
        Mood::Takes(status) | Mood::Refuses(status) => {
            Ok(Response::builder().status(status).body(Full::default()).unwrap())
        }
        Mood::LosesAnswer => Err(io::ErrorKind::ConnectionReset.into()),
        Mood::BlackHole => std::future::pending().await,
    }
}
