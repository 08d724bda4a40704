//! Lists of what was delivered, over kills of the program, and notices of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::admin::flush;
use crate::bucket;
use crate::numbers::send_all;
use crate::settings::Settings;
use crate::support::program::{Program, bucket as bucket_of, data, forebay};
use crate::support::sink::{Mood, Sink};

#[tokio::test(flavor = "multi_thread")]
async fn drain_completes_the_lists_of_what_was_delivered_over_kills() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(Mood::Refuses(503)).await;
    let settings = Settings::small()
        .with("UPLOAD_RECEIPTS_HOURLY", "true")
        .with("UPLOAD_RECEIPTS_WEBHOOK_URL", &sink.url)
        .with("UPLOAD_RECEIPTS_WEBHOOK_HEADERS", "Authorization=Bearer hunter2");
    for life in 0..3 {
        let program = Program::start(folder.path(), &settings.environment());
        send_all(&program, life * 10..life * 10 + 10).await;
        if life < 2 {
            flush(&program).await;
        }
        let said = program.kill();
        assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
    }
    let in_vain = forebay(folder.path(), &["drain", "--wait", "1s"], &settings.environment());
    assert_eq!(in_vain.code, Some(1), "{in_vain:?}");
    assert!(in_vain.stdout.contains("receipts left in ./forebay-data: what was logged"), "{in_vain:?}");
    sink.set_mood(Mood::Takes(200));
    let drained = forebay(folder.path(), &["drain"], &settings.environment());
    assert_eq!(drained.code, Some(0), "{}", drained.stderr);

    let all = bucket::in_folder(&bucket_of(folder.path()));
    let (lists, objects): (Vec<_>, Vec<_>) = all.iter().partition(|(key, _)| key.starts_with("receipts/"));
    let lines: Vec<Value> = lists
        .iter()
        .flat_map(|(_, list)| std::str::from_utf8(list).unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut listed: Vec<&str> = lines.iter().map(|line| line["key"].as_str().unwrap()).collect();
    listed.sort_unstable();
    assert_eq!(listed, objects.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), "each once");
    assert!(objects.len() >= 3, "{objects:?}");
    let key = |post: &Value| post["Records"][0]["s3"]["object"]["key"].as_str().unwrap().replace("%3D", "=");
    let told: BTreeSet<String> = sink.taken().iter().map(|post| key(&post.json)).collect();
    assert_eq!(told.iter().map(String::as_str).collect::<Vec<_>>(), listed);
    let left = bucket::in_folder(&data(folder.path()).join("receipts"));
    assert!(left.is_empty(), "{:?}", left.keys());
}
