//! The log's disk loses, tears and delays what is written, under load from several clients.

use std::time::{Duration, Instant};

use crate::arguments::Options;
use crate::faults::interposer::{Action, Error, Interposer, Times};
use crate::support::program::Program;
use crate::world::admin::{get, sum, wait_until_not_ready, why_not_ready};
use crate::world::clients::{self, Load, Sent};
use crate::world::scene::Scene;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);
const LOAD: Load = Load { large: 6, huge: None, sends_again: true };
const SLOW: Duration = Duration::from_millis(500);

/// Syncs fail now and then, and what they should have written is gone: the next sync would say that all is well.
pub(super) fn loses_pages(options: &Options) {
    under_load(options, "log/#.segment/fdatasync/before", Action::Lose(Error::InputOutput));
}

/// Writes fail half-way.
pub(super) fn tears_writes(options: &Options) {
    under_load(options, "log/#.segment/write/before", Action::Tear(Error::InputOutput));
}

fn under_load(options: &Options, point: &str, action: Action) {
    let mut scene = Scene::with_folder();
    // A seal is a write and a sync too; what fails is to be a group.
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1h");
    let interposer = Interposer::new(&scene.data());
    let clients = scene.clients(LOAD, options.seed);
    let mut failures = 0;
    for life in 0..2 {
        let program = scene.start_with(&interposer.environment());
        clients.announce(Some(scene.life(&program)));
        for _ in 0..3 {
            let rule = interposer.rule(point, Times::once(8), action);
            assert!(interposer.wait_until_met(rule, 9, AT_LAST), "it goes on: {}", program.stderr());
            wait_for(&scene, 10, &program);
            interposer.heal();
        }
        assert_eq!(why_not_ready(&program), None, "one failure at a time does not stop it");
        failures += sum(&get(&program, "/metrics").1, "forebay_log_write_errors_total");
        clients.announce(None);
        // Once what it has is read by the process after it, once by itself.
        if life == 0 {
            program.kill();
        } else {
            assert!(scene.flush(&program), "it delivers what it could not seal");
            assert_eq!(program.terminate().code, Some(0));
        }
    }
    scene.end(clients);
    let found = scene.settle();
    println!("{failures} failures of the log: {found:?}");
    // One of them may have met a seal, at which nobody waits.
    assert!(failures >= 6 && found.refused >= 3, "{failures} failures: {found:?}");
}

/// A write is torn by the kill itself: the end of the log is no record, and that is no damage.
pub(super) fn torn_by_a_kill(_: &Options) {
    for acknowledged in [0, 1, 7] {
        let scene = Scene::with_folder();
        let interposer = Interposer::new(&scene.data());
        let program = scene.start_with(&interposer.environment());
        scene.send(&program, acknowledged);
        interposer.rule("log/#.segment/write/before", Times::once(1), Action::Tear(Error::InputOutput));
        interposer.rule("log/#.segment/write/after", Times::once(1), Action::Kill);
        assert_eq!(scene.try_send(&program), Sent::Unanswered);
        let said = program.wait();
        assert_eq!(said.code, None, "{said:?}");
        let program = scene.start();
        scene.send(&program, 2);
        let status = scene.run(&["status", "--admin", &program.admin().to_string()]);
        assert!(status.code == Some(0) && !status.stdout.contains("lost"), "{status:?}");
        let said = program.terminate();
        assert!(!said.stderr.contains(" ERROR "), "a torn end is no damage: {}", said.stderr);
        // Those, and the one that was sent again.
        assert_eq!(scene.settle().acknowledged, acknowledged as u64 + 3);
    }
}

/// Every sync takes half a second: nobody is answered before his has ended, and one sync is for all who wait.
pub(super) fn is_slow(_: &Options) {
    let mut scene = Scene::with_folder();
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1h");
    let interposer = Interposer::new(&scene.data());
    let program = scene.start_with(&interposer.environment());
    scene.send(&program, 1);
    let syncs_begun = interposer.rule("log/#.segment/fdatasync/before", Times::ALWAYS, Action::Delay(SLOW));
    let ended =
        interposer.rule("log/#.segment/fdatasync/after", Times::ALWAYS, Action::Delay(Duration::ZERO));
    for exports in 1..=2 {
        scene.send(&program, 1);
        assert_eq!(interposer.met(ended), exports, "the answer comes after the sync");
    }
    let (before, many) = (interposer.met(syncs_begun), 100);
    let lives: Vec<_> = (0..many).map(|_| scene.life(&program)).collect();
    let (ledger, began) = (scene.ledger.clone(), Instant::now());
    let sent = scene.runtime().block_on(async {
        let mut sending = tokio::task::JoinSet::new();
        for life in lives {
            let ledger = ledger.clone();
            sending.spawn(async move { clients::send_small(&ledger, life).await.0 });
        }
        sending.join_all().await
    });
    assert!(sent.iter().all(|sent| *sent == Sent::Acknowledged), "{sent:?}");
    let syncs = interposer.met(ended) - before;
    println!(
        "{many} exports at once were acknowledged by {syncs} syncs of {SLOW:?} in {:?}",
        began.elapsed()
    );
    assert!(syncs * 10 <= many, "one sync is for all who wait: {syncs}");
    interposer.heal();
    assert_eq!(program.terminate().code, Some(0));
    scene.settle();
}

/// While the log's disk fails, clients are told to come back, and what was packed is delivered.
pub(super) fn fails_for_ever(_: &Options) {
    let mut scene = Scene::with_folder();
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1h");
    scene.set("FOREBAY_RECEIVE_HOLD_BEFORE_REFUSING", "50ms");
    scene.set("FOREBAY_UPLOAD_RETRY_FIRST_WAIT", "20ms");
    scene.set("FOREBAY_UPLOAD_RETRY_LONGEST_WAIT", "100ms");
    for (operation, error) in [("write", Error::InputOutput), ("fdatasync", Error::ReadOnly)] {
        let interposer = Interposer::new(&scene.data());
        let program = scene.start_with(&interposer.environment());
        let bucket = interposer.rule(
            "bucket/object/create_unnamed/before",
            Times::ALWAYS,
            Action::Fail(Error::InputOutput),
        );
        scene.send(&program, 6);
        scene.seal(&program);
        assert!(interposer.wait_until_met(bucket, 2, AT_LAST), "it is packed");
        // Of the spares nothing fails: a segment can be begun, so that it is the second failure that stops it.
        let failing = format!("log/#.segment/{operation}/before");
        let rule = interposer.rule(&failing, Times::ALWAYS, Action::Fail(error));
        for _ in 0..6 {
            // Each protocol is told in its own words; the clients see to that.
            assert_eq!(scene.try_send(&program), Sent::Refused);
        }
        assert!(interposer.met(rule) <= 3, "it does not go on trying: {}", interposer.met(rule));
        let why = wait_until_not_ready(&program);
        assert!(why.contains("the disk under the log failed twice") && why.contains("restart"), "{why}");
        let status = scene.run(&["status", "--admin", &program.admin().to_string()]);
        assert!(
            status.code == Some(2) && status.stdout.contains("NO: the disk under the log failed"),
            "{status:?}"
        );
        assert_eq!(get(&program, "/").0, 200, "it lives: a restart of it alone would not mend the disk");
        let metrics = get(&program, "/metrics").1;
        assert!(metrics.contains("\nforebay_log_stopped 1\n"), "{metrics}");
        interposer.heal();
        interposer.rule(&failing, Times::ALWAYS, Action::Fail(error));
        wait_for_delivery(&scene, &program);
        interposer.heal();
        assert_eq!(scene.try_send(&program), Sent::Refused, "it wants a restart, as it says");
        assert!(why_not_ready(&program).is_some());
        program.kill();
        let program = scene.start();
        scene.send(&program, 3);
        program.kill();
    }
    scene.settle();
}

fn wait_for_delivery(scene: &Scene, program: &Program) {
    let (began, acknowledged) = (Instant::now(), scene.ledger.acknowledgements());
    while scene.count_delivered() < acknowledged {
        assert!(began.elapsed() < AT_LAST, "it is not delivered: {}", program.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for so many more acknowledgements.
fn wait_for(scene: &Scene, more: u64, program: &Program) {
    let wanted = scene.ledger.acknowledgements() + more;
    assert!(scene.ledger.wait_for(wanted, AT_LAST), "none comes: {}", program.stderr());
}
