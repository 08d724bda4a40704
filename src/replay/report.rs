//! What was sent again, and what happens meanwhile.

use std::fmt;
use std::time::Duration;

use crate::archive;
use crate::words::counted;

/// What was sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Objects and segments of which all that can be read was taken.
    pub pieces: u64,
    /// Those of which all was taken in an earlier run.
    pub pieces_before: u64,
    /// Requests that were taken.
    pub requests: u64,
    /// Log records, data points, spans and profiles in them.
    pub items: u64,
    /// Items of them that the receiver says it has rejected.
    pub rejected: u64,
    /// Items in requests that were refused and passed over.
    pub refused: u64,
    /// Objects and segments that cannot be read, or not to their end.
    pub unreadable: u64,
}

/// What happens meanwhile, for those who watch.
#[derive(Debug)]
pub enum Event<'a> {
    /// An object or a segment is done, or was before.
    Done {
        /// Its length.
        bytes: u64,
    },
    /// A request was taken.
    Taken,
    /// A request is not taken, or an object not given, and that is tried again.
    Waiting {
        /// Why.
        why: &'a str,
        /// For how long it is tried.
        retry_for: Duration,
    },
    /// It was taken after all.
    Resumed {
        /// How long that took.
        after: Duration,
    },
    /// A request was refused, and is passed over.
    Refused {
        /// Where it lies.
        piece: &'a str,
        /// The receiver's words.
        why: &'a str,
    },
    /// An object or a segment cannot be read, or not to its end.
    Unreadable {
        /// Which.
        piece: &'a str,
        /// What is wrong with it.
        error: &'a archive::Error,
    },
}

impl Report {
    /// Whether everything arrived.
    pub const fn is_complete(&self) -> bool {
        self.rejected == 0 && self.refused == 0 && self.unreadable == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, requests) = (counted(self.items, "item"), counted(self.requests, "request"));
        write!(f, "sent {items} in {requests}, of {}", counted(self.pieces, "object"))?;
        for (what, number, one) in [
            ("done before", self.pieces_before, "object"),
            ("rejected by the receiver", self.rejected, "item"),
            ("refused and passed over", self.refused, "item"),
            ("not readable to the end", self.unreadable, "object"),
        ] {
            if number > 0 {
                write!(f, "; {what}: {}", counted(number, one))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_arrived_and_what_did_not() {
        let report = Report { pieces: 2, requests: 3, items: 1_234, ..Report::default() };
        assert_eq!(report.to_string(), "sent 1,234 items in 3 requests, of 2 objects");
        assert!(report.is_complete());
        let report = Report { pieces_before: 1, rejected: 2, refused: 3, unreadable: 4, ..report };
        assert_eq!(
            report.to_string(),
            "sent 1,234 items in 3 requests, of 2 objects; done before: 1 object; rejected by the receiver: 2 items; refused \
             and passed over: 3 items; not readable to the end: 4 objects"
        );
        assert!(!report.is_complete());
    }
}
