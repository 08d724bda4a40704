//! One connection, from the first byte to the last task.

use std::fmt::Display;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::CONNECTION;
use http::{HeaderValue, Response};
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::activity::{Activity, Watched};
use super::answer_body::AnswerBody;
use super::endpoint::Endpoint;
use super::lifetime::{End, Lifetime};
use super::live::Live;
use super::route::answer;
use super::stage::Stage;
use super::{ConnectionOptions, Intake, Options};

/// How far along the end of the stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Requests are answered.
    Serving,
    /// Requests that have come are answered; the client is told to send no more.
    Finishing,
    /// Everything is dropped.
    Over,
}

/// Bytes of a call that a client may send before they are read. Far more than a round trip needs within a data centre,
/// so that a large request is not slowed down by waiting for leave to send.
const STREAM_WINDOW: u32 = 1 << 20;

/// The same for all calls of a connection together; it bounds what a connection holds before admission.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// The largest frame that a client may send; large ones save work per frame.
const FRAME: u32 = 1 << 20;

/// The longest head of a request. An HTTP/1.1 connection keeps no more than this before admission either, nor while it is
/// idle, however slowly its client writes.
const HEAD: u32 = 64 << 10;

/// Serves a connection that is no socket, as the receiver serves those that it accepts, until its client closes it. For
/// programs that feed this stage with bytes of their own making, many thousand times a second.
#[doc(hidden)]
pub async fn serve_in_memory<I, S>(stream: S, options: Options, intake: I)
where
    I: Intake,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (_serving, phase) = watch::channel(Phase::Serving);
    let endpoint = Arc::new(Live::new(Endpoint::in_memory(&options)));
    serve(stream, "memory", Arc::new(Live::new(Stage::new(options, intake))), endpoint, phase).await;
}

/// Serves a connection that came to `endpoint` until the client closes it, it is over, or `phase` says so.
pub(super) async fn serve<I, S>(
    stream: S,
    peer: impl Display,
    stage: Arc<Live<Stage<I>>>,
    endpoint: Arc<Live<Endpoint>>,
    mut phase: watch::Receiver<Phase>,
) where
    I: Intake,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let calls = Calls::default();
    {
        let options = endpoint.get().connection.clone();
        let builder = builder(calls.clone(), &options);
        let activity = Activity::begin();
        let mut lifetime = Lifetime::begin(activity.clone(), &options);
        let watched = Watched { stream, activity: activity.clone() };
        let service = service_fn(|request| {
            // Each request goes by the settings that are in force when it comes.
            let (stage, endpoint) = (stage.get(), endpoint.get());
            let (activity, request_lasts) = (activity.clone(), activity.request());
            async move {
                let answered = answer(stage, endpoint, request).await;
                drop(request_lasts);
                answered.map(|response| if activity.ends() { last(response) } else { response })
            }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(watched), service));
        loop {
            tokio::select! {
                biased;
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, %error, "connection ended");
                    }
                    break;
                }
                now = next_phase(&mut phase) => match now {
                    Phase::Over => break,
                    Phase::Serving | Phase::Finishing => connection.as_mut().graceful_shutdown(),
                },
                end = lifetime.end() => match end {
                    End::Gracefully => connection.as_mut().graceful_shutdown(),
                    End::AtOnce => break,
                },
            }
        }
    }
    calls.finish(&mut phase).await;
}

/// Says over HTTP/1.1 that the connection ends with this answer, so that the client sends no more that would be lost.
fn last(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The phase that comes next. A stage that is gone without a word is over.
async fn next_phase(phase: &mut watch::Receiver<Phase>) -> Phase {
    match phase.changed().await {
        Ok(()) => *phase.borrow_and_update(),
        Err(_) => Phase::Over,
    }
}

fn builder(calls: Calls, options: &ConnectionOptions) -> Builder<Calls> {
    let mut builder = Builder::new(calls);
    // How long a head may take is watched here, where a connection without one is something else.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_concurrent_streams(options.max_streams)
        .max_header_list_size(HEAD)
        .max_send_buf_size(64 << 10)
        .keep_alive_interval(options.keepalive_interval.duration())
        .keep_alive_timeout(options.keepalive_timeout.duration());
    builder
}

/// The calls of one HTTP/2 connection, each a task; they end with the connection at the latest.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Calls {
    fn execute(&self, call: F) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while calls.try_join_next().is_some() {}
        calls.spawn(call);
    }
}

impl Calls {
    /// Awaits every task. They end by themselves, as their connection is gone; in the end they are not asked.
    async fn finish(self, phase: &mut watch::Receiver<Phase>) {
        let mut calls = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::select! {
            () = async { while calls.join_next().await.is_some() {} } => {}
            _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
        }
        calls.shutdown().await;
    }
}
