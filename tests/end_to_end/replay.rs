//! `forebay replay`: what was written is sent again, in order, over kills, outages and refusals.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use forebay::units::Span;
use rustix::process::{Pid, Signal as Kill, kill_process};

use crate::admin::{flush, metrics, sum, until};
use crate::items::{assert_same, items};
use crate::sent;
use crate::settings::Settings;
use crate::support::ports::unused_address;
use crate::support::program::{Program, Said, bucket as bucket_of, command, data, forebay};

/// Everything that Claude Code was seen to send, delivered with these settings below `folder`.
async fn delivered(folder: &Path, settings: &Settings) -> Vec<sent::Sent> {
    let program = Program::start(folder, &settings.environment());
    let all = sent::all();
    for sent in &all {
        sent.send(if sent.is_grpc() { program.grpc() } else { program.http() }).await;
    }
    flush(&program).await;
    assert_eq!(program.terminate().code, Some(0));
    all
}

/// Settings of a forebay that keeps a request that comes twice.
fn small() -> Settings {
    Settings::small().with("RECEIVE_RESEND_WINDOW", "0s")
}

fn replay(folder: &Path, from: &Path, to: &str, more: &[&str]) -> Said {
    let from = from.to_str().unwrap();
    forebay(folder, &[&["replay", "--from", from, "--to", to], more].concat(), &[])
}

/// The requests that lie there, as they are printed.
fn printed(folder: &Path, place: &Path) -> String {
    let said = forebay(folder, &["cat", place.to_str().unwrap()], &[]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    said.stdout
}

#[tokio::test]
async fn every_format_arrives_over_every_protocol() {
    for (format, protocol) in [
        ("otlp_jsonl", "http/protobuf"),
        ("otlp_json", "http/json"),
        ("otlp_proto", "grpc"),
        ("parquet", "http/json"),
        ("jsonl", "http/protobuf"),
        ("csv", "grpc"),
    ] {
        for compression in ["gzip", "zstd", "none"] {
            let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let settings = small().with("OBJECTS_FORMAT", format).with("OBJECTS_COMPRESSION", compression);
            let sent = delivered(from.path(), &settings).await;
            let program = Program::start(to.path(), &small().environment());
            let address = program.http().to_string();
            let said = replay(from.path(), &bucket_of(from.path()), &address, &["--protocol", protocol]);
            assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{format} {compression}");
            let count: usize = sent.iter().map(|sent| sent.decoded().items()).sum();
            assert!(said.stdout.starts_with(&format!("sent {count} items in ")), "{}", said.stdout);
            flush(&program).await;
            program.terminate();
            let arrived = crate::bucket::decoded(&crate::bucket::in_folder(&bucket_of(to.path())));
            let sent: Vec<_> = sent.iter().map(sent::Sent::decoded).collect();
            assert_same(&items(&sent), &items(&arrived));
        }
    }
}

#[tokio::test]
async fn requests_arrive_in_the_order_in_which_they_were_received() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // One request an object, so that the order is that of the objects of all signals.
    let program = Program::start(from.path(), &small().environment());
    for sent in sent::all().iter().take(12) {
        sent.send(if sent.is_grpc() { program.grpc() } else { program.http() }).await;
        flush(&program).await;
    }
    program.terminate();
    let sent = printed(from.path(), &bucket_of(from.path()));
    assert_eq!(sent.lines().count(), 12);
    // Nothing is delivered there, so the log has everything in the order in which it came.
    let program = Program::start(to.path(), &small().with_dead_store().environment());
    let address = program.grpc().to_string();
    let more = ["--protocol", "grpc", "--max-request-bytes", "1B"];
    let said = replay(from.path(), &bucket_of(from.path()), &address, &more);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    program.kill();
    assert_eq!(printed(to.path(), &data(to.path())), sent);
}

/// A replay at work, which a test may kill.
struct Replaying(Child);

impl Replaying {
    fn start(folder: &Path, from: &Path, to: &str, more: &[&str]) -> Self {
        let mut command = command(folder, &[]);
        command.args(["replay", "--from", from.to_str().unwrap(), "--to", to]).args(more);
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn kill(&mut self) {
        kill_process(Pid::from_child(&self.0), Kill::KILL).unwrap();
        self.0.wait().unwrap();
    }

    /// Reads its errors until they have these words in them.
    fn says(&mut self, words: &str) {
        let stderr = self.0.stderr.as_mut().unwrap();
        let (mut said, mut byte) = (Vec::new(), [0]);
        while !String::from_utf8_lossy(&said).contains(words) {
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
    }

    fn end(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Replaying {
    fn drop(&mut self) {
        // It has ended, unless the test fails.
        let _ = self.0.kill();
    }
}

#[tokio::test]
async fn a_replay_that_is_killed_goes_on_where_it_was_and_nothing_is_there_twice() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sent = delivered(from.path(), &small()).await;
    // It knows a request that comes again.
    let program = Program::start(to.path(), &Settings::small().environment());
    let (address, from_bucket) = (program.http().to_string(), bucket_of(from.path()));
    let state = from.path().join("replay.state");
    let more = ["--state", state.to_str().unwrap(), "--max-request-bytes", "1B"];
    let taken = || fs::read_to_string(&state).unwrap_or_default().lines().count();
    let is_over =
        || fs::read_to_string(&state).is_ok_and(|state| state.matches("\"done\":true").count() == 3);
    for _ in 0..4 {
        let before = taken();
        let slow = [&more[..], &["--rate", "20kB"]].concat();
        let mut replaying = Replaying::start(from.path(), &from_bucket, &address, &slow);
        until("more requests", async || taken() >= before + 3 || is_over()).await;
        replaying.kill();
    }
    let said = replay(from.path(), &from_bucket, &address, &more);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let again = replay(from.path(), &from_bucket, &address, &more);
    assert!(again.stdout.starts_with("sent 0 items in 0 requests, of 0 objects; "), "{}", again.stdout);

    let metrics = metrics(&program).await;
    flush(&program).await;
    program.terminate();
    let arrived = crate::bucket::decoded(&crate::bucket::in_folder(&bucket_of(to.path())));
    let sent: Vec<_> = sent.iter().map(sent::Sent::decoded).collect();
    assert_same(&items(&sent), &items(&arrived));
    let resent = sum(&metrics, "forebay_receive_resent_requests_total", &[]);
    assert!(resent <= 4.0, "{resent} requests came again, at most one a kill");

    let other = replay(from.path(), &from_bucket, "127.0.0.1:1", &more);
    assert_eq!(other.code, Some(1));
    assert!(other.stderr.contains("(--state) is of the replay from "), "{}", other.stderr);
    fs::write(&state, "upload:\n  to: s3://bucket\n").unwrap();
    let other = replay(from.path(), &from_bucket, &address, &more);
    assert!(other.stderr.contains("(--state) is no state of a replay"), "{}", other.stderr);
}

#[tokio::test]
async fn a_receiver_that_is_away_is_waited_for_and_not_for_ever() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sent = delivered(from.path(), &small()).await;
    let address = unused_address().to_string();
    let from_bucket = bucket_of(from.path());
    let mut replaying = Replaying::start(from.path(), &from_bucket, &address, &[]);
    replaying.says(&format!("forebay: it does not go on: nothing listens on {address}"));
    let settings = small().with("RECEIVE_HTTP", &address);
    let program = Program::start(to.path(), &settings.environment());
    replaying.says("forebay: it goes on after ");
    assert_eq!(replaying.end(), Some(0));
    flush(&program).await;
    program.terminate();
    let arrived = crate::bucket::decoded(&crate::bucket::in_folder(&bucket_of(to.path())));
    let sent: Vec<_> = sent.iter().map(sent::Sent::decoded).collect();
    assert_same(&items(&sent), &items(&arrived));

    let said = replay(from.path(), &from_bucket, &address, &["--retry-for", "1s"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(
        said.stderr.contains("a request was not taken within 1 s: nothing listens on"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("with --state FILE the next run would go on from here"), "{}", said.stderr);
}

#[tokio::test]
async fn a_refusal_ends_it_in_the_receivers_words_or_is_passed_over() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    delivered(from.path(), &small()).await;
    fs::write(to.path().join("forebay.yaml"), "receive: {auth: {tokens: {us: {token: s3cret}}}}").unwrap();
    let program = Program::start(to.path(), &small().with("CONFIG", "forebay.yaml").environment());
    let (address, from_bucket) = (program.http().to_string(), bucket_of(from.path()));
    let said = replay(from.path(), &from_bucket, &address, &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("a request was refused: 401 Unauthorized: "), "{}", said.stderr);
    let said = replay(from.path(), &from_bucket, &address, &["--skip-refused"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.starts_with("sent 0 items in 0 requests, of 3 objects; "), "{}", said.stdout);
    assert!(said.stdout.contains("; refused and passed over: "), "{}", said.stdout);
    let header = from.path().join("header");
    fs::write(&header, "authorization: Bearer s3cret\n").unwrap();
    let header = format!("@{}", header.display());
    let said = replay(from.path(), &from_bucket, &address, &["--header", &header]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn the_data_folder_of_a_machine_that_died_is_sent_and_that_of_a_living_one_is_not() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = small().with_dead_store().with("OBJECTS_FORMAT", "otlp_proto");
    let died = Program::start(from.path(), &settings.environment());
    let all = sent::all();
    for (number, sent) in all.iter().enumerate() {
        sent.send(if sent.is_grpc() { died.grpc() } else { died.http() }).await;
        if number == all.len() / 2 {
            died.client().flush(Span::seconds(0)).await.unwrap();
            until("objects", async || died.client().status().await.unwrap().queue.objects > 0).await;
        }
    }
    let program = Program::start(to.path(), &small().environment());
    let address = program.http().to_string();
    let said = replay(from.path(), &data(from.path()), &address, &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("a forebay is running on "), "{}", said.stderr);
    died.kill();
    let listed = replay(from.path(), &data(from.path()), &address, &["--dry-run"]);
    assert_eq!(listed.code, Some(0));
    assert!(listed.stdout.contains(" objects, "), "{}", listed.stdout);
    let said = replay(from.path(), &data(from.path()), &address, &[]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    flush(&program).await;
    program.terminate();
    let arrived = crate::bucket::decoded(&crate::bucket::in_folder(&bucket_of(to.path())));
    let sent: Vec<_> = all.iter().map(sent::Sent::decoded).collect();
    assert_same(&items(&sent), &items(&arrived));
}

#[tokio::test]
async fn only_what_is_chosen_is_sent_and_what_cannot_be_read_is_told() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sent = delivered(from.path(), &small()).await;
    let program = Program::start(to.path(), &small().environment());
    let (address, from_bucket) = (program.http().to_string(), bucket_of(from.path()));
    let said = replay(from.path(), &from_bucket, &address, &["--until", "2020-01-01T00:00Z"]);
    assert!(said.stdout.starts_with("sent 0 items in 0 requests, of 0 objects\n"), "{}", said.stdout);
    let began = std::time::Instant::now();
    let chosen = ["--signal", "traces", "--since", "1h", "--rate", "40kB"];
    let said =
        replay(from.path(), &from_bucket, &address, &[&chosen[..], &["--max-request-bytes", "1B"]].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let traces: Vec<_> =
        sent.iter().filter(|sent| sent.captured.signal == forebay::otlp::Signal::Traces).collect();
    let bytes: usize = traces.iter().rev().skip(1).map(|sent| sent.captured.body.len()).sum();
    assert!(began.elapsed() > Duration::from_millis(bytes as u64 / 2 / 40), "{bytes} bytes at 40 kB/s");
    flush(&program).await;
    program.terminate();
    let arrived = crate::bucket::decoded(&crate::bucket::in_folder(&bucket_of(to.path())));
    assert_same(&items(&traces.iter().map(|sent| sent.decoded()).collect::<Vec<_>>()), &items(&arrived));

    let objects = crate::bucket::in_folder(&from_bucket);
    let (cut, bytes) = objects.iter().find(|(key, _)| key.starts_with("logs/")).unwrap();
    fs::write(from_bucket.join(cut), &bytes[..bytes.len() - 20]).unwrap();
    let other = tempfile::tempdir().unwrap();
    let program = Program::start(other.path(), &small().environment());
    let said = replay(from.path(), &from_bucket, &program.http().to_string(), &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains(&format!("{cut}: it is cut off")), "{}", said.stderr);
    assert!(said.stdout.contains("; not readable to the end: 1 object"), "{}", said.stdout);
}
