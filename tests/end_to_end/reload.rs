//! The configuration is read again while the binary runs.

use std::fs;
use std::path::Path;

use forebay::units::Span;
use http::header::AUTHORIZATION;
use jiff::{Timestamp, ToSpan as _};

use crate::admin::{flush, get, metrics, sum, until};
use crate::bucket;
use crate::client::{Answer, connect_http2, over_http1};
use crate::numbers::{Over, assert_each_once, request, send_all};
use crate::settings::Settings;
use crate::support::program::{Program, forebay};
use crate::support::s3::{BUCKET, FakeS3};

/// Writes the file that the binary reads.
fn write(folder: &Path, yaml: &str) {
    fs::write(folder.join("forebay.yaml"), yaml).unwrap();
}

/// How often the configuration was read again, with this result.
async fn reloads(program: &Program, result: &str) -> f64 {
    sum(&metrics(program).await, "forebay_config_reloads_total", &[&format!("result=\"{result}\"")])
}

/// Whether the last time it did not take what it read.
async fn has_failed(program: &Program) -> bool {
    sum(&metrics(program).await, "forebay_config_last_reload_failed", &[]) > 0.5
}

/// Writes another file, has it read, and waits until that was done.
async fn reload(program: &Program, folder: &Path, yaml: &str, result: &str) {
    let before = reloads(program, result).await;
    write(folder, yaml);
    program.hang_up();
    until(result, async || reloads(program, result).await > before).await;
}

/// What `/status` tells beside.
async fn notes(program: &Program) -> Vec<String> {
    program.client().status().await.unwrap().notes
}

/// A record with this number from who has this token.
async fn send_with(program: &Program, number: i64, token: &str) -> u16 {
    let mut request = request(Over::HttpProtobuf, number, 10);
    request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    over_http1(program.http(), request).await.status
}

fn with_store(endpoint: &str, key: &str, more: &str) -> String {
    format!(
        "{{ upload: {{ to: 's3://{BUCKET}', s3: {{ endpoint: '{endpoint}', allow_http: true, access_key_id: {key}, \
         secret_access_key: hunter2 }} }}, {more} }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn new_credentials_are_used_without_a_restart_and_nothing_is_lost_or_there_twice() {
    let (folder, store) = (tempfile::tempdir().unwrap(), FakeS3::start().await);
    store.take_only_key("AKIANEW");
    let yaml = |key| with_store(&store.endpoint(), key, "");
    write(folder.path(), &yaml("AKIAOLD"));
    let program = Program::start(folder.path(), &Settings::small().environment());
    send_all(&program, 0..10).await;
    let report = program.client().flush(Span::seconds(1)).await.unwrap();
    assert!(!report.complete, "{report:?}");
    let failing = async || program.client().status().await.unwrap().delivery.last_error.is_some();
    until("a refusal", failing).await;
    send_all(&program, 10..20).await;
    reload(&program, folder.path(), &yaml("AKIANEW"), "taken").await;
    flush(&program).await;
    assert!(!failing().await);
    assert_each_once(0..20, &bucket::decoded(&bucket::in_store(&store)));
    let said = program.terminate();
    assert!(said.stderr.contains("upload.s3.access_key_id"), "{}", said.stderr);
    assert!(!said.stderr.contains("hunter2") && said.code == Some(0), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_tokens_and_limits_hold_for_the_next_request_on_connections_that_are_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = |name: &str, most: &str| {
        format!(
            "receive: {{ max_request_bytes: {most}, auth: {{ tokens: {{ {name}: {{ token: {name} }} }} }} }}"
        )
    };
    write(folder.path(), &yaml("one", "1MiB"));
    let program = Program::start(folder.path(), &Settings::small().environment());
    let mut kept = connect_http2(program.grpc()).await;
    let mut send = async |number, bytes, token: &str| {
        let mut request = request(Over::HttpProtobuf, number, bytes);
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        Answer::read(kept.send_request(request).await.unwrap()).await.status
    };
    assert_eq!((send(0, 10, "one").await, send_with(&program, 1, "one").await), (200, 200));
    assert_eq!((send(2, 100_000, "one").await, send(9, 10, "two").await), (200, 401));
    reload(&program, folder.path(), &yaml("two", "64KiB"), "taken").await;
    assert_eq!((send(3, 10, "two").await, send_with(&program, 4, "two").await), (200, 200));
    assert_eq!((send(9, 10, "one").await, send_with(&program, 9, "one").await), (401, 401));
    assert_eq!(send(9, 100_000, "two").await, 413);
    assert!(!program.stderr().contains("two\""), "{}", program.stderr());
    flush(&program).await;
    assert_each_once(
        0..5,
        &bucket::decoded(&bucket::in_folder(&crate::support::program::bucket(folder.path()))),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_changes_nothing_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "upload: { concurrency: 2 }");
    let program = Program::start(folder.path(), &Settings::small().environment());
    for (broken, said) in [
        ("upload: { concurency: 3 }", "upload.concurency is not a setting; did you mean upload.concurrency?"),
        ("upload: { concurrency: 99 }", "upload.concurrency is 99; it must be 1 to 64"),
        ("upload: { ca_bundle: /not/there.pem, s3: {", "forebay.yaml"),
        (
            "receive: { tls: { cert_file: /not/there.pem, key_file: /not/there.pem } }",
            "receive.tls.cert_file is /not/there.pem",
        ),
    ] {
        reload(&program, folder.path(), broken, "refused").await;
        assert!(program.stderr().contains(said), "{}", program.stderr());
        let notes = notes(&program).await;
        assert!(
            notes.len() == 1 && notes[0].contains("not taken, for it is wrong") && notes[0].contains(said),
            "{notes:?}"
        );
        assert!(has_failed(&program).await);
        send_all(&program, 0..1).await;
    }
    reload(&program, folder.path(), "upload: { concurrency: 3 }", "taken").await;
    assert!(!has_failed(&program).await);
    assert_eq!(notes(&program).await, Vec::<String>::new());
    assert_eq!(program.terminate().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_named_and_the_rest_changes() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("FOREBAY_LOG_FREE_SPACE_FLOOR", "0")];
    write(folder.path(), "log: { segment_bytes: 1MiB, seal_after: 1h }");
    let program = Program::start(folder.path(), &settings);
    send_all(&program, 0..5).await;
    let yaml = "{ data_dir: ./elsewhere, log: { segment_bytes: 2MiB, seal_after: 1s, disk_budget: 1GiB },
                  objects: { prefix: new/ }, outputs: { more: { objects: { prefix: more } } } }";
    reload(&program, folder.path(), yaml, "taken").await;
    let expected = ["data_dir", "log.segment_bytes", "outputs.more", "upload.to"];
    let sentences = expected.map(|key| format!("{key} takes effect after a restart"));
    assert_eq!(notes(&program).await, sentences);
    for sentence in &sentences {
        assert!(program.stderr().contains(sentence), "{}", program.stderr());
    }
    // By its new age, and under its new name.
    send_all(&program, 5..10).await;
    let objects = || bucket::in_folder(&crate::support::program::bucket(folder.path()));
    until("delivery", async || bucket::decoded(&objects()).len() == 10).await;
    assert!(objects().keys().any(|key| key.starts_with("new/")), "{:?}", objects().keys());
    assert_each_once(0..10, &bucket::decoded(&objects()));
    let status = program.client().status().await.unwrap();
    assert_eq!((status.disk.budget_bytes, status.data_dir.as_str()), (1 << 30, "./forebay-data"));
    reload(&program, folder.path(), "log: { segment_bytes: 1MiB, seal_after: 1h }", "taken").await;
    assert_eq!(notes(&program).await, Vec::<String>::new(), "and what was taken back is not");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_goes_on_during_reloads_without_one_failed_request() {
    const CLIENTS: i64 = 3;
    let (folder, store) = (tempfile::tempdir().unwrap(), FakeS3::start().await);
    let yaml = |round: usize| {
        let more = format!(
            "receive: {{ max_inflight_bytes: {}MiB, max_connections: {}, auth: {{ tokens: {{ a: {{ token: t }}, b: \
             {{ token: x{round} }} }} }} }}, objects: {{ prefix: p{}/ }}, log: {{ seal_after: {}s }}",
            128 + round,
            10 + round % 7,
            round % 3,
            1 + round % 2,
        );
        with_store(&store.endpoint(), "AKIATEST", &more)
    };
    write(folder.path(), &yaml(0));
    let program = Program::start(
        folder.path(),
        &[("FOREBAY_LOG_FREE_SPACE_FLOOR", "0"), ("FOREBAY_LOG_SEGMENT_BYTES", "1MiB")],
    );
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let clients = (0..CLIENTS).map(|client| {
        let (stopped, address) = (stopped.clone(), program.grpc());
        tokio::spawn(async move {
            let mut kept = connect_http2(address).await;
            let mut sent = 0;
            while !*stopped.borrow() {
                let mut request = request(Over::HttpProtobuf, sent * CLIENTS + client, 500);
                request.headers_mut().insert(AUTHORIZATION, "Bearer t".parse().unwrap());
                let answer = if sent % 5 == 0 {
                    over_http1(address, request).await
                } else {
                    Answer::read(kept.send_request(request).await.unwrap()).await
                };
                assert_eq!(answer.status, 200, "{answer:?}");
                sent += 1;
            }
            (0..sent).map(move |index| index * CLIENTS + client).collect::<Vec<_>>()
        })
    });
    let clients: Vec<_> = clients.collect();
    for round in 1..=20 {
        reload(&program, folder.path(), &yaml(round), "taken").await;
    }
    stop.send_replace(true);
    let mut numbers = Vec::new();
    for client in clients {
        numbers.extend(client.await.unwrap());
    }
    assert!(numbers.len() > 40, "{}", numbers.len());
    flush(&program).await;
    assert_each_once(numbers, &bucket::decoded(&bucket::in_store(&store)));
    assert_eq!(program.terminate().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_change_are_read_by_themselves_and_a_collectors_too() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = |most: &str| {
        format!(
            "receivers: {{ otlp: {{ protocols: {{ http: {{ max_request_body_size: {most} }} }} }} }}
exporters: {{ file: {{ path: {}/out }} }}
service: {{ pipelines: {{ logs: {{ receivers: [otlp], exporters: [file] }} }} }}
reload: {{ watch: 1s }}
",
            folder.path().display()
        )
    };
    write(folder.path(), &yaml("1000000"));
    let settings = Settings::small().with("IGNORE_UNSUPPORTED", "true");
    let program = Program::start(folder.path(), &settings.environment());
    let most = async |bytes| {
        let answer = over_http1(program.http(), request(Over::HttpProtobuf, 1, bytes)).await;
        answer.status
    };
    assert_eq!(most(100_000).await, 200);
    write(folder.path(), &yaml("50000"));
    until("the new file", async || reloads(&program, "taken").await > 0.0).await;
    assert_eq!(most(100_000).await, 413);
    write(folder.path(), "receivers: {");
    until("the broken file", async || reloads(&program, "refused").await > 0.0).await;
    assert_eq!((most(100_000).await, most(10).await), (413, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_its_hours_only_what_a_person_asks_for_is_delivered() {
    let folder = tempfile::tempdir().unwrap();
    // An hour that begins in twelve.
    let in_twelve = |hours: i64| (Timestamp::now() + (12 + hours).hours()).strftime("%H:00").to_string();
    write(
        folder.path(),
        &format!("upload: {{ hours: ['{}-{}'], finish_within: 10m }}", in_twelve(0), in_twelve(1)),
    );
    let settings = Settings::small().with("LOG_SEAL_AFTER", "1s");
    let program = Program::start(folder.path(), &settings.environment());
    send_all(&program, 0..5).await;
    flush(&program).await;
    let objects = || bucket::decoded(&bucket::in_folder(&crate::support::program::bucket(folder.path())));
    assert_each_once(0..5, &objects());
    send_all(&program, 5..10).await;
    until("a note", async || notes(&program).await.iter().any(|note| note.ends_with("(upload.hours)"))).await;
    let (status, said) = get(program.admin(), "/status").await;
    assert!(status == 200 && said.contains("\"failing_since\":null"), "{said}");
    assert!(sum(&metrics(&program).await, "forebay_upload_deferred", &[]) > 0.5);
    let said = program.terminate();
    assert!(said.code == Some(0) && said.stderr.contains("wait for their hours"), "{}", said.stderr);
    assert_each_once(0..5, &objects());
    let drained = forebay(folder.path(), &["drain"], &settings.environment());
    assert_eq!(drained.code, Some(0), "{drained:?}");
    assert_each_once(0..10, &objects());

    write(folder.path(), "");
    let program = Program::start(folder.path(), &settings.environment());
    send_all(&program, 10..12).await;
    until("delivery at any hour", async || objects().len() == 12).await;
    assert_eq!(program.terminate().code, Some(0));
}
