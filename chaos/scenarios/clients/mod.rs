//! Clients that are slow, break off, come in crowds, repeat themselves, or mean harm.
//!
//! In all of it the program neither ends nor panics, uses no more memory than its settings allow, gives the answer that
//! tells each client what to do with its data, and does not let others wait: some clients that keep to the rules send all
//! the time, and every export of theirs is acknowledged.

mod abuse_of_http1;
mod abuse_of_http2;
mod again;
mod besieged;
mod bombs;
mod crowd;
mod frames;
mod garbage;
mod half;
mod hostile;
mod sizes;
mod slow;
mod wire;

use super::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("an_export_that_is_sent_again_is_there_once", again::short),
        Scenario::long("exports_sent_again_and_again_are_there_once", again::long),
        Scenario::short("slow_senders_are_waited_for_and_those_that_trickle_are_not", slow::hundreds),
        Scenario::long("slow_senders_by_the_thousand_disturb_nobody", slow::thousands),
        Scenario::short("half_a_request_is_none_and_disturbs_nobody", half::short),
        Scenario::long("thousands_of_half_requests_are_none_and_disturb_nobody", half::long),
        Scenario::short("a_thousand_connections_at_once_are_served", crowd::thousand),
        Scenario::short("a_request_that_just_reaches_the_limit_is_delivered", sizes::small),
        Scenario::long("a_request_of_64_mib_is_delivered_and_one_byte_more_is_refused", sizes::default),
        Scenario::short("garbage_is_refused_for_good", garbage::short),
        Scenario::long("garbage_by_the_thousand_is_refused_for_good", garbage::long),
        Scenario::short("messages_made_to_hurt_are_refused_for_good", hostile::short),
        Scenario::long("a_million_empty_records_are_delivered", hostile::million),
        Scenario::short("decompression_bombs_stop_at_the_limit", bombs::short),
        Scenario::long("decompression_bombs_of_a_gibibyte_stop_at_the_limit", bombs::long),
        Scenario::short("abuse_of_http1_hurts_only_its_own_connection", abuse_of_http1::play),
        Scenario::short("abuse_of_http2_hurts_only_its_own_connection", abuse_of_http2::short),
        Scenario::long("abuse_of_http2_for_long_hurts_only_its_own_connection", abuse_of_http2::long),
    ]
}
