//! Large objects, which go in parts.
//!
//! An upload goes on where it was: a part whose success the program has heard of is not sent again in the same upload.
//! And none is left behind: what stays open in the store has no parts, and the program never heard of it.

use std::collections::BTreeSet;

use crate::faults::proxy::{Exchange, Fault, When};
use crate::support::s3::On;
use crate::world::scene::{Found, Scene};

use super::super::Scenario;
use super::{AT_LAST, OVER_PATIENCE, scene};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("an_upload_in_parts_survives_lies_about_its_completion", |_| {
            delivered_through_each(&LIES);
        }),
        Scenario::short("parts_that_were_lost_or_damaged_on_the_way_make_one_whole_object", |_| {
            delivered_through_each(&LINE);
        }),
        Scenario::long("every_trouble_of_an_upload_in_parts_ends_with_one_object", |_| {
            delivered_through_each(&TROUBLES);
        }),
        Scenario::short("an_upload_in_parts_goes_on_where_a_kill_cut_it", |_| cut_by_kills(1, 4 << 20, 1)),
        Scenario::long("an_upload_over_a_slow_line_goes_on_where_kills_cut_it", |_| {
            cut_by_kills(3, 300 << 10, 6);
        }),
        Scenario::long("kills_in_front_of_and_behind_every_request_of_an_upload_leave_one_object", |_| {
            let kills = [(On::Begin, 1), (On::Part, 1), (On::Part, 2), (On::Complete, 1)];
            let kills = kills.map(|(on, nth)| [(on, nth, Fault::KillBefore), (on, nth, Fault::KillAfter)]);
            killed_at(&kills.concat());
        }),
    ]
}

const LIES: [(On, Fault); 2] = [
    (On::Complete, Fault::AnswerAfterEffect(404, "NoSuchUpload")),
    (On::Complete, Fault::Answer(409, "ConditionalRequestConflict")),
];

const LINE: [(On, Fault); 2] = [(On::Part, Fault::Flip), (On::Part, Fault::LoseAnswer)];

const TROUBLES: [(On, Fault); 31] = [
    (On::Begin, Fault::LoseAnswer),
    (On::Begin, Fault::Reset),
    (On::Part, Fault::Reset),
    (On::Complete, Fault::ErrorInBody),
    (On::Complete, Fault::ErrorInBodyAfterEffect),
    (On::Complete, Fault::Flip),
    (On::Begin, Fault::Answer(503, "SlowDown")),
    (On::Begin, Fault::Answer(403, "AccessDenied")),
    (On::Begin, Fault::BlackHole),
    (On::Begin, Fault::LateAnswer(OVER_PATIENCE)),
    (On::Begin, Fault::Twice),
    (On::Part, Fault::Answer(503, "SlowDown")),
    (On::Part, Fault::Answer(404, "NoSuchUpload")),
    (On::Part, Fault::Answer(404, "NoSuchBucket")),
    (On::Part, Fault::Answer(400, "InvalidPart")),
    (On::Part, Fault::Answer(409, "OperationAborted")),
    (On::Part, Fault::HalfOpen),
    (On::Part, Fault::BlackHole),
    (On::Part, Fault::LateAnswer(OVER_PATIENCE)),
    (On::Part, Fault::LateEffect(OVER_PATIENCE)),
    (On::Part, Fault::Twice),
    (On::Complete, Fault::Answer(404, "NoSuchUpload")),
    (On::Complete, Fault::Answer(404, "NoSuchBucket")),
    (On::Complete, Fault::Answer(400, "InvalidPart")),
    (On::Complete, Fault::AnswerAfterEffect(500, "InternalError")),
    (On::Complete, Fault::AnswerAfterEffect(409, "ConditionalRequestConflict")),
    (On::Complete, Fault::LoseAnswer),
    (On::Complete, Fault::BlackHole),
    (On::Complete, Fault::Twice),
    (On::Complete, Fault::LateAnswer(OVER_PATIENCE)),
    (On::Complete, Fault::LateEffect(OVER_PATIENCE)),
];

/// Each of the faults meets the upload of an object.
fn delivered_through_each(faults: &[(On, Fault)]) {
    let scene = scene();
    let (proxy, _) = scene.line();
    let program = scene.start();
    for (on, fault) in faults {
        // The second of two parts, so that the store has one that must not be left behind.
        let nth = if *on == On::Part { 2 } else { 1 };
        let rule = proxy.rule(*on, When::once(nth), *fault);
        scene.send_huge(&program, 1);
        assert!(scene.flush(&program), "{on:?} {fault:?}: {}", program.stderr());
        assert_eq!(proxy.met(rule), 1, "{on:?} {fault:?} was met");
        proxy.heal();
    }
    assert_eq!(program.terminate().code, Some(0));
    settled(&scene);
}

/// Each of the kills meets the upload of an object, which the next life delivers.
fn killed_at(kills: &[(On, u64, Fault)]) {
    let scene = scene();
    let (proxy, _) = scene.line();
    for (on, nth, fault) in kills {
        let program = scene.start();
        proxy.aim_at(&program);
        let rule = proxy.rule(*on, When::once(*nth), *fault);
        scene.send_huge(&program, 1);
        assert!(!scene.flush(&program), "{on:?} {nth} {fault:?}: the process lives");
        assert_eq!(program.wait().code, None, "{on:?} {nth} {fault:?}");
        assert_eq!(proxy.met(rule), 1);
        proxy.heal();
        let program = scene.start();
        assert!(scene.flush(&program), "{on:?} {nth} {fault:?}: {}", program.stderr());
        assert_eq!(program.terminate().code, Some(0));
    }
    settled(&scene);
}

/// An object of so many times 8 MB is sent over a line of this bandwidth, and cut by kills amid its parts.
fn cut_by_kills(items: u64, bytes_per_second: u64, kills: usize) {
    let mut scene = scene();
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1s");
    // A slow line drains what lies in the system's buffers for seconds, in which the program sees nothing move.
    scene.unset("FOREBAY_UPLOAD_ATTEMPT_TIMEOUT");
    let (proxy, _) = scene.line();
    proxy.limit(bytes_per_second);
    let mut program = scene.start();
    scene.send_huge(&program, items);
    for kill in 1..=kills {
        let amid = |exchanges: &[Exchange]| {
            let has_come =
                exchanges.iter().any(|exchange| is_part(exchange) && exchange.program_heard.is_some());
            let cut = exchanges.iter().filter(|exchange| is_cut(exchange)).count();
            let half = exchanges.last().is_some_and(|last| last.bytes > last.announced / 2);
            has_come && half && cut == kill
        };
        assert!(proxy.wait_until(AT_LAST, amid), "no part is under way: {}", program.stderr());
        assert_eq!(program.kill().code, None);
        program = scene.start();
    }
    let delivered = |exchanges: &[Exchange]| exchanges.iter().any(is_completion);
    assert!(proxy.wait_until(AT_LAST, delivered), "{}", program.stderr());
    assert!(scene.flush(&program), "{}", program.stderr());
    assert_eq!(program.terminate().code, Some(0));
    let largest = settled(&scene).largest_object as u64;
    let exchanges = proxy.exchanges();
    let begun = exchanges.iter().filter(|exchange| exchange.on == Some(On::Begin)).count();
    assert_eq!(begun, 1, "it went on, and never began anew");
    let bytes = |parts: &dyn Fn(&&Exchange) -> bool| {
        exchanges.iter().filter(parts).map(|part| part.bytes).sum::<u64>()
    };
    let (sent, cut) = (bytes(&|exchange| is_part(exchange)), bytes(&|exchange| is_cut(exchange)));
    println!(
        "{largest} bytes in parts, {kills} kills: {sent} bytes sent, {cut} of them in parts that were cut"
    );
    assert_eq!(sent - cut, largest, "what had come was not sent again");
    assert!(cut > 0, "the kills met parts");
}

fn is_part(exchange: &Exchange) -> bool {
    exchange.on == Some(On::Part)
}

/// Whether a part has no answer: it is under way, or it was cut.
fn is_cut(exchange: &Exchange) -> bool {
    is_part(exchange) && exchange.program_heard.is_none()
}

fn is_completion(exchange: &Exchange) -> bool {
    exchange.on == Some(On::Complete) && exchange.program_heard == Some(200)
}

/// Settles, and looks at what was sent and at what the store is left with.
fn settled(scene: &Scene) -> Found {
    let found = scene.settle();
    assert!(found.largest_object > 5 << 20, "{found:?}");
    let (proxy, store) = scene.line();
    assert_eq!(store.uploads_with_parts(), 0, "uploads are left behind");
    let mut heard = BTreeSet::new();
    for exchange in proxy.exchanges() {
        if let (Some(On::Part), Some(upload), Some(part)) = (exchange.on, exchange.upload, exchange.part) {
            assert!(!heard.contains(&(upload.clone(), part)), "part {part} of {upload} was sent again");
            if exchange.program_heard == Some(200) {
                heard.insert((upload, part));
            }
        }
    }
    found
}
