//! What forebay writes to the standard error: its forms, its levels, and what becomes of events that repeat.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use forebay::telemetry::{LogFormat, LogOptions, Logs, Options};
use forebay::units::Span;
use serde_json::Value;

use crate::admin::{metrics, sum, until};
use crate::numbers::send_all;
use crate::settings::Settings;
use crate::support::program::{Program, forebay};

/// What is said of each output whose store is dead: from one place, with the same words, and other fields.
const NOT_DELIVERED: &str = "cannot deliver; forebay tries again until it can";

/// The events of lines of JSON.
fn events(stderr: &str) -> Vec<Value> {
    let event = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    stderr.lines().map(event).collect()
}

/// With four outputs to nowhere.
fn to_nowhere(repeat_after: &str) -> Settings {
    Settings::small()
        .with_dead_store()
        .with("CONFIG", "yaml:{outputs: {a: {objects: {prefix: a}}, b: {objects: {prefix: b}}, c: {objects: {prefix: c}}}}")
        .with("UPLOAD_FINISH_WITHIN", "0s")
        .with("TELEMETRY_LOGS_REPEAT_AFTER", repeat_after)
}

/// Has all four fail to deliver.
async fn fail(program: &Program) {
    send_all(program, 0..1).await;
    program.client().flush(Span::seconds(0)).await.unwrap();
    until("a failure of every output", async || {
        sum(&metrics(program).await, "forebay_telemetry_log_events_total", &["level=\"warn\""]) >= 4.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_repeats_is_one_line_and_a_count_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let settings = to_nowhere("1h").with("TELEMETRY_LOGS_FORMAT", "json");
    let program = Program::start(folder.path(), &settings.environment());
    fail(&program).await;
    let left_out = sum(&metrics(&program).await, "forebay_telemetry_log_repeats_total", &[]);
    // Of each, of four outputs: that it packed, and that it could not deliver.
    assert!((left_out - 6.0).abs() < 0.5, "{left_out}");
    let before = events(&program.stderr());
    let of_failures = |events: &[Value]| {
        let failures = events.iter().filter(|event| event["message"] == NOT_DELIVERED);
        failures.cloned().collect::<Vec<_>>()
    };
    assert_eq!(of_failures(&before).len(), 1);

    let said = program.terminate();
    let after = events(&said.stderr);
    let [first, last] = of_failures(&after).try_into().unwrap();
    assert_eq!(first["fields"]["repeated"], Value::Null, "{first}");
    assert_eq!(last["fields"]["repeated"], 2, "the last one stands for itself and two others: {last}");
    assert_ne!(first["fields"]["output"], last["fields"]["output"]);
    assert_eq!((&first["level"], &first["target"]), (&"warn".into(), &"forebay::upload::attempt".into()));
    for event in &after {
        let time: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
        assert!(time.duration_until(jiff::Timestamp::now()).as_secs() < 600, "{event}");
        assert!(event["message"].is_string() && event["fields"].is_object(), "{event}");
    }
    assert!(after.iter().any(|event| event["message"] == "ended" && event["level"] == "info"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_out_is_told_when_its_time_is_over_also_if_no_other_comes() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &to_nowhere("1s").environment());
    fail(&program).await;
    let lines = || {
        let lines = program.stderr();
        lines.lines().filter(|line| line.contains(NOT_DELIVERED)).map(str::to_owned).collect::<Vec<_>>()
    };
    until("the count of what was left out", async || lines().len() == 2).await;
    let lines = lines();
    assert!(lines.iter().all(|line| line.contains("Z  WARN cannot")), "{lines:?}");
    assert!(!lines[0].contains(" repeated=") && lines[1].ends_with(" repeated=2"), "{lines:?}");
}

#[test]
fn a_panic_is_an_event_like_others() {
    const AGAIN: &str = "FOREBAY_TEST_PANICS";
    if std::env::var_os(AGAIN).is_some() {
        let json = LogOptions { format: LogFormat::Json, ..LogOptions::default() };
        let _logs = Logs::start(&Options { logs: json, ..Options::default() }, None).unwrap();
        let thread = std::thread::Builder::new().name("ill-fated".to_owned());
        assert!(thread.spawn(|| panic!("for the\ntest")).unwrap().join().is_err());
        return;
    }
    // In a process of its own, for what is said of a panic is said for a whole process.
    let mut again = Command::new(std::env::current_exe().unwrap());
    let again =
        again.args(["--exact", "logs::a_panic_is_an_event_like_others"]).env(AGAIN, "1").output().unwrap();
    let stderr = String::from_utf8(again.stderr).unwrap();
    let [panic] = events(&stderr).try_into().unwrap();
    assert_eq!((&panic["level"], &panic["message"]), (&"error".into(), &"a thread panicked".into()));
    assert_eq!(
        (&panic["fields"]["thread"], &panic["fields"]["reason"]),
        (&"ill-fated".into(), &"for the\ntest".into())
    );
    assert!(panic["fields"]["place"].as_str().unwrap().starts_with("tests/end_to_end/logs.rs:"), "{panic}");
}

/// What a start says that fails, to a file that it takes for journald's if the test says so.
fn failing_start(folder: &Path, is_journal: bool, environment: &[(&str, &str)]) -> String {
    fs::write(folder.join("file"), "no folder").unwrap();
    fs::write(folder.join("forebay.yaml"), "data_dir: file/data\n").unwrap();
    let output = folder.join("stderr");
    let file = File::create(&output).unwrap();
    let named = file.metadata().unwrap();
    let inode = if is_journal { named.ino() } else { 0 };
    let status = Command::new(env!("CARGO_BIN_EXE_forebay"))
        .current_dir(folder)
        .env_clear()
        .envs(
            ["FOREBAY_RECEIVE_GRPC", "FOREBAY_RECEIVE_HTTP", "FOREBAY_ADMIN_LISTEN"]
                .map(|key| (key, "127.0.0.1:0")),
        )
        .env("JOURNAL_STREAM", format!("{}:{inode}", named.dev()))
        .envs(environment.iter().copied())
        .stderr(file)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
    fs::read_to_string(output).unwrap()
}

#[test]
fn journald_gets_priorities_and_no_times() {
    let folder = tempfile::tempdir().unwrap();
    let said = failing_start(folder.path(), true, &[]);
    let expected = "<6>the configuration was read files=forebay.yaml\n<3>cannot create the data folder file/data (data_dir)";
    assert!(said.starts_with(expected), "{said}");

    let said = failing_start(folder.path(), false, &[]);
    assert!(said.contains("Z  INFO the configuration was read files=forebay.yaml\n"), "{said}");
    assert!(said.contains("\nforebay: cannot create the data folder"), "for people as it was: {said}");

    let said = failing_start(folder.path(), true, &[("FOREBAY_TELEMETRY_LOGS_FORMAT", "json")]);
    let events = events(&said);
    assert_eq!(events[0]["fields"]["files"], "forebay.yaml");
    assert_eq!(events.last().unwrap()["level"], "error", "why it ended is found among the lines: {said}");
}

#[test]
fn the_level_is_that_of_the_configuration_unless_the_environment_has_another() {
    let folder = tempfile::tempdir().unwrap();
    let level = "FOREBAY_TELEMETRY_LOGS_LEVEL";
    for (environment, is_told) in [
        (&[][..], true),
        (&[(level, "warn")], false),
        (&[(level, "warn"), ("FOREBAY_LOG", "")], false),
        (&[(level, "warn"), ("FOREBAY_LOG", "info")], true),
        (&[(level, "info"), ("FOREBAY_LOG", "error")], false),
        (&[(level, "warn,forebay::cli=info")], true),
    ] {
        let said = failing_start(folder.path(), false, environment);
        assert_eq!(said.contains("the configuration was read"), is_told, "{environment:?}: {said}");
    }
    let refused = forebay(folder.path(), &[], &[(level, "loud")]);
    assert!(refused.stderr.contains("telemetry.logs.level is `loud`; it must be error, warn"), "{refused:?}");
}
