//! The admin server and its client, over a real socket.
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use forebay::admin::{
    Bound, Client, ClientError, Delivery, Disk, FlushReport, Intake, Losses, Options, Queue, Recorder,
    Status, Subject,
};
use forebay::units::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

#[path = "support/ports.rs"]
mod ports;
use ports::unused_address;

/// A process that takes data in, or does not.
#[derive(Default)]
struct Process {
    full: AtomicBool,
    /// If set, a flush says that it has begun and waits until it may end.
    held: AtomicBool,
    begun: Notify,
    may_end: Notify,
}

impl Subject for Process {
    fn ready(&self) -> Result<(), String> {
        if self.full.load(Ordering::Relaxed) { Err("the disk budget is used up".to_owned()) } else { Ok(()) }
    }

    fn status(&self) -> Status {
        Status {
            version: "0.0.0".to_owned(),
            started_at: Some(jiff::Timestamp::UNIX_EPOCH),
            uptime_seconds: 5,
            data_dir: "/data".to_owned(),
            destination: "file:///bucket".to_owned(),
            listeners: Vec::new(),
            intake: Intake { taking: self.ready().is_ok(), reason: self.ready().err() },
            queue: Queue::default(),
            disk: Disk::default(),
            outputs: Vec::new(),
            delivery: Delivery::default(),
            losses: Losses::default(),
            notes: Vec::new(),
        }
    }

    async fn flush(&self, _patience: Duration) -> Result<FlushReport, String> {
        if self.full.load(Ordering::Relaxed) {
            return Err("the disk under the log fails".to_owned());
        }
        if self.held.load(Ordering::Relaxed) {
            self.begun.notify_one();
            self.may_end.notified().await;
        }
        Ok(FlushReport { items: 3, objects_delivered: 1, complete: true, remaining: None })
    }
}

/// There is one recorder in a process.
fn recorder() -> Recorder {
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    RECORDER.get_or_init(|| Recorder::install().unwrap()).clone()
}

/// A server at work.
struct Running {
    address: SocketAddr,
    process: Arc<Process>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        let process = Arc::new(Process::default());
        let options = Options { listen: "127.0.0.1:0".to_owned(), ..Options::default() };
        let bound = Bound::to(&options).await.unwrap().unwrap();
        let address = bound.address().parse().unwrap();
        let server = bound.server(Arc::clone(&process), recorder());
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(async { drop(stopped.await) }));
        Self { address, process, stop, ended }
    }

    /// The whole answer to one request.
    async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream
            .write_all(format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap();
    }
}

#[tokio::test]
async fn probes_are_answered_and_say_why_nothing_is_taken_in() {
    let running = Running::start().await;
    let alive = running.ask("GET /").await;
    assert!(alive.starts_with("HTTP/1.1 200") && alive.contains("Server available"), "{alive}");
    assert!(running.ask("GET /readyz").await.starts_with("HTTP/1.1 200"));

    running.process.full.store(true, Ordering::Relaxed);
    let not_ready = running.ask("GET /readyz").await;
    assert!(not_ready.starts_with("HTTP/1.1 503"), "{not_ready}");
    assert!(not_ready.contains("not ready: the disk budget is used up"), "{not_ready}");
    assert!(running.ask("GET /").await.starts_with("HTTP/1.1 200"), "it lives all the same");
    running.stop().await;
}

#[tokio::test]
async fn what_there_is_not_says_what_there_is() {
    let running = Running::start().await;
    for (request, status) in [("GET /metric", "404"), ("GET /flush", "405"), ("POST /status", "405")] {
        let answer = running.ask(request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        assert!(answer.contains("/metrics"), "{request}: {answer}");
    }
    assert!(running.ask("POST /flush?wait=soon").await.starts_with("HTTP/1.1 400"));
    let head = running.ask("HEAD /metrics").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    running.stop().await;
}

#[tokio::test]
async fn metrics_are_in_the_text_format_with_the_collectors_names() {
    let running = Running::start().await;
    let metrics = running.ask("GET /metrics").await;
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    for name in ["otelcol_process_uptime", "otelcol_process_memory_rss", "otelcol_process_cpu_seconds"] {
        assert!(
            metrics.contains(&format!("# TYPE {name} gauge\n{name} ")),
            "{name} is missing in\n{metrics}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn the_client_reads_what_the_server_writes() {
    let running = Running::start().await;
    let client = Client::new(running.address);
    assert_eq!(client.status().await.unwrap(), running.process.status());
    assert!(client.flush(Span::seconds(1)).await.unwrap().complete);

    running.process.full.store(true, Ordering::Relaxed);
    let error = client.flush(Span::seconds(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "forebay says: the disk under the log fails");
    running.stop().await;
}

#[tokio::test]
async fn an_address_without_forebay_is_named_in_plain_words() {
    let address = unused_address();
    let error = Client::new(address).status().await.unwrap_err();
    assert!(matches!(error, ClientError::Nobody(_)), "{error:?}");
    assert!(error.to_string().starts_with(&format!("nothing listens on {address}: is forebay running?")));

    let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(stranger.local_addr().unwrap());
    let answering = async {
        let (mut stream, _) = stranger.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
        // Reads until the client goes, for closing with unread bytes would reset the connection under it.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let (error, ()) = tokio::join!(client.status(), answering);
    assert!(error.unwrap_err().to_string().contains("does not answer as forebay does"));
}

#[tokio::test]
async fn a_server_that_ends_closes_idle_connections_and_finishes_its_answers() {
    let running = Running::start().await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    running.process.held.store(true, Ordering::Relaxed);
    let client = Client::new(running.address);
    let flushing = tokio::spawn(async move { client.flush(Span::seconds(60)).await });
    running.process.begun.notified().await;

    running.stop.send(()).unwrap();
    idle.read_to_end(&mut Vec::new()).await.unwrap();
    running.process.may_end.notify_one();
    assert!(flushing.await.unwrap().unwrap().complete);
    running.ended.await.unwrap();
    TcpStream::connect(running.address).await.unwrap_err();
}
