//! The binary, as a person or a script meets it.
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::process::{Command, Output};
use std::sync::Arc;

use forebay::disk::{Budget, Disk, RealDisk};
use forebay::log::{self, Place, SegmentId, Stepwise};
use forebay::otlp::Signal;
use forebay::receive::Export;
use forebay::units::ByteSize;
use tempfile::TempDir;

#[path = "support/ports.rs"]
mod ports;
use ports::unused_address;

/// Runs forebay in an empty folder, with nothing in its environment.
fn forebay(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .env("FOREBAY_LOG_SEAL_AFTER", "1m")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn check_says_where_settings_come_from() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("forebay.yaml"), "admin:\n  listen: off\n").unwrap();
    let output = forebay(&folder, &["check", "--changed", "--to", "s3://bucket", "--data-dir", "/data"]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(
        text(&output.stdout),
        "\
KEY             VALUE        FROM
data_dir        /data        --data-dir
log.seal_after  1m           FOREBAY_LOG_SEAL_AFTER
upload.to       s3://bucket  --to
admin.listen    off          forebay.yaml:2

The configuration is right. File: forebay.yaml. Settings made: 4.
"
    );
    assert!(output.status.success());
}

#[test]
fn check_refuses_what_is_wrong() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("other.yaml"), "admin:\n  listne: off\n").unwrap();
    let output = forebay(&folder, &["check", "--config", "other.yaml"]);
    assert_eq!(
        text(&output.stderr),
        "forebay: the configuration is wrong:\n  other.yaml:2: admin.listne is not a setting; did you mean \
         admin.listen?\n"
    );
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
}

#[test]
fn status_and_flush_say_when_nothing_runs() {
    let folder = TempDir::new().unwrap();
    let address = unused_address().to_string();
    for (command, code) in [("status", 2), ("flush", 1)] {
        let output = forebay(&folder, &[command, "--admin", &address]);
        let said = text(&output.stderr);
        assert!(said.contains(&format!("nothing listens on {address}: is forebay running?")), "{said}");
        assert_eq!(output.status.code(), Some(code), "{command}");
    }
}

#[test]
fn a_setting_that_a_command_does_not_take_is_refused() {
    let folder = TempDir::new().unwrap();
    let output = forebay(&folder, &["--to", "s3://bucket", "status"]);
    assert_eq!(text(&output.stderr), "forebay: `forebay status` does not take --to\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn drain_does_not_say_that_nothing_is_left_while_a_segment_cannot_be_packed() {
    let folder = TempDir::new().unwrap();
    let place = Place {
        folder: folder.path().join("data/log"),
        aside: folder.path().join("data/damaged"),
        writer: 7,
        packing: r#"{"rows":"wide"}"#.to_owned(),
        at_least: SegmentId(1),
    };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let options = log::Options {
        free_space_floor: ByteSize(0),
        segment_bytes: ByteSize::mib(1),
        ..log::Options::default()
    };
    let mut log = Stepwise::open(&disk, place, &options, &Budget::new(1 << 30)).unwrap();
    log.append(&[Export::of(Signal::Logs, 1, vec![0x0a, 4, 0x12, 2, 0x12, 0].into())], 1).unwrap();
    log.seal();
    drop(log);

    let output = forebay(&folder, &["drain", "--data-dir", "data", "--wait", "1s"]);
    let said = text(&output.stdout);
    assert!(said.starts_with("delivered 0 objects; 1 segment left in data: "), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn drain_does_not_take_a_folder_that_is_not_there_for_an_empty_one() {
    let folder = TempDir::new().unwrap();
    let output = forebay(&folder, &["drain", "--data-dir", "dtaa"]);
    assert_eq!(text(&output.stderr), "forebay: there is no data folder dtaa (data_dir)\n");
    assert_eq!(output.status.code(), Some(1));
}
