//! The table of what every case took when somebody last looked at it, and how a count compares.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A count may be so many times the one in the table, and no more.
const MOST: f64 = 1.2;
/// Where it is less than this, the table is no measure any more.
const LEAST: f64 = 0.8;

const HEAD: &str = "\
# Instructions per log record, data point or span (callgrind, release profile); see benches/instructions/main.rs.
# They depend on the compiler, the C library and what Valgrind shows of the processor. These were counted with
";

/// Instructions per item by case, and with what they were counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub(crate) tools: String,
    pub(crate) figures: BTreeMap<String, f64>,
}

/// What a count says about the program, or about the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    AsBefore,
    Dearer,
    Cheaper,
    /// The table does not have it.
    New,
}

impl Table {
    /// # Errors
    /// The line that is not one of a table.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut table = Self::default();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix('#') {
                // The last one.
                comment.trim().clone_into(&mut table.tools);
                continue;
            }
            let figure = line.split_once('\t').and_then(|(case, figure)| Some((case, figure.parse().ok()?)));
            let (case, figure) = figure.ok_or_else(|| format!("`{line}` is no case and its figure"))?;
            table.figures.insert(case.to_owned(), figure);
        }
        Ok(table)
    }

    pub(crate) fn write(&self) -> String {
        let mut text = format!("{HEAD}# {}\n", self.tools);
        for (case, figure) in &self.figures {
            let _ = writeln!(text, "{case}\t{figure:.1}");
        }
        text
    }

    /// How a count compares, and how many times the one in the table it is.
    pub(crate) fn verdict(&self, case: &str, counted: f64) -> (Verdict, f64) {
        let Some(figure) = self.figures.get(case) else { return (Verdict::New, f64::NAN) };
        let times = counted / figure;
        let verdict = match times {
            times if times > MOST => Verdict::Dearer,
            times if times < LEAST => Verdict::Cheaper,
            _ => Verdict::AsBefore,
        };
        (verdict, times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let figures = BTreeMap::from([("log/append".to_owned(), 100.0), ("pack/csv".to_owned(), 4321.1)]);
        Table { tools: "rustc 1, valgrind-3".to_owned(), figures }
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        assert_eq!(Table::parse(&table().write()), Ok(table()));
        assert_eq!(Table::parse("log/append"), Err("`log/append` is no case and its figure".to_owned()));
    }

    #[test]
    fn a_fifth_more_is_dearer_and_a_fifth_less_is_cheaper() {
        for (counted, expected) in [
            (100.0, Verdict::AsBefore),
            (119.9, Verdict::AsBefore),
            (120.1, Verdict::Dearer),
            (80.1, Verdict::AsBefore),
            (79.9, Verdict::Cheaper),
        ] {
            assert_eq!(table().verdict("log/append", counted), (expected, counted / 100.0));
        }
        assert_eq!(table().verdict("log/read", 1.0).0, Verdict::New);
    }

    #[test]
    fn the_table_has_every_case_and_no_other() {
        let table = Table::parse(include_str!("table.tsv")).unwrap();
        let in_table: Vec<&str> = table.figures.keys().map(String::as_str).collect();
        let mut cases: Vec<&str> = crate::cases::all().map(|case| case.name).collect();
        cases.sort_unstable();
        assert_eq!(in_table, cases, "renew it with --write");
    }
}
