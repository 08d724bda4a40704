//! A full disk budget: clients are told to come back, or the oldest data is dropped and every item of it counted.

use std::time::{Duration, Instant};

use forebay::admin::Condition;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::admin::{flush, get, metrics, sum, until};
use crate::bucket;
use crate::client::{Answer, over_http2};
use crate::numbers::{self, Over, assert_each_once, is_acknowledged, send};
use crate::settings::Settings;
use crate::support::program::{Program, forebay};
use crate::support::s3::{FakeS3, Fault};

/// Bytes of a record: some eighty fill the budget.
const RECORD: usize = 100_000;

/// More records than the budget has room for.
const TOO_MANY: i64 = 200;

/// A small budget, and a store that takes nothing.
async fn scene() -> (tempfile::TempDir, FakeS3, Settings) {
    let store = FakeS3::start().await;
    store.poison("", Fault::Answer(503, "SlowDown"));
    let settings = Settings::small()
        .with("RECEIVE_MAX_REQUEST_BYTES", "1MiB")
        .with("LOG_DISK_BUDGET", "8MiB")
        .with("OBJECTS_FORMAT", "otlp_proto")
        .with("OBJECTS_COMPRESSION", "none")
        .with_store(&store);
    (tempfile::tempdir().unwrap(), store, settings)
}

/// Sends until a client is told to come back. Returns the number that was refused, the answer, and the time it took.
async fn send_until_refused(program: &Program, over: Over, first: i64) -> (i64, Answer, Duration) {
    for number in first..first + TOO_MANY {
        let began = Instant::now();
        let answer = send(program, over, number, RECORD).await;
        if !is_acknowledged(over, &answer) {
            return (number, answer, began.elapsed());
        }
    }
    panic!("the budget is never used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_budget_makes_clients_come_back_until_there_is_room() {
    let (folder, store, settings) = scene().await;
    let settings = settings.with("RECEIVE_HOLD_BEFORE_REFUSING", "300ms");
    let program = Program::start(folder.path(), &settings.environment());

    let (refused, answer, took) = send_until_refused(&program, Over::Grpc, 0).await;
    let status = answer.grpc_status();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let retry = status.get_details_retry_info().expect("it says when to come back").retry_delay.unwrap();
    assert!((1..=2).contains(&retry.as_secs()) && took >= Duration::from_millis(300), "{retry:?} {took:?}");
    for over in [Over::HttpProtobuf, Over::HttpJson] {
        let began = Instant::now();
        let answer = send(&program, over, refused, RECORD).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(matches!(answer.header("retry-after"), Some("1" | "2")), "{answer:?}");
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
        let (code, message, _) = answer.rpc_status();
        assert_eq!(code, i64::from(i32::from(Code::Unavailable)));
        assert!(message.contains("disk budget is used up"), "{message}");
    }

    let (status, why) = get(program.admin(), "/readyz").await;
    assert_eq!(status, 503, "{why}");
    assert!(why.starts_with("not ready: no room on disk: "), "{why}");
    assert!(why.contains("log.disk_budget") && why.contains("SlowDown"), "{why}");
    assert_eq!(get(program.admin(), "/").await.0, 200);
    let admin = program.admin().to_string();
    let said = forebay(folder.path(), &["status", "--admin", &admin], &[]);
    assert_eq!(said.code, Some(2));
    assert!(said.stdout.contains("taking in      NO: no room on disk"), "{}", said.stdout);
    assert!(said.stdout.contains("delivering     NO, for"), "{}", said.stdout);
    let told = program.client().status().await.unwrap();
    assert_eq!(told.condition, Condition::Refusing);
    assert!(told.reasons[0].starts_with("no room on disk: "), "{:?}", told.reasons);
    assert!(told.reasons.iter().any(|reason| reason.contains(" % of log.disk_budget are used")), "{told:?}");
    assert!(told.received.requests.refused >= 3 && told.received.requests.rejected == 0, "{told:?}");
    let refusals = metrics(&program).await;
    let reason = "reason=\"disk_full\"";
    let labels = ["signal=\"logs\"", reason];
    assert!(sum(&refusals, "forebay_receive_refused_requests_total", &labels) >= 3.0);
    assert!(sum(&refusals, "forebay_receive_refused_items_total", &labels) >= 3.0);

    store.heal();
    until("room", async || get(program.admin(), "/readyz").await.0 == 200).await;
    // What was refused is sent again, and much more than the budget besides.
    for number in refused..refused + TOO_MANY {
        let over = Over::ALL[usize::try_from(number).unwrap() % 3];
        until("an acknowledgement", async || {
            is_acknowledged(over, &send(&program, over, number, RECORD).await)
        })
        .await;
    }
    flush(&program).await;
    let said = forebay(folder.path(), &["status", "--admin", &admin], &[]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert_eq!(program.client().status().await.unwrap().condition, Condition::Fine);
    assert_eq!(program.terminate().code, Some(0));
    assert_each_once(0..refused + TOO_MANY, &bucket::decoded(&bucket::in_store(&store)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_held_is_acknowledged_when_room_appears() {
    let (folder, store, settings) = scene().await;
    let settings = settings.with("RECEIVE_HOLD_BEFORE_REFUSING", "60s");
    let program = Program::start(folder.path(), &settings.environment());
    let mut refused = None;
    for number in 0..TOO_MANY {
        // Held for no longer than its own deadline, less a second.
        let mut request = numbers::request(Over::Grpc, number, RECORD);
        request.headers_mut().insert("grpc-timeout", "1300m".parse().unwrap());
        let answer = over_http2(program.grpc(), request).await;
        if !is_acknowledged(Over::Grpc, &answer) {
            refused = Some(number);
            break;
        }
    }
    let refused = refused.expect("the budget is never used up");
    let holding = async { send(&program, Over::Grpc, refused, RECORD).await };
    let healing = async {
        until("a held call", async || {
            sum(&metrics(&program).await, "forebay_receive_held_calls", &[]) >= 1.0
        })
        .await;
        store.heal();
    };
    let (answer, ()) = tokio::join!(holding, healing);
    assert!(is_acknowledged(Over::Grpc, &answer), "{answer:?}");
    flush(&program).await;
    assert_each_once(0..=refused, &bucket::decoded(&bucket::in_store(&store)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_for_room_is_counted_to_the_last_item() {
    let (folder, store, settings) = scene().await;
    let settings = settings.with("LOG_WHEN_FULL", "drop_oldest");
    let program = Program::start(folder.path(), &settings.environment());
    for number in 0..2 * TOO_MANY {
        until("an acknowledgement", async || {
            is_acknowledged(Over::Grpc, &send(&program, Over::Grpc, number, RECORD).await)
        })
        .await;
    }
    store.heal();
    flush(&program).await;

    let delivered = numbers::found(&bucket::decoded(&bucket::in_store(&store)));
    assert!(delivered.values().all(|times| *times == 1), "{delivered:?}");
    assert!(delivered.keys().all(|number| (0..2 * TOO_MANY).contains(number)), "{delivered:?}");
    let dropped = program.client().status().await.unwrap().losses.dropped_items;
    assert!(dropped.logs > 0 && (dropped.metrics, dropped.traces) == (0, 0), "{dropped:?}");
    assert_eq!(delivered.len() as u64 + dropped.logs, 2 * TOO_MANY.unsigned_abs(), "{dropped:?}");
    // The oldest went: the newest are all there.
    let newest = delivered.keys().rev().zip((0..2 * TOO_MANY).rev()).take(10);
    assert!(newest.into_iter().all(|(number, expected)| *number == expected), "{delivered:?}");

    let metrics = metrics(&program).await;
    let labels = ["signal=\"logs\"", "reason=\"disk_budget\""];
    let counted = sum(&metrics, "forebay_upload_dropped_items_total", &labels);
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let dropped = dropped.logs as f64;
    assert!((counted - dropped).abs() < 0.5, "{counted} {dropped}");
    let said = forebay(folder.path(), &["status", "--admin", &program.admin().to_string()], &[]);
    assert!(said.stdout.contains("items dropped, as log.when_full says"), "{}", said.stdout);
}

#[tokio::test]
async fn a_disk_without_the_free_space_it_shall_keep_is_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::small().with("LOG_FREE_SPACE_FLOOR", "1000000GiB");
    let said = Program::try_start(folder.path(), &settings.environment()).unwrap_err();
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("forebay: no room for a segment of 1048576 bytes"), "{}", said.stderr);
    assert!(said.stderr.contains("log.free_space_floor keeps 1073741824000000"), "{}", said.stderr);
}
