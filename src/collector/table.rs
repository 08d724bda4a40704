//! The table that says what became of a Collector's configuration.

use std::fmt;

use super::Outcome;

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key in the Collector's file.
    pub key: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The setting with its value, or why there is none.
    pub here: String,
}

/// What became of everything in a Collector's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub(super) fn add(&mut self, row: Row) {
        // What is said of a component holds for its options.
        let holds = |of: &Row| {
            let rest = row.key.strip_prefix(&of.key);
            let is_of = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            is_of && (of.outcome, &of.here) == (row.outcome, &row.here)
        };
        if !self.rows.iter().any(holds) {
            self.rows.push(row);
        }
    }

    /// The rows: what is set, then what has no meaning, and last what one should know about.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        let order =
            [Outcome::Set, Outcome::NoMeaning, Outcome::Differs, Outcome::NotHonoured, Outcome::Ignored];
        order.into_iter().flat_map(|outcome| self.rows.iter().filter(move |row| row.outcome == outcome))
    }
}

impl Outcome {
    /// What it is called in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::NoMeaning => "no meaning",
            Self::NotHonoured => "not honoured",
            Self::Ignored => "ignored",
            Self::Differs => "differs",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = || {
            std::iter::once(("COLLECTOR", "", "FOREBAY"))
                .chain(self.rows().map(|row| (row.key.as_str(), row.outcome.name(), row.here.as_str())))
        };
        let keys = rows().map(|(key, ..)| key.chars().count()).max().unwrap_or_default();
        let outcomes = rows().map(|(_, outcome, _)| outcome.len()).max().unwrap_or_default();
        for (key, outcome, here) in rows() {
            writeln!(f, "{key:keys$}  {outcome:outcomes$}  {here}")?;
        }
        Ok(())
    }
}
