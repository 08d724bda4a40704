//! The line to the store: refused, silent, cut, or damaging what it carries.

use crate::faults::proxy::Fault;
use crate::support::s3::On;

use super::super::Scenario;
use super::{delivered_through, scene};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::short("a_byte_that_the_line_changes_is_never_stored", |_| {
            delivered_through(&scene(), On::Put, 2, Fault::Flip);
        }),
        Scenario::short("a_connection_that_is_reset_amid_a_put_is_made_anew", |_| {
            delivered_through(&scene(), On::Put, 3, Fault::Reset);
        }),
    ]
}
