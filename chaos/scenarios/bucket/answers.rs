//! Answers of the store that are errors, late, lost, or lies.

use crate::faults::proxy::Fault;
use crate::support::s3::On;

use super::super::Scenario;
use super::{OVER_PATIENCE, delivered_through, delivers_through, scene};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("no_error_that_a_store_answers_is_taken_for_a_delivery", |_| {
            let scene = scene();
            let program = scene.start();
            for (status, code) in ERRORS {
                delivers_through(&scene, &program, On::Put, 2, Fault::Answer(status, code));
            }
            delivers_through(&scene, &program, On::Put, 2, Fault::ErrorInBody);
            assert_eq!(program.terminate().code, Some(0));
            scene.settle();
        }),
        Scenario::short("an_answer_that_was_lost_after_the_effect_makes_no_second_object", |_| {
            delivered_through(&scene(), On::Put, 2, Fault::LoseAnswer);
        }),
        Scenario::short("an_answer_that_comes_too_late_makes_no_second_object", |_| {
            delivered_through(&scene(), On::Put, 1, Fault::LateAnswer(OVER_PATIENCE));
        }),
        Scenario::short("a_put_that_takes_effect_after_it_was_given_up_makes_no_second_object", |_| {
            delivered_through(&scene(), On::Put, 1, Fault::LateEffect(OVER_PATIENCE));
        }),
        Scenario::short("a_put_that_comes_twice_makes_no_second_object", |_| {
            delivered_through(&scene(), On::Put, 1, Fault::Twice);
        }),
    ]
}

/// What stores answer that cannot take an object now.
const ERRORS: [(u16, &str); 10] = [
    (500, "InternalError"),
    (503, "SlowDown"),
    (429, "TooManyRequests"),
    (403, "AccessDenied"),
    (403, "ExpiredToken"),
    (404, "NoSuchBucket"),
    (400, "RequestTimeTooSkewed"),
    (400, "ExpiredToken"),
    (409, "ConditionalRequestConflict"),
    (409, "OperationAborted"),
];
