//! The commands, beside a running program and on the folder of a stopped one: what they say and their exit codes.

use std::path::{Path, PathBuf};

use forebay::admin::Status;
use forebay::otlp::Signal;
use forebay::units::Span;
use serde_json::Value;
use tempfile::TempDir;

use crate::admin::{flush, until};
use crate::bucket;
use crate::numbers::{Over, assert_each_once, is_acknowledged, send, send_all};
use crate::settings::Settings;
use crate::support::ports::unused_address;
use crate::support::program::{Program, Said, bucket as bucket_of, data, forebay};

/// Runs a command that ends with this exit code; returns what it said.
fn run(folder: &TempDir, code: i32, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let Said { code: ended_with, stdout, stderr } = forebay(folder.path(), arguments, environment);
    assert_eq!(ended_with, Some(code), "{arguments:?}: {stdout}{stderr}");
    stdout + &stderr
}

/// The cells of a table, row by row.
fn cells(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect()
}

/// A folder whose program was killed with a segment of five records, and an object of ten, in it.
async fn stopped() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().with_dead_store().environment());
    send_all(&program, 0..10).await;
    program.client().flush(Span::seconds(0)).await.unwrap();
    until("an object", async || program.client().status().await.unwrap().queue.objects == 1).await;
    send_all(&program, 10..15).await;
    program.kill();
    folder
}

/// The one file in a folder whose name ends so.
fn only(folder: &Path, ending: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    assert_eq!(found.len(), 1, "{ending}: {found:?}");
    found.into_iter().next().unwrap()
}

/// Turns one bit of a file.
fn flip(path: &Path, at: impl Fn(&[u8]) -> usize) {
    let mut content = std::fs::read(path).unwrap();
    let at = at(&content);
    content[at] ^= 1;
    std::fs::write(path, content).unwrap();
}

#[tokio::test]
async fn the_sample_is_sent_in_every_protocol_and_an_object_appears() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().environment());
    let (grpc, http) = (program.grpc().to_string(), program.http().to_string());
    let admin = program.admin().to_string();
    let mut sent = 0;
    // A small container has no authorities; nobody needs one who sends in the clear.
    let bare = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];
    for (protocol, address) in [("grpc", &grpc), ("http/protobuf", &http), ("http/json", &http)] {
        let to = format!("http://{address}");
        let said = run(&folder, 0, &["send", "--to", &to, "--protocol", protocol, "--count", "2"], &bare);
        assert!(said.starts_with(&format!("to {to} ({protocol})\n")), "{said}");
        for line in said.lines().skip(1) {
            // `logs   14 log records sent, 14 acknowledged`
            let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            assert!(numbers.len() == 2 && numbers[0] == numbers[1] && numbers[0] > 0, "{said}");
            sent += numbers[0];
        }
        assert_eq!(said.lines().count(), 4, "{said}");
    }
    assert_eq!(
        bucket::in_folder(&bucket_of(folder.path())),
        bucket::Objects::new(),
        "it was not asked to flush"
    );

    // Where the configuration says; then it is delivered at once.
    let configured = [
        ("FOREBAY_RECEIVE_GRPC", grpc.as_str()),
        ("FOREBAY_RECEIVE_HTTP", http.as_str()),
        ("FOREBAY_ADMIN_LISTEN", admin.as_str()),
    ];
    let said = run(&folder, 0, &["send"], &configured);
    assert!(said.lines().last().unwrap().starts_with("delivered: "), "{said}");
    let requests = bucket::decoded(&bucket::in_folder(&bucket_of(folder.path())));
    let delivered: usize = requests.iter().map(crate::decoded::Decoded::items).sum();
    assert_eq!(delivered as u64, sent / 6 * 7);
    for signal in [Signal::Logs, Signal::Metrics, Signal::Traces] {
        assert!(requests.iter().any(|request| request.signal() == signal), "{signal}");
    }

    let nobody = format!("http://{}", unused_address());
    let said = run(&folder, 1, &["send", "--to", &nobody], &[]);
    assert!(said.contains(nobody.trim_start_matches("http://")), "{said}");
}

#[tokio::test]
async fn flush_and_status_say_how_the_running_program_does() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().environment());
    let admin = program.admin().to_string();
    assert_eq!(run(&folder, 0, &["flush", "--admin", &admin], &[]), "nothing was waiting\n");
    send_all(&program, 0..3).await;
    let said = run(&folder, 0, &["status", "--admin", &admin], &[]);
    assert!(
        said.contains(&format!("  listening on   grpc {}, http {}", program.grpc(), program.http())),
        "{said}"
    );
    for words in
        ["running for ", "taking in      yes", "delivering     yes", "waiting        3 log records ("]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(run(&folder, 0, &["flush", "--admin", &admin], &[]), "delivered: 3 items in 1 object\n");
    let status: Status =
        serde_json::from_str(&run(&folder, 0, &["status", "--json", "--admin", &admin], &[])).unwrap();
    assert_eq!((status.queue.items.total(), status.delivery.objects_delivered), (0, 1));
    assert!(status.delivery.last_success_at.is_some() && status.disk.used_bytes > 0);
    program.kill();

    let program = Program::start(folder.path(), &Settings::small().with_dead_store().environment());
    let admin = program.admin().to_string();
    send_all(&program, 0..3).await;
    let said = run(&folder, 1, &["flush", "--wait", "1s", "--admin", &admin], &[]);
    assert!(
        said.starts_with("not all is delivered (0 objects of 3 items are): 3 items still wait: "),
        "{said}"
    );
    let said = run(&folder, 1, &["status", "--admin", &admin], &[]);
    assert!(said.contains("taking in      yes") && said.contains("delivering     NO, for "), "{said}");
}

#[tokio::test]
async fn status_says_what_waits_in_a_folder_whose_program_has_ended() {
    let folder = stopped().await;
    let admin = unused_address().to_string();
    let said = run(&folder, 2, &["status", "--admin", &admin], &[]);
    assert!(said.contains("; not running, data in ./forebay-data\n"), "{said}");
    assert!(said.contains("taking in      NO: forebay is not running on this data folder"), "{said}");
    assert!(said.contains("waiting        15 log records ("), "{said}");
    assert!(said.contains(") in 1 segment and 1 object; the oldest for "), "{said}");
    let status: Status =
        serde_json::from_str(&run(&folder, 2, &["status", "--json", "--admin", &admin], &[])).unwrap();
    assert_eq!((status.queue.items.logs, status.started_at), (15, None));
}

#[tokio::test]
async fn an_address_in_use_ends_the_start_before_anything_is_touched() {
    let folder = stopped().await;
    let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listening.local_addr().unwrap().to_string();
    let before = run(&folder, 0, &["inspect"], &[]);
    assert!(before.contains("active"), "{before}");
    for setting in ["RECEIVE_GRPC", "RECEIVE_HTTP", "ADMIN_LISTEN"] {
        let settings = Settings::small().with(setting, &taken);
        let said = run(&folder, 1, &[], &settings.environment());
        assert!(said.contains(&taken), "{said}");
        assert_eq!(run(&folder, 0, &["inspect"], &[]), before, "{setting}");
    }
    assert!(!bucket_of(folder.path()).exists(), "nothing is delivered");
}

#[tokio::test]
async fn inspect_shows_segments_records_objects_and_the_ledger() {
    let folder = stopped().await;
    let settings = Settings::small().with_dead_store();
    let environment = settings.environment();
    let inspect = |what: &[&str]| run(&folder, 0, &[&["inspect"], what].concat(), &environment);

    let segments = inspect(&["segments"]);
    let rows = cells(&segments);
    let names = ["SEGMENT", "STATE", "RECORDS", "LOGS", "METRICS", "TRACES", "PROFILES", "BYTES", "OLDEST"];
    assert_eq!(rows[0], names);
    assert_eq!((rows.len(), &rows[1][1..7]), (2, &["active", "5", "5", "0", "0", "0"][..]), "{segments}");
    let objects = inspect(&["objects"]);
    let rows = cells(&objects);
    assert_eq!(rows[0], ["SEGMENT", "ITEMS", "BYTES", "OLDEST", "KEY"]);
    assert!(rows.len() == 2 && rows[1][1] == "10" && rows[1][4].starts_with("logs/date="), "{objects}");
    let overview = inspect(&[]);
    assert!(overview.starts_with("segments\n") && overview.contains("\nobjects\n"), "{overview}");

    let numbers = |records: &str| -> Vec<i64> {
        let lines = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let number = |export: Value| {
            let body = export.pointer("/resourceLogs/0/scopeLogs/0/logRecords/0/body/intValue").cloned();
            body.unwrap().as_str().unwrap().parse().unwrap()
        };
        lines.map(number).collect()
    };
    let segment = cells(&segments)[1][0].to_owned();
    assert_eq!(numbers(&inspect(&["records"])), [10, 11, 12, 13, 14]);
    assert_eq!(numbers(&inspect(&["records", "--signal", "logs", "--limit", "2"])), [10, 11]);
    assert_eq!(inspect(&["records", "--signal", "traces"]), "");
    assert_eq!(numbers(&inspect(&["records", "--segment", segment.trim_start_matches('0')])).len(), 5);
    assert_eq!(inspect(&["records", "--segment", "4711"]), "");

    let elsewhere = tempfile::tempdir().unwrap();
    let said = run(&elsewhere, 1, &["inspect"], &[]);
    assert!(said.contains("cannot read the data folder ./forebay-data (data_dir)"), "{said}");
}

#[tokio::test]
async fn the_ledger_says_what_waits_and_what_was_delivered() {
    let folder = stopped().await;
    let settings = Settings::small().with("UPLOAD_FINISH_WITHIN", "0s");
    let ledger = || run(&folder, 0, &["inspect", "ledger"], &[]);
    let heading = ["STATE", "SIGNAL", "ITEMS", "BYTES", "ATTEMPTS", "DELIVERED", "KEY"];

    let program = Program::start(folder.path(), &settings.clone().with_dead_store().environment());
    let said = run(&folder, 1, &["inspect", "ledger"], &[]);
    assert!(said.contains("the ledger belongs to the forebay that is running"), "{said}");
    let said = program.terminate();
    let waiting = ledger();
    let mut rows = cells(&waiting);
    assert_eq!(rows.remove(0), heading);
    let items: Vec<_> = rows.iter().map(|row| (row[1], row[2], row[5])).collect();
    assert_eq!(items, [("logs", "10", "-"), ("logs", "5", "-")], "{waiting}{}", said.stderr);

    let program =
        Program::start(folder.path(), &settings.with_folder(&bucket_of(folder.path())).environment());
    flush(&program).await;
    program.terminate();
    let delivered = ledger();
    let rows = cells(&delivered);
    assert_eq!(rows.len(), 3, "{delivered}");
    assert!(rows[1..].iter().all(|row| row[0] == "delivered" && row[5].ends_with(" ago")), "{delivered}");
}

#[tokio::test]
async fn verify_names_the_file_in_which_a_bit_has_turned() {
    let folder = stopped().await;
    let (object, segment) = (only(&data(folder.path()).join("spool"), ".object"), {
        let list = run(&folder, 0, &["inspect", "segments"], &[]);
        format!("./forebay-data/log/{}.segment", cells(&list)[1][0])
    });
    let right = run(&folder, 0, &["verify"], &[]);
    assert!(right.contains(&format!("right    {segment}: 5 records\n")), "{right}");
    assert!(right.ends_with("every checksum is right\n") && right.lines().count() == 3, "{right}");
    assert_eq!(run(&folder, 0, &["verify", "--quiet"], &[]), "every checksum is right\n");

    flip(&object, |content| content.len() / 2);
    let name = object.file_name().unwrap().to_str().unwrap();
    let said = run(&folder, 1, &["verify", "-q"], &[]);
    assert!(said.starts_with(&format!("damaged  ./forebay-data/spool/{name}: ")), "{said}");
    assert!(said.ends_with("1 damaged place found\n") && said.lines().count() == 2, "{said}");
    flip(&object, |content| content.len() / 2);
    assert_eq!(run(&folder, 0, &["verify", "-q"], &[]), "every checksum is right\n");

    // What is damaged is not delivered, and told.
    flip(&object, |content| content.len() / 2);
    let settings = Settings::small().with_folder(&bucket_of(folder.path()));
    let program = Program::start(folder.path(), &settings.environment());
    flush(&program).await;
    assert_each_once(10..15, &bucket::decoded(&bucket::in_folder(&bucket_of(folder.path()))));
    let said = run(&folder, 1, &["status", "--admin", &program.admin().to_string()], &[]);
    assert!(said.contains("lost           1 damaged object"), "{said}");
}

#[tokio::test]
async fn a_bit_that_turned_in_a_sealed_segment_costs_one_record_which_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().environment());
    for number in 0..10 {
        assert!(is_acknowledged(Over::Grpc, &send(&program, Over::Grpc, number, 1000).await));
    }
    // Without a spool nothing can be packed, so that the segment stays when it is sealed.
    let (spool, away) = (data(folder.path()).join("spool"), data(folder.path()).join("away"));
    std::fs::rename(&spool, &away).unwrap();
    std::fs::write(&spool, "no folder").unwrap();
    let said = program.terminate();
    assert!(said.stderr.contains("cannot pack a segment; it stays in the log"), "{}", said.stderr);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    std::fs::remove_file(&spool).unwrap();
    std::fs::rename(&away, &spool).unwrap();
    let list = run(&folder, 0, &["inspect", "segments"], &[]);
    let rows = cells(&list);
    assert_eq!((rows.len(), &rows[1][1..3]), (2, &["sealed", "10"][..]), "{list}");
    assert_eq!(run(&folder, 0, &["verify", "-q"], &[]), "every checksum is right\n");

    let name = format!("{}.segment", rows[1][0]);
    let padding = |content: &[u8]| content.windows(100).position(|window| window == [b'x'; 100]).unwrap();
    flip(&data(folder.path()).join("log").join(&name), padding);
    let said = run(&folder, 1, &["verify", "-q"], &[]);
    let damaged = format!("damaged  ./forebay-data/log/{name}: 1 record cannot be read, 9 can\n");
    assert_eq!(said, damaged + "1 damaged place found\n");

    let program = Program::start(folder.path(), &Settings::small().environment());
    flush(&program).await;
    let metrics = crate::admin::metrics(&program).await;
    assert!(metrics.contains("\nforebay_log_records_lost_total 1\n"), "{metrics}");
    assert_each_once(1..10, &bucket::decoded(&bucket::in_folder(&bucket_of(folder.path()))));
    assert_eq!(std::fs::read_dir(data(folder.path()).join("damaged")).unwrap().count(), 1);
    let status = program.client().status().await.unwrap();
    assert_eq!((status.losses.damaged_ranges, status.losses.damaged_records), (1, 1), "{status:?}");
}

#[tokio::test]
async fn a_folder_belongs_to_one_program_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().environment());
    assert!(program.greeting().contains(&format!("OTLP      {} and {}, ", program.grpc(), program.http())));
    let second = Program::try_start(folder.path(), &Settings::small().environment()).unwrap_err();
    assert_eq!((second.code, second.stdout.as_str()), (Some(1), ""));
    let words = "forebay: another forebay uses the data folder ./forebay-data; end it first, or give this one a folder \
                 of its own (data_dir)\n";
    assert!(second.stderr.ends_with(words), "{}", second.stderr);

    // What the first one needs is still there.
    send_all(&program, 0..3).await;
    assert_eq!(program.terminate().code, Some(0));
    assert_each_once(0..3, &bucket::decoded(&bucket::in_folder(&bucket_of(folder.path()))));
}

#[test]
fn check_says_whether_the_environment_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(&folder, 0, &["check"], &[("FOREBAY_LOG_SEAL_AFTER", "1m")]);
    assert!(cells(&said).contains(&vec!["log.seal_after", "1m", "FOREBAY_LOG_SEAL_AFTER"]), "{said}");
    let said = run(&folder, 1, &["check"], &[("FOREBAY_LOG_SEAL_AFTER", "soon")]);
    assert!(said.contains("FOREBAY_LOG_SEAL_AFTER") && said.contains("soon"), "{said}");
    assert!(!data(folder.path()).exists(), "it only looks");
}
