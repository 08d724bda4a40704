//! What is told of how it is doing: in an outage, after it, and over restarts and kills.

use forebay::admin::{Condition, History, Settings as Configuration, Status};

use crate::admin::{flush, get, until};
use crate::numbers::send_all;
use crate::settings::Settings;
use crate::support::program::{Program, Said, data, forebay};
use crate::support::s3::{FakeS3, Fault};

async fn status(program: &Program) -> Status {
    serde_json::from_str(&get(program.admin(), "/status").await.1).unwrap()
}

async fn history(program: &Program) -> History {
    serde_json::from_str(&get(program.admin(), "/history?points=1440").await.1).unwrap()
}

fn sum(values: &[Option<u64>]) -> u64 {
    values.iter().flatten().sum()
}

/// What the command says of a running program.
fn command(program: &Program, folder: &tempfile::TempDir) -> Said {
    forebay(folder.path(), &["status", "--json", "--admin", &program.admin().to_string()], &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_with_the_stores_words_and_is_over_when_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = FakeS3::start().await;
    let settings = Settings::small().with("UPLOAD_FINISH_WITHIN", "0s").with_store(&store);
    let settings = settings.environment();
    let program = Program::start(folder.path(), &settings);
    let begun = status(&program).await;
    assert_eq!((begun.condition, begun.reasons), (Condition::Fine, Vec::new()));
    assert_eq!((begun.writer.len(), begun.queue.seconds_until_drained), (8, Some(0)));

    store.poison("", Fault::Answer(503, "SlowDown"));
    send_all(&program, 0..9).await;
    let report = program.client().flush(forebay::units::Span::seconds(1)).await.unwrap();
    assert!(!report.complete);
    until("a second attempt", async || {
        status(&program).await.objects.retrying.iter().any(|object| object.attempts >= 2)
    })
    .await;
    let told = status(&program).await;
    assert_eq!(told.condition, Condition::Degraded);
    assert!(told.reasons[0].starts_with("nothing is delivered, for "), "{:?}", told.reasons);
    assert!(told.reasons[0].contains("SlowDown"), "{:?}", told.reasons);
    let retried = &told.objects.retrying[0];
    assert!(retried.last_error.as_ref().unwrap().message.contains("SlowDown"), "{retried:?}");
    assert_eq!((retried.output.as_str(), retried.items), ("main", 9), "{retried:?}");
    assert_eq!((told.received.requests.acknowledged, told.received.items.total()), (9, 9));
    assert!(told.received.tenants.is_empty() && told.commit.groups >= 1, "{told:?}");
    assert_eq!(told.queue.seconds_until_drained, None, "it does not drain");
    let said = command(&program, &folder);
    assert_eq!(said.code, Some(1), "{said:?}");

    // What was tried is known to the next start, from the ledger.
    assert_eq!(program.terminate().code, Some(0));
    let program = Program::start(folder.path(), &settings);
    assert!(status(&program).await.objects.retrying[0].attempts >= 2);
    store.heal();
    flush(&program).await;
    let told = status(&program).await;
    assert_eq!((told.condition, &told.reasons), (Condition::Fine, &Vec::new()));
    assert!(told.objects.retrying.is_empty(), "{:?}", told.objects);
    let delivered = &told.objects.delivered[0];
    assert!(delivered.attempts >= 3 && delivered.items == 9 && delivered.at.is_some(), "{delivered:?}");
    assert_eq!(command(&program, &folder).code, Some(0));
    assert_eq!(program.terminate().code, Some(0));

    let again = Program::start(folder.path(), &settings);
    let remembered = status(&again).await;
    assert_eq!(remembered.objects.delivered[0].key, delivered.key, "a restart remembers it");
    assert_eq!(remembered.writer, told.writer);
    let running = status(&again).await.writer;
    assert_eq!(again.terminate().code, Some(0));
    let stopped = forebay(folder.path(), &["status", "--json", "--admin", "127.0.0.1:1"], &settings);
    assert_eq!(stopped.code, Some(2), "{stopped:?}");
    let stopped: Status = serde_json::from_str(&stopped.stdout).unwrap();
    assert_eq!((stopped.condition, stopped.writer), (Condition::Refusing, running));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_outlasts_a_restart_and_a_kill_and_a_file_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::small();
    let program = Program::start(folder.path(), &settings.environment());
    send_all(&program, 0..5).await;
    let noted = async |program: &Program, items: u64| {
        until("the history", async || sum(&history(program).await.series.received_items) == items).await;
    };
    noted(&program, 5).await;
    program.kill();

    let program = Program::start(folder.path(), &settings.environment());
    assert_eq!(sum(&history(&program).await.series.received_items), 5, "a kill");
    send_all(&program, 5..12).await;
    // The end notes what came since it was last noted.
    assert_eq!(program.terminate().code, Some(0));
    let program = Program::start(folder.path(), &settings.environment());
    let told = history(&program).await;
    assert_eq!((told.step_seconds, told.series.received_items.len()), (60, 1440));
    assert_eq!(sum(&told.series.received_items), 12, "a restart");
    assert_eq!(sum(&told.series.delivered_items), 12);
    assert!(told.series.commit_p99_seconds.iter().flatten().any(|seconds| *seconds > 0.0));
    assert_eq!(told.series.received_items[0], None, "nothing ran then");
    assert_eq!(program.terminate().code, Some(0));

    std::fs::write(data(folder.path()).join("history"), "no history").unwrap();
    let program = Program::start(folder.path(), &settings.environment());
    assert_eq!(sum(&history(&program).await.series.received_items), 0);
    let said = program.terminate();
    assert_eq!(said.code, Some(0));
    assert!(said.stderr.contains("the history of the last day begins anew"), "{}", said.stderr);
}

#[tokio::test]
async fn the_configuration_is_told_with_its_origins_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("forebay.yaml"), "log:\n  seal_after: 7m\n").unwrap();
    let settings = Settings::small().with_dead_store();
    let environment = settings.environment();
    let environment: Vec<_> =
        environment.into_iter().filter(|(name, _)| *name != "FOREBAY_LOG_SEAL_AFTER").collect();
    let program = Program::start(folder.path(), &environment);
    let (code, body) = get(program.admin(), "/config").await;
    assert!(code == 200 && !body.contains("hunter2"), "{body}");
    let told: Configuration = serde_json::from_str(&body).unwrap();
    let setting = |key: &str| {
        let found = told.settings.iter().find(|setting| setting.key == key).unwrap();
        (found.value.as_str(), found.origin.as_str(), found.changed)
    };
    assert_eq!(setting("log.seal_after"), ("7m", "file forebay.yaml, line 2", true));
    assert_eq!(setting("log.disk_budget"), ("10GiB", "default", false));
    let secret = "upload.s3.secret_access_key";
    let origin = "environment variable FOREBAY_UPLOAD_S3_SECRET_ACCESS_KEY";
    assert_eq!(setting(secret), ("***", origin, true));
}
