//! `forebay cat`: what was written, printed as it was sent.

use std::fs;
use std::path::Path;

use forebay::otlp::Signal;
use forebay::units::Span;

use crate::admin::{flush, until};
use crate::bucket::{self, Objects};
use crate::decoded::Decoded;
use crate::items::{assert_same, items};
use crate::sent;
use crate::settings::Settings;
use crate::support::program::{Program, bucket as bucket_of, forebay};

/// The requests in what was printed.
fn requests(printed: &str) -> Vec<Decoded> {
    let request = |line: &str| {
        let signal = match &line[..line.find(':').unwrap()] {
            "{\"resourceLogs\"" => Signal::Logs,
            "{\"resourceMetrics\"" => Signal::Metrics,
            "{\"resourceSpans\"" => Signal::Traces,
            other => panic!("{other} begins no request"),
        };
        Decoded::from_json(signal, line.as_bytes()).unwrap()
    };
    printed.lines().map(request).collect()
}

/// Everything that Claude Code was seen to send, delivered with these settings into the folder's bucket.
async fn delivered(folder: &Path, settings: &Settings) -> Vec<Decoded> {
    let program = Program::start(folder, &settings.environment());
    let all = sent::all();
    for sent in &all {
        sent.send(if sent.is_grpc() { program.grpc() } else { program.http() }).await;
    }
    flush(&program).await;
    assert_eq!(program.terminate().code, Some(0));
    all.iter().map(sent::Sent::decoded).collect()
}

#[tokio::test]
async fn objects_of_every_format_are_printed_as_they_were_sent() {
    for format in ["otlp_jsonl", "otlp_json", "otlp_proto", "parquet", "jsonl", "csv"] {
        for compression in ["gzip", "zstd", "none"] {
            let folder = tempfile::tempdir().unwrap();
            let settings = Settings::small()
                .with("OBJECTS_FORMAT", format)
                .with("OBJECTS_COMPRESSION", compression)
                .with("RECEIVE_RESEND_WINDOW", "0s");
            let sent = delivered(folder.path(), &settings).await;
            let root = bucket_of(folder.path());
            for place in [root.to_str().unwrap().to_owned(), format!("file://{}", root.display())] {
                let said = forebay(folder.path(), &["cat", &place], &[]);
                assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{format} {compression}");
                assert_same(&items(&sent), &items(&requests(&said.stdout)));
            }
            let said = forebay(folder.path(), &["cat", root.to_str().unwrap(), "--signal", "metrics"], &[]);
            let metrics: Vec<_> =
                sent.into_iter().filter(|request| request.signal() == Signal::Metrics).collect();
            assert_same(&items(&metrics), &items(&requests(&said.stdout)));
            let said = forebay(folder.path(), &["cat", root.to_str().unwrap(), "--limit", "1"], &[]);
            assert_eq!((said.code, said.stdout.lines().count()), (Some(0), 1));
        }
    }
}

#[tokio::test]
async fn a_data_folder_is_printed_with_its_log_and_with_what_was_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::small()
        .with_dead_store()
        .with("OBJECTS_FORMAT", "otlp_proto")
        .with("UPLOAD_FINISH_WITHIN", "0s");
    let program = Program::start(folder.path(), &settings.environment());
    let all = sent::all();
    for (number, sent) in all.iter().enumerate() {
        sent.send(if sent.is_grpc() { program.grpc() } else { program.http() }).await;
        if number == all.len() / 2 {
            program.client().flush(Span::seconds(0)).await.unwrap();
            until("objects", async || program.client().status().await.unwrap().queue.objects > 0).await;
        }
    }
    program.kill();
    let said = forebay(folder.path(), &["cat", "forebay-data"], &[]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let sent: Vec<_> = all.iter().map(sent::Sent::decoded).collect();
    assert_same(&items(&sent), &items(&requests(&said.stdout)));
}

#[tokio::test]
async fn what_cannot_be_printed_is_told_by_name_and_the_rest_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let sent = delivered(folder.path(), &Settings::small().with("RECEIVE_RESEND_WINDOW", "0s")).await;
    let root = bucket_of(folder.path());
    let objects: Objects = bucket::in_folder(&root);
    let (cut, bytes) = objects.iter().find(|(key, _)| key.starts_with("logs/")).unwrap();
    fs::write(root.join(cut), &bytes[..bytes.len() - 20]).unwrap();
    fs::write(root.join("notes.txt"), "nothing of forebay's").unwrap();
    let said = forebay(folder.path(), &["cat", root.to_str().unwrap()], &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains(&format!("{cut}: it is cut off")), "{}", said.stderr);
    let whole = sent.iter().filter(|request| request.signal() != Signal::Logs);
    let printed = requests(&said.stdout);
    let printed = printed.iter().filter(|request| request.signal() != Signal::Logs);
    assert_same(&items(whole), &items(printed));

    let rows = tempfile::tempdir().unwrap();
    delivered(rows.path(), &Settings::small().with("OBJECTS_FORMAT", "parquet")).await;
    let root = bucket_of(rows.path());
    for (key, bytes) in bucket::in_folder(&root) {
        fs::write(root.join(key), &bytes[..bytes.len() - 1]).unwrap();
    }
    fs::write(root.join("other.jsonl"), "{\"name\":\"nobody\"}\n").unwrap();
    let said = forebay(rows.path(), &["cat", root.to_str().unwrap()], &[]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(
        said.stderr.contains(".parquet: Parquet error: Invalid Parquet file. Corrupt footer"),
        "{}",
        said.stderr
    );
    let other = "other.jsonl: it holds JSON that is neither OTLP nor forebay's rows";
    assert!(said.stderr.contains(other), "{}", said.stderr);
    let said = forebay(rows.path(), &["cat", "nowhere"], &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("cannot read nowhere"), "{}", said.stderr);
}
