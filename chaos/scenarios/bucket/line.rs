//! The line to the store: refused, silent, cut, slow, or damaging what it carries.

use std::time::{Duration, Instant};

use crate::faults::proxy::{Fault, Proxy};
use crate::support::program::Program;
use crate::support::s3::{BUCKET, On};
use crate::world::admin::{get, sum};

use super::super::Scenario;
use super::{AT_LAST, delivered_through, delivers_through, scene};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("a_byte_that_the_line_changes_is_never_stored", |_| {
            delivered_through(&scene(), On::Put, 2, Fault::Flip);
        }),
        Scenario::short("a_byte_that_the_line_changes_is_never_stored_where_no_signature_covers_it", |_| {
            let mut scene = scene();
            scene.set("AWS_UNSIGNED_PAYLOAD", "true");
            delivered_through(&scene, On::Put, 1, Fault::Flip);
        }),
        Scenario::short("google_cloud_storage_behind_a_bad_line_gets_every_object_once", |_| google()),
        Scenario::short("a_connection_that_is_reset_amid_a_put_is_made_anew", |_| {
            delivered_through(&scene(), On::Put, 3, Fault::Reset);
        }),
        Scenario::short("a_store_that_reads_and_never_answers_is_given_up_and_tried_again", |_| {
            delivered_through(&scene(), On::Put, 1, Fault::BlackHole);
        }),
        Scenario::short("a_store_that_does_not_read_is_given_up_and_tried_again", |_| {
            delivered_through(&scene(), On::Put, 1, Fault::HalfOpen);
        }),
        Scenario::short("an_outage_longer_than_any_wait_and_a_restart_in_it_cost_nothing", |_| {
            away(Proxy::refuse, 25);
        }),
        Scenario::short("a_port_that_accepts_and_never_reads_is_an_outage_like_any_other", |_| {
            away(Proxy::half_open, 1);
        }),
    ]
}

/// The same store, as Google Cloud Storage is spoken to.
fn google() {
    let mut scene = scene();
    let endpoint = scene.line().0.endpoint();
    scene.set("FOREBAY_UPLOAD_TO", &format!("gs://{BUCKET}"));
    scene.set("FOREBAY_UPLOAD_GCS_ENDPOINT", &endpoint);
    scene.set("FOREBAY_UPLOAD_GCS_ALLOW_HTTP", "true");
    scene.set("FOREBAY_UPLOAD_GCS_ANONYMOUS", "true");
    let program = scene.start();
    for fault in [Fault::Flip, Fault::LoseAnswer, Fault::Answer(409, "Conflict"), Fault::Twice] {
        delivers_through(&scene, &program, On::Put, 1, fault);
    }
    assert_eq!(program.terminate().code, Some(0));
    scene.settle();
}

/// The line is away while data comes in, the program is killed and starts anew; and comes back after so many attempts
/// of each life have failed.
fn away(take_away: fn(&Proxy), attempts: u32) {
    let scene = scene();
    let (proxy, store) = scene.line();
    let before = scene.start();
    scene.send(&before, 2);
    assert!(scene.flush(&before), "{}", before.stderr());
    take_away(proxy);
    let delivered = store.objects().len();
    scene.send(&before, 5);
    assert_eq!(before.kill().code, None);
    // What the life before took in is sealed when it is read back.
    let amid = scene.start();
    scene.send(&amid, 5);
    wait_for_failures(&amid, attempts);
    assert_eq!(amid.kill().code, None);
    let after = scene.start();
    wait_for_failures(&after, attempts);
    assert_eq!(store.objects().len(), delivered, "nothing came through");
    proxy.heal();
    assert!(scene.flush(&after), "{}", after.stderr());
    assert_eq!(after.terminate().code, Some(0));
    let found = scene.settle();
    assert_eq!(found.acknowledged, 12, "{found:?}");
}

/// Waits until so many attempts to deliver have failed.
fn wait_for_failures(program: &Program, attempts: u32) {
    let began = Instant::now();
    while sum(&get(program, "/metrics").1, "forebay_upload_errors_total") < u64::from(attempts) {
        assert!(began.elapsed() < AT_LAST, "{}", program.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
}
