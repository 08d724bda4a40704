//! The real binary, from a client to the bucket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

use forebay::units::Span;
use support::program::{Program, data, forebay};

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_answers_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let status = program.client().status().await.unwrap();
    let addresses: Vec<_> = status.listeners.iter().map(|listener| listener.address.clone()).collect();
    assert_eq!(
        addresses,
        [program.grpc(), program.http(), program.admin()].map(|address| address.to_string())
    );
    assert!(program.client().flush(Span::seconds(60)).await.unwrap().complete);

    // The folder is in use.
    let second = Program::try_start(folder.path(), &[]).unwrap_err();
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("another forebay uses the data folder"), "{}", second.stderr);

    let said = program.terminate();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(data(folder.path()).join("lock").exists());
    let verified = forebay(folder.path(), &["verify", "--quiet"], &[]);
    assert_eq!((verified.code, verified.stdout.as_str()), (Some(0), "every checksum is right\n"));

    let said = Program::start(folder.path(), &[]).kill();
    assert_eq!(said.code, None, "a signal has no code");
}
