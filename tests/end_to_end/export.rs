//! What forebay tells about itself, as others receive it: another forebay, receivers in any mood, and itself.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use forebay::otlp::Signal;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::admin::{flush, metrics, sum, until};
use crate::bucket;
use crate::certificates::Authority;
use crate::decoded::Decoded;
use crate::numbers::send_all;
use crate::series::{attributes, is_restless, read_at, scraped, series, text};
use crate::settings::Settings;
use crate::support::ports::unused_address;
use crate::support::program::{Program, bucket as bucket_of, data, forebay};
use crate::watcher::{Mood, Watcher};

const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];

/// Exports every second.
fn exporting(to: &str, protocol: &str) -> Settings {
    Settings::small()
        .with("TELEMETRY_EXPORT_ENDPOINT", to)
        .with("TELEMETRY_EXPORT_PROTOCOL", protocol)
        .with("TELEMETRY_EXPORT_INTERVAL", "1s")
        .with("TELEMETRY_LOGS_FORMAT", "json")
}

/// How many requests of a signal had this fate.
async fn requests(program: &Program, signal: &str, became: &str) -> f64 {
    let labels = [format!("signal=\"{signal}\""), format!("became=\"{became}\"")];
    let labels = [labels[0].as_str(), labels[1].as_str()];
    sum(&metrics(program).await, "forebay_telemetry_export_requests_total", &labels)
}

/// Waits until so many more exports of metrics were taken.
async fn more_taken(program: &Program, more: f64) {
    let before = requests(program, "metrics", "taken").await;
    until("an export of metrics", async || requests(program, "metrics", "taken").await >= before + more)
        .await;
}

/// The messages of lines of JSON, without those about the export itself.
fn told(stderr: &str) -> Vec<String> {
    let events = stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let others =
        events.filter(|event| !event["target"].as_str().unwrap().starts_with("forebay::telemetry::export"));
    others.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

/// The messages of log records, in the order of their times.
fn bodies(exports: &[Decoded]) -> Vec<String> {
    let mut records = Vec::new();
    for export in exports {
        let Decoded::Logs(logs) = export else { continue };
        let scopes = logs.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        let all = scopes.flat_map(|scope| &scope.log_records);
        records.extend(all.map(|record| (record.time_unix_nano, text(record.body.as_ref()))));
    }
    records.sort();
    records.into_iter().map(|(_, body)| body).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_forebay_stores_the_numbers_and_lines_of_one_as_they_are() {
    for protocol in PROTOCOLS {
        let (folder_a, folder_b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let b = Program::start(folder_b.path(), &Settings::small().environment());
        let settings = exporting(&format!("http://{}", b.http()), protocol)
            .with("TELEMETRY_EXPORT_RESOURCE", "deployment.environment.name=test");
        let a = Program::start(folder_a.path(), &settings.environment());
        send_all(&a, 0..10).await;
        flush(&a).await;
        // What was read before that is on its way no longer.
        more_taken(&a, 2.0).await;
        let shown = scraped(&metrics(&a).await);
        more_taken(&a, 2.0).await;
        flush(&b).await;

        let stored = bucket::decoded(&bucket::in_folder(&bucket_of(folder_b.path())));
        let exports: Vec<_> = stored
            .iter()
            .filter_map(|decoded| match decoded {
                Decoded::Metrics(export) => Some(export),
                _ => None,
            })
            .collect();
        let last = exports.iter().max_by_key(|export| format!("{:020}", read_at(export))).unwrap();
        let series = series(last);
        let calm = series.keys().filter(|series| !is_restless(series)).count();
        assert!(calm > 200, "only {calm} series");
        for (name, value) in shown.iter().filter(|(name, _)| !is_restless(name)) {
            assert_eq!(series.get(name), Some(value), "{protocol}: {name}");
        }
        let also: Vec<_> = series.keys().filter(|name| !shown.contains_key(*name)).collect();
        assert!(also.is_empty(), "{also:?}");

        let resource = last.resource_metrics[0].resource.as_ref().unwrap();
        let id = std::fs::read_to_string(data(folder_a.path()).join("writer")).unwrap();
        let resource = attributes(&resource.attributes);
        for (key, value) in [
            ("service.name", "forebay"),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", id.trim()),
            ("deployment.environment.name", "test"),
        ] {
            assert_eq!(resource[key], value);
        }
        assert!(!resource["host.name"].is_empty());

        let said = a.terminate();
        flush(&b).await;
        let stored = bucket::decoded(&bucket::in_folder(&bucket_of(folder_b.path())));
        assert_eq!(bodies(&stored), told(&said.stderr), "{protocol}: to the very last line");
        assert!(told(&said.stderr).iter().any(|message| message == "ended"), "{}", said.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_says_whose_it_is_and_carries_the_headers_of_the_settings() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let watcher = Watcher::start(Mood::Takes).await;
        let settings = exporting(&watcher.url, protocol)
            .with("TELEMETRY_EXPORT_HEADERS", "Authorization=Bearer hunter2");
        let program = Program::start(folder.path(), &settings.environment());
        more_taken(&program, 2.0).await;
        let said = program.terminate();
        assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
        let id = std::fs::read_to_string(data(folder.path()).join("writer")).unwrap();
        let taken = watcher.taken();
        for signal in [Signal::Metrics, Signal::Logs] {
            assert!(taken.iter().any(|export| export.decoded.signal() == signal), "{signal}");
        }
        for export in taken {
            assert_eq!(export.is_grpc, protocol == "grpc");
            assert_eq!(export.headers["forebay-instance"], id.trim());
            assert_eq!(export.headers["authorization"], "Bearer hunter2");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_wanted_is_exported() {
    for (unwanted, wanted) in [("LOGS", Signal::Metrics), ("METRICS", Signal::Logs)] {
        let folder = tempfile::tempdir().unwrap();
        let watcher = Watcher::start(Mood::Takes).await;
        let settings = exporting(&watcher.url, "grpc").with(&format!("TELEMETRY_EXPORT_{unwanted}"), "false");
        let program = Program::start(folder.path(), &settings.environment());
        send_all(&program, 0..3).await;
        flush(&program).await;
        until("an export", async || watcher.asked() > 0).await;
        assert_eq!(program.terminate().code, Some(0));
        assert!(watcher.taken().iter().all(|export| export.decoded.signal() == wanted), "no {unwanted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_receiver_is_trusted_by_the_authorities_of_the_settings() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("us"));
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let identity = authority.server();
    let settings = Settings::small()
        .with("RECEIVE_TLS_CERT_FILE", &file("cert.pem", &identity.certificate))
        .with("RECEIVE_TLS_KEY_FILE", &file("key.pem", &identity.key));
    let (right, wrong) =
        (file("ca.pem", &authority.pem()), file("other.pem", &Authority::new("others").pem()));
    let b = Program::start(folder.path(), &settings.environment());
    for protocol in PROTOCOLS {
        let to_b = exporting(&format!("https://{}", b.grpc()), protocol);
        let folder = tempfile::tempdir().unwrap();
        let settings = to_b.clone().with("TELEMETRY_EXPORT_CA_FILE", &right);
        let trusting = Program::start(folder.path(), &settings.environment());
        more_taken(&trusting, 2.0).await;

        let folder = tempfile::tempdir().unwrap();
        let settings = to_b.with("TELEMETRY_EXPORT_CA_FILE", &wrong);
        let wary = Program::start(folder.path(), &settings.environment());
        until("a complaint", async || wary.stderr().contains("it tries again")).await;
        assert!(wary.stderr().contains("certificate"), "it says why: {}", wary.stderr());
        assert!(requests(&wary, "metrics", "taken").await < 0.5);
    }
    for (file, said) in
        [("nowhere.pem", "it cannot be read"), ("key.pem", "it has no certificate in it; name a PEM file")]
    {
        let path = folder.path().join(file);
        let settings =
            exporting("https://127.0.0.1:9", "grpc").with("TELEMETRY_EXPORT_CA_FILE", path.to_str().unwrap());
        let other = tempfile::tempdir().unwrap();
        let refused = Program::try_start(other.path(), &settings.environment()).unwrap_err();
        assert!(
            refused.stderr.contains(&format!("telemetry.export.ca_file is {}: {said}", path.display())),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_receiver_did_not_take_comes_later_and_a_refusal_is_told_once() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let watcher = Watcher::start(Mood::IsFull).await;
        let program = Program::start(folder.path(), &exporting(&watcher.url, protocol).environment());
        send_all(&program, 0..3).await;
        flush(&program).await;
        until("two attempts", async || watcher.asked() >= 2).await;
        watcher.set_mood(Mood::Takes);
        more_taken(&program, 2.0).await;
        let exports: Vec<_> = watcher.taken().into_iter().map(|export| export.decoded).collect();
        let stderr = program.stderr();
        assert_eq!(bodies(&exports), told(&stderr), "nothing was lost meanwhile");
        let of_export =
            |stderr: &str, words: &str| stderr.lines().filter(|line| line.contains(words)).count();
        assert_eq!(of_export(&stderr, "is not exported; it tries again"), 1, "{stderr}");
        assert_eq!(of_export(&stderr, "what forebay tells about itself is exported"), 1, "{stderr}");

        watcher.set_mood(Mood::Refuses);
        until("a refusal", async || requests(&program, "metrics", "failed").await >= 3.0).await;
        assert_eq!(program.terminate().code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_were_offered_in_vain_are_offered_again() {
    for (protocol, mood) in
        [("grpc", Mood::IsFull), ("http/protobuf", Mood::IsFull), ("grpc", Mood::IsSilent)]
    {
        let folder = tempfile::tempdir().unwrap();
        let watcher = Watcher::start(mood).await;
        let settings = exporting(&watcher.url, protocol)
            .with("TELEMETRY_EXPORT_METRICS", "false")
            .with("TELEMETRY_EXPORT_TIMEOUT", "1s");
        let program = Program::start(folder.path(), &settings.environment());
        send_all(&program, 0..3).await;
        flush(&program).await;
        until("a failure", async || requests(&program, "logs", "failed").await > 0.0).await;
        watcher.set_mood(Mood::Takes);
        until("success", async || requests(&program, "logs", "taken").await > 0.0).await;
        let exports: Vec<_> = watcher.taken().into_iter().map(|export| export.decoded).collect();
        let told = told(&program.stderr());
        assert!(!told.is_empty());
        assert_eq!(bodies(&exports), told, "{protocol} {mood:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_has_no_place_for_numbers_gets_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let watcher = Watcher::start(Mood::TakesOnly(Signal::Logs)).await;
    let program = Program::start(folder.path(), &exporting(&watcher.url, "http/protobuf").environment());
    send_all(&program, 0..3).await;
    flush(&program).await;
    until("lines", async || requests(&program, "logs", "taken").await > 0.0).await;
    assert!(watcher.items(Signal::Metrics).is_empty() && requests(&program, "metrics", "failed").await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_or_silent_receiver_holds_nothing_up() {
    let silent = Watcher::start(Mood::IsSilent).await;
    for (url, protocol) in [
        (format!("http://{}", unused_address()), "grpc"),
        (silent.url.clone(), "grpc"),
        (silent.url.clone(), "http/protobuf"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path(), &exporting(&url, protocol).environment());
        send_all(&program, 0..10).await;
        flush(&program).await;
        if url == silent.url {
            until("a request", async || silent.asked() > 0).await;
        } else {
            until("a failure", async || requests(&program, "metrics", "failed").await > 0.0).await;
        }
        let began = Instant::now();
        let said = program.terminate();
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert_eq!(said.code, Some(0));
        assert!(said.stderr.contains("not all lines of the log were exported"), "{}", said.stderr);
    }
}

/// Carries bytes to an address, as a load balancer does: what comes out of it has another address than what goes in.
async fn detour_to(address: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(address).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forebay_that_is_led_to_itself_refuses_that_and_ends_the_export() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let address = unused_address();
        let detour = detour_to(address).await;
        let settings =
            exporting(&format!("http://{detour}"), protocol).with("RECEIVE_GRPC", &address.to_string());
        let program = Program::start(folder.path(), &settings.environment());
        let words = "telemetry.export.endpoint leads to this very forebay";
        until("the discovery", async || program.stderr().contains(words)).await;
        let refused = async || {
            sum(
                &metrics(&program).await,
                "forebay_receive_refused_requests_total",
                &["reason=\"own_telemetry\""],
            )
        };
        assert!((refused().await - 1.0).abs() < 0.5);
        // Others are taken in as before.
        send_all(&program, 0..3).await;
        // Three intervals, in which nothing may happen any more.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!((refused().await - 1.0).abs() < 0.5, "{protocol}");
        let said = program.terminate();
        assert_eq!((said.code, said.stderr.matches(words).count()), (Some(0), 1), "{}", said.stderr);
    }
}

#[test]
fn an_endpoint_that_is_a_listener_of_its_own_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let address = unused_address();
    for (key, setting) in [
        ("receive.grpc", "FOREBAY_RECEIVE_GRPC"),
        ("receive.http", "FOREBAY_RECEIVE_HTTP"),
        ("admin.listen", "FOREBAY_ADMIN_LISTEN"),
    ] {
        let endpoint = format!("http://localhost:{}", address.port());
        let environment =
            [(setting, &*address.to_string()), ("FOREBAY_TELEMETRY_EXPORT_ENDPOINT", endpoint.as_str())];
        let said = forebay(folder.path(), &["check"], &environment);
        let sentence = format!(
            "telemetry.export.endpoint is {endpoint}, which is {address} of this forebay itself ({key})"
        );
        assert!(said.stderr.contains(&sentence), "{said:?}");
        assert_eq!(forebay(folder.path(), &[], &environment).code, Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_does_not_grow_though_all_of_it_comes_back() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let relay = Watcher::start(Mood::Takes).await;
        // As talkative as it can be: each second a segment is packed, and said to be.
        let settings = exporting(&relay.url, protocol)
            .with("LOG_SEAL_AFTER", "1s")
            .with("TELEMETRY_LOGS_REPEAT_AFTER", "1s");
        let program = Program::start(folder.path(), &settings.environment());
        relay.pass_on_to(program.grpc());
        until("twelve exports", async || relay.items(Signal::Metrics).len() >= 12).await;
        let stored = sum(&metrics(&program).await, "forebay_receive_acknowledged_items_total", &[]);
        assert!(stored > 1000.0, "all of it came back: {stored}");

        let points = relay.items(Signal::Metrics);
        assert_eq!(points[points.len() - 4..], [points[11]; 4], "{protocol}: {points:?}");
        let lines = relay.items(Signal::Logs);
        let most = lines.iter().skip(1).max().copied().unwrap_or_default();
        assert!(most <= 4, "one line of each kind in a second: {lines:?}");
        // One request of each kind in an interval.
        assert!(lines.len() <= points.len() + 1, "{lines:?}");
        assert_eq!(program.terminate().code, Some(0));
    }
}
