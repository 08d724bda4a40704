//! The receiving stage at the other end of a connection in memory, and what it stored.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use forebay::otlp::validate;
use forebay::receive::{Export, Intake, Options, Refusal, serve_in_memory};
use forebay::units::{ByteSize, Span};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

/// The largest request, before and after decompression.
pub const LIMIT_BYTES: usize = 16 << 10;

/// An intake that keeps what it is given, or refuses it.
#[derive(Clone, Debug)]
pub struct Kept {
    exports: Arc<Mutex<Vec<Export>>>,
    refusal: Option<Refusal>,
}

impl Intake for Kept {
    type Durable = ();

    async fn store(&self, export: Export, _: Instant) -> Result<(), Refusal> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => {
                self.exports.lock().unwrap().push(export);
                Ok(())
            }
        }
    }
}

/// A request's body in the pieces in which it is sent.
#[derive(Debug)]
pub struct Pieces(pub VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub status: StatusCode,
    /// The headers, and the trailers among them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The value of a header or trailer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends bytes as they are, closes, and returns what was stored.
pub fn send_raw(bytes: &[u8]) -> Vec<Export> {
    serve(None, async |mut client: DuplexStream| {
        let (mut answers, mut requests) = tokio::io::split(&mut client);
        let sending = async {
            // The stage may close before all is sent.
            let _ = requests.write_all(bytes).await;
            let _ = requests.shutdown().await;
        };
        let mut answer = Vec::new();
        let _ = tokio::join!(sending, answers.read_to_end(&mut answer));
    })
    .1
}

/// Sends one request; returns the answer, and what was stored.
pub fn send(request: Request<Pieces>, refusal: Option<Refusal>) -> (Answer, Vec<Export>) {
    serve(refusal, async |client| {
        let is_http2 = request.version() == http::Version::HTTP_2;
        let client = TokioIo::new(client);
        if is_http2 {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), client).await.unwrap();
            let answering = async move { read(sender.send_request(request).await.unwrap()).await };
            tokio::join!(connection, answering).1
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(client).await.unwrap();
            let answering = async move { read(sender.send_request(request).await.unwrap()).await };
            tokio::join!(connection, answering).1
        }
    })
}

async fn read(response: Response<hyper::body::Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    let mut headers = parts.headers;
    headers.extend(body.trailers().cloned().unwrap_or_default());
    Answer { status: parts.status, headers, body: body.to_bytes() }
}

/// Serves a connection while `client` uses the other end.
fn serve<T, F: Future<Output = T>>(
    refusal: Option<Refusal>,
    client: impl FnOnce(DuplexStream) -> F,
) -> (T, Vec<Export>) {
    thread_local! {
        // Time stands still, and jumps ahead when everybody waits: what hangs is found out at once.
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
    }
    let intake = Kept { exports: Arc::default(), refusal };
    let options = Options {
        max_request_bytes: ByteSize(LIMIT_BYTES as u64),
        max_inflight_bytes: ByteSize(8 * LIMIT_BYTES as u64),
        hold_before_refusing: Span::seconds(0),
        ..Options::default()
    };
    let (near, far) = duplex(64 << 10);
    let result = RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let both = async { tokio::join!(serve_in_memory(far, options, intake.clone()), client(near)).1 };
            timeout(Duration::from_secs(3600), both).await.expect("a connection comes to an end")
        })
    });
    let exports = std::mem::take(&mut *intake.exports.lock().unwrap());
    for export in &exports {
        assert!(export.items > 0 && export.body.len() <= LIMIT_BYTES, "{export:?}");
        assert_eq!(validate(export.signal, &export.body), Ok(export.items), "what is stored is valid");
    }
    (result, exports)
}
