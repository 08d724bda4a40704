//! Credentials that expire, and come back.

use std::path::Path;

use crate::faults::proxy::{Fault, When};
use crate::support::s3::On;

use super::super::Scenario;
use super::{AT_LAST, scene};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("credentials_that_are_no_good_for_a_while_and_a_kill_meanwhile_cost_nothing", |_| {
            no_good_for_a_while();
        }),
        Scenario::long("keys_that_are_replaced_in_the_shared_file_are_used_without_a_restart", |_| {
            replaced();
        }),
    ]
}

/// Everything is answered that the token has expired, and that the access is denied, until it is not.
fn no_good_for_a_while() {
    let scene = scene();
    let (proxy, store) = scene.line();
    for (status, code) in [(400, "ExpiredToken"), (403, "ExpiredToken"), (403, "AccessDenied")] {
        let delivered = store.objects().len();
        let rule = proxy.rule(On::Any, When::ALWAYS, Fault::Answer(status, code));
        let before = scene.start();
        scene.send(&before, 3);
        assert_eq!(before.kill().code, None);
        let after = scene.start();
        scene.send(&after, 3);
        let tried = proxy.exchanges().len() + 10;
        assert!(proxy.wait_until(AT_LAST, |exchanges| exchanges.len() > tried), "{}", after.stderr());
        assert_eq!(store.objects().len(), delivered, "{status} {code}: nothing came through");
        assert!(proxy.met(rule) > 10);
        proxy.heal();
        assert!(scene.flush(&after), "{}", after.stderr());
        assert_eq!(after.terminate().code, Some(0));
    }
    scene.settle();
}

/// A tool replaces the keys in the shared file, and the old ones end.
fn replaced() {
    let mut scene = scene();
    let file = scene.folder().join("credentials");
    scene.unset("FOREBAY_UPLOAD_S3_ACCESS_KEY_ID");
    scene.unset("FOREBAY_UPLOAD_S3_SECRET_ACCESS_KEY");
    scene.set("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    let (_, store) = scene.line();
    write_keys(&file, "FIRST");
    store.take_only_key("FIRST");
    let program = scene.start();
    scene.send(&program, 3);
    assert!(scene.flush(&program), "{}", program.stderr());
    store.take_only_key("SECOND");
    write_keys(&file, "SECOND");
    scene.send(&program, 3);
    assert!(scene.flush(&program), "{}", program.stderr());
    assert_eq!(program.terminate().code, Some(0));
    scene.settle();
}

fn write_keys(file: &Path, id: &str) {
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = secret\n");
    std::fs::write(file, text).unwrap();
}
