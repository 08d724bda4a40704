//! Several outputs of one log: each has everything once, and none waits for another.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use forebay::units::Span;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;

use crate::admin::{flush, metrics, sum, until};
use crate::bucket::{self, Objects};
use crate::items::{assert_same, items};
use crate::numbers::{assert_each_once, send_all};
use crate::sent;
use crate::settings::Settings;
use crate::support::program::{Program, bucket as bucket_of, forebay};

/// Rows for analysts, and an archive.
const ROWS_AND_ARCHIVE: &str = "
objects: { prefix: rows }
outputs:
  lines: { objects: { format: jsonl, prefix: lines } }
  archive: { objects: { format: otlp_proto, compression: zstd, prefix: archive } }
";

fn settings() -> Settings {
    Settings::small().with("OBJECTS_FORMAT", "parquet").with("UPLOAD_FINISH_WITHIN", "0s")
}

/// The objects under a prefix.
fn under(objects: &Objects, prefix: &str) -> Objects {
    let of_prefix =
        |(key, bytes): (&String, &Vec<u8>)| Some((key.strip_prefix(prefix)?.to_owned(), bytes.clone()));
    objects.iter().filter_map(of_prefix).collect()
}

/// The ids of all rows of Parquet objects.
fn ids_in_parquet(objects: &Objects) -> Vec<String> {
    let ids = |bytes: &Vec<u8>| {
        let reader = SerializedFileReader::new(Bytes::from(bytes.clone())).unwrap();
        reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().get_string(0).unwrap().clone())
            .collect::<Vec<_>>()
    };
    objects.values().flat_map(ids).collect()
}

/// The ids of all rows of JSON lines.
fn ids_in_lines(objects: &Objects) -> Vec<String> {
    let lines = objects.iter().map(|(key, bytes)| String::from_utf8(bucket::unpacked(key, bytes).1).unwrap());
    let id = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    lines.flat_map(|text| text.lines().map(id).collect::<Vec<_>>()).collect()
}

fn each_once(ids: &[String]) -> BTreeSet<&String> {
    let set: BTreeSet<_> = ids.iter().collect();
    assert_eq!(set.len(), ids.len(), "no id is there twice");
    set
}

#[tokio::test]
async fn each_output_has_every_item_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("forebay.yaml"), ROWS_AND_ARCHIVE).unwrap();
    let program = Program::start(folder.path(), &settings().environment());
    let sent = sent::all();
    for request in &sent {
        request.send(program.http()).await;
    }
    flush(&program).await;
    let status = program.client().status().await.unwrap();
    let named: Vec<_> = status.outputs.iter().map(|output| (output.name.as_str(), output.objects)).collect();
    assert_eq!(named, [("archive", 0), ("lines", 0), ("main", 0)]);
    assert_eq!(program.terminate().code, Some(0));

    let objects = bucket::in_folder(&bucket_of(folder.path()));
    let sent: Vec<_> = sent.iter().map(sent::Sent::decoded).collect();
    assert_same(&items(&sent), &items(&bucket::decoded(&under(&objects, "archive/"))));
    let (rows, lines) = (under(&objects, "rows/"), under(&objects, "lines/"));
    let (rows, lines) = (ids_in_parquet(&rows), ids_in_lines(&lines));
    assert_eq!(rows.len(), items(&sent).len());
    assert_eq!(each_once(&rows), each_once(&lines), "a row has one id in every output");

    // Another start adds nothing, an object that shows the columns least of all.
    let schema_objects = objects.keys().filter(|key| key.contains("/date=1970-01-01/hour=00/"));
    assert_eq!(schema_objects.count(), 3);
    let program = Program::start(folder.path(), &settings().environment());
    flush(&program).await;
    program.terminate();
    assert_eq!(bucket::in_folder(&bucket_of(folder.path())), objects);
    // Also without the ledger, and by a data folder that is new.
    for gone in ["forebay-data/catalog", "forebay-data/writer"] {
        let path = folder.path().join(gone);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        let program = Program::start(folder.path(), &settings().environment());
        flush(&program).await;
        program.terminate();
        assert_eq!(bucket::in_folder(&bucket_of(folder.path())), objects, "without {gone}");
    }
}

/// Configures an archive in this folder.
fn with_archive(folder: &Path, archive: &Path) {
    let yaml = format!(
        "outputs: {{ archive: {{ objects: {{ prefix: archive }}, upload: {{ to: 'file://{}' }} }} }}\n",
        archive.display()
    );
    fs::write(folder.join("forebay.yaml"), yaml).unwrap();
}

#[tokio::test]
async fn an_output_that_fails_holds_up_no_other_and_keeps_what_it_has_when_it_is_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let no_folder = folder.path().join("file");
    fs::write(&no_folder, "").unwrap();
    with_archive(folder.path(), &no_folder);
    let settings = Settings::small().with("UPLOAD_FINISH_WITHIN", "0s");
    let program = Program::start(folder.path(), &settings.environment());
    send_all(&program, 0..20).await;
    let report = program.client().flush(Span::seconds(1)).await.unwrap();
    assert!(!report.complete, "{report:?}");
    assert!(report.remaining.unwrap().contains("output archive: cannot make the folder"), "it says which");
    let in_main = || bucket::decoded(&bucket::in_folder(&bucket_of(folder.path())));
    assert_each_once(0..20, &in_main());
    let told = metrics(&program).await;
    assert!(sum(&told, "forebay_upload_queue_objects", &["output=\"archive\""]) >= 1.0);
    assert!(sum(&told, "forebay_upload_queue_objects", &["output=\"main\""]) < 0.5);
    program.kill();

    // The line is gone; the data is not.
    fs::remove_file(folder.path().join("forebay.yaml")).unwrap();
    let program = Program::start(folder.path(), &settings.environment());
    send_all(&program, 20..30).await;
    assert!(!program.client().flush(Span::seconds(1)).await.unwrap().complete);
    assert_each_once(0..30, &in_main());
    let status = program.client().status().await.unwrap();
    let waiting = status.outputs.iter().find(|output| output.name == "archive").unwrap();
    let why = &waiting.delivery.last_error.as_ref().unwrap().message;
    assert!(waiting.objects >= 1 && why.contains("bring outputs.archive back"), "{waiting:?}");
    let said = forebay(folder.path(), &["status"], &[("FOREBAY_ADMIN_LISTEN", &program.admin().to_string())]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("bring outputs.archive back"), "{said:?}");
    program.terminate();

    let archive = folder.path().join("archive");
    with_archive(folder.path(), &archive);
    let program = Program::start(folder.path(), &settings.environment());
    until("the archive has its objects", || async {
        let status = program.client().status().await.unwrap();
        status.outputs.iter().all(|output| output.objects == 0)
    })
    .await;
    program.terminate();
    assert_each_once(0..20, &bucket::decoded(&bucket::in_folder(&archive)));
    assert_each_once(0..30, &in_main());
}
