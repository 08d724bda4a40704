//! Everything at once: faults of the line and of the store chosen by a seed, and kills, while clients send.

use std::time::Duration;

use crate::arguments::Options;
use crate::faults::proxy::{Fault, Proxy, When};
use crate::support::s3::On;
use crate::world::clients::Load;
use crate::world::random::Random;

use super::super::Scenario;
use super::{AT_LAST, OVER_PATIENCE, scene};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("faults_of_the_line_and_kills_in_random_combination_cost_nothing", |options| {
            storm(options.seed, 2, None);
        }),
        Scenario::long(
            "many_faults_of_the_line_and_kills_in_random_combination_cost_nothing",
            |options: &Options| {
                storm(options.seed, options.kills, Some(60));
            },
        ),
    ]
}

/// What may happen to a request.
const FAULTS: [Fault; 18] = [
    Fault::Answer(500, "InternalError"),
    Fault::Answer(503, "SlowDown"),
    Fault::Answer(403, "ExpiredToken"),
    Fault::Answer(404, "NoSuchBucket"),
    Fault::Answer(409, "ConditionalRequestConflict"),
    Fault::ErrorInBody,
    Fault::BlackHole,
    Fault::HalfOpen,
    Fault::Reset,
    Fault::LoseAnswer,
    Fault::AnswerAfterEffect(404, "NoSuchUpload"),
    Fault::AnswerAfterEffect(409, "ConditionalRequestConflict"),
    Fault::AnswerAfterEffect(500, "InternalError"),
    Fault::ErrorInBodyAfterEffect,
    Fault::LateAnswer(OVER_PATIENCE),
    Fault::LateEffect(OVER_PATIENCE),
    Fault::Flip,
    Fault::Twice,
];

const KINDS: [On; 6] = [On::Put, On::Begin, On::Part, On::Complete, On::Abort, On::Any];

/// How long a life lasts at most that is to end at a request.
const PATIENCE: Duration = Duration::from_secs(4);

/// How a life meets its end.
enum End {
    /// In front of or behind a request.
    At(On, Fault),
    /// After so many acknowledgements.
    After(u64),
}

/// So many lives, each with its faults and a kill in the end.
fn storm(seed: u64, lives: usize, huge: Option<u64>) {
    let mut scene = scene();
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1s");
    let mut random = Random::new(seed);
    let clients = scene.clients(Load { large: 8, huge, sends_again: true }, seed);
    let (proxy, store) = scene.line();
    for _ in 0..lives {
        proxy.heal();
        let program = scene.start();
        proxy.aim_at(&program);
        let end = brew(proxy, &mut random);
        clients.announce(Some(scene.life(&program)));
        match end {
            End::After(count) => {
                let goes_on = scene.ledger.wait_for(scene.ledger.acknowledgements() + count, AT_LAST);
                assert!(goes_on, "it takes nothing in any more: {}", program.stderr());
            }
            End::At(on, fault) => {
                proxy.rule(on, When::once(1), fault);
                // The line may be so bad that the request never comes.
                proxy.wait_for_kill(PATIENCE);
            }
        }
        clients.announce(None);
        let said = program.kill();
        assert!(!said.stderr.contains(" ERROR "), "trouble of the bucket is no damage: {}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    }
    proxy.heal();
    scene.end(clients);
    let found = scene.settle();
    assert_eq!(store.uploads_with_parts(), 0, "uploads are left behind");
    let exchanges = proxy.exchanges();
    let refused = exchanges.iter().filter(|exchange| !exchange.has_taken_effect()).count();
    println!("{lives} kills, {} requests, {refused} of them without effect: {found:?}", exchanges.len());
    assert!(found.acknowledged > 0 && found.objects.1 > 0, "{found:?}");
}

/// Makes the rules of a life, and decides its end.
fn brew(proxy: &Proxy, random: &mut Random) -> End {
    for _ in 0..random.within(1, 4) {
        let when = When::Chance { in_thousand: random.within(50, 500), seed: random.next() };
        proxy.rule(random.one_of(&KINDS), when, random.one_of(&FAULTS));
    }
    match random.within(0, 6) {
        0 => proxy.refuse(),
        1 => proxy.half_open(),
        2 => proxy.limit(random.within(200 << 10, 4 << 20)),
        _ => {}
    }
    if random.within(0, 2) == 0 {
        End::At(random.one_of(&KINDS), random.one_of(&[Fault::KillBefore, Fault::KillAfter]))
    } else {
        End::After(random.within(1, 100))
    }
}
