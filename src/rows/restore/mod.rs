//! Rows turned back into requests of OTLP, by what the documentation of [`rows`](super) says.
//!
//! A row becomes the OTLP/JSON of its item: what its columns say, and over it the members of `extra`. Items that follow each
//! other and share resource, scope and metric are put together again, so that requests are not larger than those that the
//! rows came from.

mod attributes;
mod csv;
mod extra;
mod levels;
mod logs;
mod metrics;
mod object;
mod parquet;
mod references;
mod row;
mod shared;
mod times;
mod traces;

use self::extra::Extra;
use self::levels::Levels;
use self::references::References;
use crate::otlp::Signal;

pub use self::csv::{CsvColumns, read_csv_record};
pub use self::parquet::ParquetRows;
pub use self::row::{Cell, Row};

/// Items of a request, at most.
const ITEMS_MAX: u32 = 1000;

/// Bytes of OTLP/JSON of a request, about; an item that is longer goes by itself.
const JSON_BYTES: usize = 1 << 20;

/// Why a row is none of forebay's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RestoreError(String);

/// Makes requests of rows.
#[derive(Debug)]
pub struct Restorer {
    signal: Signal,
    levels: Levels,
    references: References,
}

impl Restorer {
    /// One for the rows of a signal.
    pub fn new(signal: Signal) -> Self {
        Self { signal, levels: Levels::new(signal), references: References::default() }
    }

    /// Adds a row. Once there are enough, they are given as the OTLP/JSON of a request.
    ///
    /// # Errors
    /// If the row is none of forebay's.
    pub fn add(&mut self, row: &Row) -> Result<Option<Vec<u8>>, RestoreError> {
        let mut extra = Extra::of(row)?;
        let levels = self.references.levels(self.signal, row, &mut extra)?;
        let item = match self.signal {
            Signal::Logs => logs::log_record(row, extra)?,
            Signal::Metrics => metrics::point(row, extra)?,
            Signal::Traces => traces::span(row, extra)?,
            Signal::Profiles => return Err(RestoreError("profiles have no rows".to_owned())),
        };
        self.levels.add(levels, &item);
        let is_full = self.levels.items() >= ITEMS_MAX || self.levels.bytes() >= JSON_BYTES;
        Ok(if is_full { self.rest() } else { None })
    }

    /// The signal whose rows have these columns, if they tell.
    pub fn signal_of(row: &Row) -> Option<Signal> {
        let has = |columns: &[&str]| columns.iter().any(|column| row.has(column));
        match () {
            () if has(&["metric_type"]) => Some(Signal::Metrics),
            () if has(&["span_name", "span_kind", "duration_ns"]) => Some(Signal::Traces),
            () if has(&["severity_number", "observed_timestamp", "body", "event_name"]) => Some(Signal::Logs),
            () => None,
        }
    }

    /// The rows that are left, as the OTLP/JSON of a request.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        self.levels.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "018f000000000000000000aa";

    /// The requests that these lines become.
    fn requests(signal: Signal, lines: &[String]) -> Result<Vec<String>, RestoreError> {
        let mut restorer = Restorer::new(signal);
        let mut requests = Vec::new();
        for line in lines {
            requests.extend(restorer.add(&Row::from_json(line.as_bytes())?)?);
        }
        requests.extend(restorer.rest());
        Ok(requests.into_iter().map(|json| String::from_utf8(json).unwrap()).collect())
    }

    fn line(place: u32, members: &str) -> String {
        format!("{{\"id\":\"{ID}{place:08x}\",\"time_unix_nano\":1{members}}}")
    }

    #[test]
    fn rows_that_share_something_lie_in_it_together() {
        let of = |service: &str| format!(",\"resource_attributes\":{{\"service.name\":\"{service}\"}}");
        let lines = [line(0, &of("a")), line(1, &of("a")), line(2, &of("b"))];
        let resource = |service: &str, records: &str| {
            format!(
                "{{\"resource\":{{\"attributes\":[{{\"key\":\"service.name\",\"value\":{{\"stringValue\":\"{service}\"}}}}]}},\
                 \"scopeLogs\":[{{\"logRecords\":[{records}]}}]}}"
            )
        };
        let record = "{\"timeUnixNano\":1}";
        let expected = format!(
            "{{\"resourceLogs\":[{},{}]}}",
            resource("a", &format!("{record},{record}")),
            resource("b", record)
        );
        assert_eq!(requests(Signal::Logs, &lines).unwrap(), [expected]);
    }

    #[test]
    fn a_row_that_names_another_one_lies_in_what_that_one_has() {
        let of = |service: &str| format!(",\"resource_attributes\":{{\"service.name\":\"{service}\"}}");
        let other = |place: u32| format!(",\"extra\":\"{{\\\"resourceOf\\\":\\\"{ID}{place:08x}\\\"}}\"");
        let named =
            [line(0, &of("a")), line(1, &of("b")), line(2, &of("b")), line(3, &other(0)), line(4, &other(2))];
        let copied =
            [line(0, &of("a")), line(1, &of("b")), line(2, &of("b")), line(3, &of("a")), line(4, &of("b"))];
        assert_eq!(requests(Signal::Logs, &named).unwrap(), requests(Signal::Logs, &copied).unwrap());
        let error = requests(Signal::Logs, &[line(0, &of("a")), line(1, &other(7))]).unwrap_err().to_string();
        assert!(error.contains("shares something with row"), "{error}");
    }

    #[test]
    fn there_are_so_many_items_in_a_request_and_what_is_no_row_is_an_error() {
        let lines: Vec<_> = (0..2_500).map(|place| line(place, "")).collect();
        let requests_of = requests(Signal::Traces, &lines).unwrap();
        let items: Vec<_> =
            requests_of.iter().map(|request| request.matches("startTimeUnixNano").count()).collect();
        assert_eq!(items, [1000, 1000, 500]);
        for wrong in ["{}", "{\"id\":\"short\"}", "[]", "{\"id\":\"000000000\",\"extra\":\"{\"}"] {
            assert!(requests(Signal::Logs, &[wrong.to_owned()]).is_err(), "{wrong}");
        }
        assert!(requests(Signal::Metrics, &[line(0, "")]).is_err(), "a point without a type");
        assert_eq!(
            Restorer::signal_of(&Row::from_json(b"{\"metric_type\":\"sum\"}").unwrap()),
            Some(Signal::Metrics)
        );
    }
}
