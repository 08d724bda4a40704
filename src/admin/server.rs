//! Serves the admin address.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::answer::Answerer;
use super::{Options, Recorder, Subject};
use crate::listen::auth::Authenticator;
use crate::listen::tls::{self, Tls};
use crate::listen::{self, Address, Socket, Stream};

/// Connections at once. More of them wait in the system's queue until one ends.
const CONNECTIONS: usize = 64;

/// For how long a client may take to say what it wants; a kept connection is closed after it as well.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);

/// For how long any connection lives, so that clients that do not read their answers cannot use them all up.
const CONNECTION_DEADLINE: Duration = Duration::from_mins(10);

/// For how long requests in flight may go on when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// How often observations are sorted into histograms when nobody asks for them.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// For how long nothing is accepted after that failed, which it does if there are too many open files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// How long a request's password may take to be verified.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is told to who shows no credentials.
const UNAUTHENTICATED: &str = "this needs credentials; GET /, GET /page and GET /readyz do not\n";

/// The address of the admin server, bound. That it is in use is found out before there is anything to say.
#[derive(Debug)]
pub struct Bound {
    socket: Socket,
    door: Door,
}

/// The admin server.
#[derive(Debug)]
pub struct Server<S> {
    socket: Socket,
    door: Door,
    answerer: Arc<Answerer<S>>,
}

/// Who comes in.
#[derive(Clone, Debug)]
struct Door {
    tls: Option<Arc<Tls>>,
    authenticator: Option<Arc<Authenticator>>,
}

impl Bound {
    /// Binds to the address that `options` have; `None` if that is off. Nothing is answered before [`Server::run`].
    ///
    /// # Errors
    /// If the address is in use, or none of this machine's, or a file is not what it has to be.
    pub async fn to(options: &Options) -> Result<Option<Self>, listen::Error> {
        // A configuration that was loaded has no other address.
        let address = options.address().unwrap_or(Address::Off);
        let door = Door::load(options)?;
        let socket = Socket::bind("admin.listen", &address, options.socket_mode).await?;
        Ok(socket.map(|socket| Self { socket, door }))
    }

    /// The address; with the port that the system chose, if it was asked to.
    pub fn address(&self) -> String {
        self.socket.to_string()
    }

    /// The server that answers there.
    pub fn server<S: Subject>(self, subject: Arc<S>, recorder: Recorder) -> Server<S> {
        let answerer = Arc::new(Answerer { subject, recorder, started: Instant::now() });
        Server { socket: self.socket, door: self.door, answerer }
    }
}

impl Door {
    fn load(options: &Options) -> Result<Self, listen::Error> {
        let tls = options.tls.is_on().then(|| Tls::load("admin", "admin.tls", &options.tls, tls::HTTP1));
        let authenticator =
            options.auth.is_on().then(|| Authenticator::load("admin", "admin.auth", &options.auth));
        Ok(Self {
            tls: tls.transpose()?.map(Arc::new),
            authenticator: authenticator.transpose()?.map(Arc::new),
        })
    }

    async fn shake_hands(&self, stream: Stream) -> io::Result<Stream> {
        match &self.tls {
            Some(tls) => tls.accept(stream).await,
            None => Ok(stream),
        }
    }

    /// The answer to who may not ask this; `None` if it may. The probes are open: who sends them mostly has no secrets. So is
    /// the page, which says nothing before it is told a token.
    async fn refusal<B>(&self, request: &Request<B>) -> Option<Response<Full<Bytes>>> {
        let authenticator = self.authenticator.as_ref()?;
        if ["/", "/page", "/readyz"].contains(&request.uri().path()) {
            return None;
        }
        let patience_ends = tokio::time::Instant::now() + PATIENCE;
        let denied = authenticator.identify(request.headers(), patience_ends).await.err()?;
        tracing::debug!(%denied, "a request to the admin server was refused");
        let mut response = Response::new(Full::from(UNAUTHENTICATED));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let challenges = authenticator.challenges().map(|challenge| (WWW_AUTHENTICATE, challenge));
        response.headers_mut().extend(challenges);
        Some(response)
    }

    /// Looks at the files every now and then. Never returns.
    async fn keep_fresh(self) {
        let tls = async {
            if let Some(tls) = self.tls {
                tls.keep_fresh().await;
            }
        };
        let authenticator = async {
            if let Some(authenticator) = self.authenticator {
                authenticator.keep_fresh().await;
            }
        };
        tokio::join!(tls, authenticator);
        std::future::pending::<()>().await;
    }
}

impl<S: Subject> Server<S> {
    /// Serves until `shutdown` is ready; then lets requests in flight end, for a short while.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let (end, ending) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut tidy = interval(TIDY_EVERY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let fresh = self.door.clone().keep_fresh();
        tokio::pin!(shutdown, fresh);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = &mut fresh => {}
                _ = tidy.tick() => self.answerer.recorder.tidy(),
                Some(_) = connections.join_next() => {}
                Some((stream, place)) = accept(&self.socket, &places) => {
                    let (door, answerer) = (self.door.clone(), Arc::clone(&self.answerer));
                    connections.spawn(serve(stream, door, answerer, ending.clone(), place));
                }
            }
        }
        drop(self.socket);
        // Nobody is left to hear it only if there are no connections.
        let _ = end.send(true);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if timeout(GRACE, all_ended).await.is_err() {
            connections.shutdown().await;
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(socket: &Socket, places: &Arc<Semaphore>) -> Option<(Stream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match poll_fn(|context| socket.poll_accept(context)).await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "the admin server cannot accept a connection");
            sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

/// Answers the requests of one connection.
async fn serve<S: Subject>(
    stream: Stream,
    door: Door,
    answerer: Arc<Answerer<S>>,
    mut ending: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) {
    let shaken = tokio::select! {
        shaken = door.shake_hands(stream) => shaken,
        _ = ending.wait_for(|ending| *ending) => return,
    };
    let stream = match shaken {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "the TLS handshake with a client of the admin server failed");
            return;
        }
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let (door, answerer) = (door.clone(), Arc::clone(&answerer));
        async move {
            Ok::<_, Infallible>(match door.refusal(&request).await {
                Some(refusal) => refusal,
                None => answerer.answer(request).await,
            })
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let served = async {
        tokio::select! {
            result = connection.as_mut() => result,
            () = async { let _ = ending.wait_for(|ending| *ending).await; } => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    // A probe that hangs up early is nobody's business.
    if let Ok(Err(error)) = timeout(CONNECTION_DEADLINE, served).await {
        tracing::debug!(%error, "a connection to the admin server ended early");
    }
    drop(place);
}
