//! What was sent, and what became of it.

use std::fmt;

use super::Carried;
use crate::otlp::Signal;

/// What was sent, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    tallies: [Tally; Signal::COUNT],
    /// The first refusal, in the far side's words.
    pub first_refusal: Option<String>,
}

/// The items of one signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Items sent.
    pub sent: u64,
    /// Items that the far side acknowledged, and so has on disk if it is forebay.
    pub acknowledged: u64,
}

impl Report {
    /// The items of one signal.
    pub fn of(&self, signal: Signal) -> Tally {
        self.tallies[signal.index()]
    }

    /// Whether everything was acknowledged.
    pub fn is_complete(&self) -> bool {
        self.tallies.iter().all(|tally| tally.sent == tally.acknowledged)
    }

    pub(super) fn add(&mut self, signal: Signal, items: u64, carried: Carried) {
        let tally = &mut self.tallies[signal.index()];
        tally.sent += items;
        match carried {
            Carried::Taken { rejected } => tally.acknowledged += items.saturating_sub(rejected),
            Carried::Later { why, .. } | Carried::Never { why } => {
                self.first_refusal.get_or_insert(why);
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for signal in Signal::ALL {
            let Tally { sent, acknowledged } = self.of(signal);
            if sent == 0 {
                continue;
            }
            let name = match signal {
                Signal::Logs => "log records",
                Signal::Metrics => "data points",
                Signal::Traces => "spans",
                Signal::Profiles => "profiles",
            };
            writeln!(f, "{signal:<8} {sent:>6} {name} sent, {acknowledged} acknowledged")?;
        }
        match &self.first_refusal {
            Some(why) => writeln!(f, "refused: {why}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_acknowledged_counts_as_such() {
        let mut report = Report::default();
        report.add(Signal::Logs, 7, Carried::Taken { rejected: 0 });
        assert!(report.is_complete());
        report.add(Signal::Logs, 7, Carried::Taken { rejected: 2 });
        report.add(Signal::Traces, 2, Carried::Never { why: "no room".into() });
        assert!(!report.is_complete());
        assert_eq!(report.of(Signal::Logs), Tally { sent: 14, acknowledged: 12 });
        assert_eq!(report.of(Signal::Traces), Tally { sent: 2, acknowledged: 0 });
        assert!(report.to_string().ends_with("refused: no room\n"), "{report}");
    }
}
