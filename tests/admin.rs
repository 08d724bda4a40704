//! The admin server and its client, over a real socket.
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use forebay::admin::{
    Bound, Client, ClientError, Condition, FlushReport, History, Intake, Options, Recorder, Setting,
    Settings, Status, Subject,
};
use forebay::listen::auth::{AuthOptions, Token};
use forebay::secret::Secret;
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
            intake: Intake { taking: self.ready().is_ok(), reason: self.ready().err() },
            ..Status::default()
        }
    }

    fn history(&self, points: usize) -> History {
        let step_seconds = 86_400 / points as u64;
        History { step_seconds, ..History::default() }
    }

    fn settings(&self) -> Settings {
        let setting = Setting { key: "data_dir".to_owned(), ..Setting::default() };
        Settings { settings: vec![setting] }
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
        Self::start_with(AuthOptions::default()).await
    }

    async fn start_with(auth: AuthOptions) -> Self {
        let process = Arc::new(Process::default());
        let options = Options { listen: "127.0.0.1:0".to_owned(), auth, ..Options::default() };
        let bound = Bound::to(&options).await.unwrap().unwrap();
        let address = bound.address().parse().unwrap();
        let server = bound.server(Arc::clone(&process), recorder());
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(async { drop(stopped.await) }));
        Self { address, process, stop, ended }
    }

    /// The whole answer to one request.
    async fn ask(&self, request: &str) -> String {
        self.ask_with(request, "").await
    }

    /// The whole answer to one request with further headers, each with its end of line.
    async fn ask_with(&self, request: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream
            .write_all(
                format!("{request} HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n").as_bytes(),
            )
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

/// What a browser sends.
const BROWSER: &str = "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

#[tokio::test]
async fn a_browser_gets_the_page_and_a_probe_what_it_always_got() {
    let running = Running::start().await;
    for (request, headers) in [("GET /", BROWSER), ("GET /page", ""), ("GET /page", "accept: */*\r\n")] {
        let page = running.ask_with(request, headers).await;
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        for wanted in [
            "content-type: text/html; charset=utf-8\r\n",
            "content-security-policy: default-src 'none'; script-src 'sha256-",
            "connect-src 'self'",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "<!doctype html>",
        ] {
            assert!(page.contains(wanted), "{request}: no {wanted} in\n{page}");
        }
        // It holds no data, and asks nobody else.
        for outside in ["http://", "https://", "src=\"/", "/data"] {
            assert!(!page.replace("http://www.w3.org/", "").contains(outside), "{request}: {outside}");
        }
    }
    for headers in ["", "accept: */*\r\n", "accept: application/json, text/html;q=0.9\r\n"] {
        let probe = running.ask_with("GET /", headers).await;
        assert!(
            probe.starts_with("HTTP/1.1 200") && probe.contains("Server available"),
            "{headers}: {probe}"
        );
        assert!(probe.contains("content-type: application/json\r\n"), "{headers}: {probe}");
        assert!(probe.contains("vary: accept\r\n"), "{headers}: {probe}");
    }
    running.stop().await;
}

#[tokio::test]
async fn history_and_configuration_are_json_that_nobody_keeps() {
    let running = Running::start().await;
    for (request, wanted) in [
        ("GET /history", "\"step_seconds\":300,"),
        ("GET /history?points=24", "\"step_seconds\":3600,"),
        ("GET /config", "{\"settings\":[{\"key\":\"data_dir\","),
        ("GET /status", "\"condition\":\"fine\""),
    ] {
        let answer = running.ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(wanted), "{request}: {answer}");
        assert!(answer.contains("cache-control: no-store\r\n"), "{request}: {answer}");
        assert!(answer.contains("content-type: application/json\r\n"), "{request}: {answer}");
    }
    for wrong in ["GET /history?points=0", "GET /history?points=1441", "GET /history?hours=3"] {
        let answer = running.ask(wrong).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("points=288"), "{wrong}: {answer}");
    }
    running.stop().await;
}

#[tokio::test]
async fn with_credentials_the_page_is_open_and_what_it_shows_is_not() {
    let token = Token { token: Some(Secret::from("opensesame")), ..Token::default() };
    let auth = AuthOptions { tokens: [("ops".to_owned(), token)].into(), ..AuthOptions::default() };
    let running = Running::start_with(auth).await;
    for open in ["GET /", "GET /page", "GET /readyz"] {
        for headers in ["", BROWSER] {
            let answer = running.ask_with(open, headers).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{open}: {answer}");
        }
    }
    for closed in
        ["GET /status", "GET /history", "GET /config", "GET /metrics", "POST /flush", "GET /page/", "GET //"]
    {
        let answer = running.ask_with(closed, BROWSER).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{closed}: {answer}");
    }
    for open in ["GET /status", "GET /history", "GET /config"] {
        let answer = running.ask_with(open, "authorization: Bearer opensesame\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{open}: {answer}");
    }
    running.stop().await;
}

/// What an older forebay says.
const OLD: &str = r#"{
    "version": "0.1.0", "started_at": "2026-11-20T10:00:00Z", "uptime_seconds": 5, "data_dir": "/data",
    "destination": "s3://telemetry", "listeners": [{"name": "grpc", "address": "127.0.0.1:4317"}],
    "intake": {"taking": true, "reason": null},
    "queue": {"items": {"logs": 1, "metrics": 0, "traces": 0, "profiles": 0}, "bytes": 9, "segments": 1, "objects": 0, "oldest_age_seconds": 3},
    "disk": {"used_bytes": 1, "budget_bytes": 100, "free_bytes": 100, "seconds_until_full": null},
    "delivery": {"last_success_at": null, "last_error": {"at": "2026-11-20T10:00:04Z", "message": "503 SlowDown"},
        "failing_since": "2026-11-20T10:00:03Z", "objects_delivered": 0},
    "losses": {"dropped_items": {"logs": 0, "metrics": 0, "traces": 0, "profiles": 0}, "damaged_ranges": 0, "damaged_records": 0, "damaged_objects": 0}
}"#;

#[test]
fn what_an_older_forebay_says_is_read_and_judged() {
    let status: Status = serde_json::from_str(OLD).unwrap();
    assert_eq!((status.queue.items.logs, status.writer.as_str()), (1, ""));
    assert_eq!(Condition::of(&status), Condition::Degraded);
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
