//! From a large export request to rows, a piece at a time.

use std::borrow::Cow;

use super::flatten::{HASH_BYTES, each_row};
use super::layout::Layout;
use super::shared::COPIED_BYTES_MAX;
use super::table::Table;

/// A request that was found to be right, and whose rows need not fit in memory at once: the attributes of a resource are
/// in the row of each of its items, so that a few megabytes may become gigabytes.
#[derive(Debug)]
pub struct Pieces<'a> {
    layout: &'a Layout,
    id: ([u8; HASH_BYTES], u64),
    /// The request, with every singular message in one piece.
    body: Cow<'a, [u8]>,
}

impl<'a> Pieces<'a> {
    /// Of a `body` that was gone through.
    pub(super) fn new(layout: &'a Layout, id: ([u8; HASH_BYTES], u64), body: Cow<'a, [u8]>) -> Self {
        Self { layout, id, body }
    }

    /// Appends the rows that [`flatten`](super::flatten()) would make. `take` is called behind each of them, and may write
    /// rows elsewhere and take them out of the table.
    ///
    /// # Errors
    ///
    /// What `take` fails with: it is not called again then, and the table is what it left.
    pub fn flatten<E>(
        &self,
        table: &mut Table,
        take: &mut dyn FnMut(&mut Table) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut failed = None;
        let mut take_or_drop = |table: &mut Table| match &failed {
            None => failed = take(table).err(),
            // What is left of the request goes nowhere.
            Some(_) => table.truncate(table.rows().saturating_sub(1)),
        };
        let flattened =
            each_row(self.layout, self.id, &self.body, COPIED_BYTES_MAX, table, &mut take_or_drop);
        debug_assert!(flattened == Ok(true), "it was right when it was gone through");
        failed.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use prost::Message as _;

    use super::*;
    use crate::otlp::{Invalid, Signal};
    use crate::rows::testing::ORIGIN;
    use crate::rows::{flatten, flatten_within, write_json_lines};

    fn layout() -> Layout {
        Layout::new(Signal::Logs, &[])
    }

    /// Log records of as many resources as numbers are given, each with so many.
    fn body(counts: &[u64]) -> Vec<u8> {
        let record = |number| LogRecord { time_unix_nano: number, ..LogRecord::default() };
        let resource = |count: &u64| ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: (0..*count).map(record).collect(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        };
        ExportLogsServiceRequest { resource_logs: counts.iter().map(resource).collect() }.encode_to_vec()
    }

    /// The pieces of a request of which no row fits.
    fn pieces<'a>(layout: &'a Layout, body: &'a [u8]) -> Result<Pieces<'a>, Invalid> {
        let mut table = Table::new(layout.columns());
        let pieces = flatten_within(layout, ORIGIN, body, &mut table, (0, usize::MAX))?;
        assert_eq!(table, Table::new(layout.columns()));
        Ok(pieces.expect("no row fits"))
    }

    /// A request of one `ResourceLogs` that gives its resource in two pieces, the second one after the log records.
    fn body_in_pieces() -> Vec<u8> {
        let resource = |dropped_attributes_count| ResourceLogs {
            resource: Some(Resource { dropped_attributes_count, ..Resource::default() }),
            schema_url: dropped_attributes_count.to_string(),
            ..ResourceLogs::default()
        };
        let records = ExportLogsServiceRequest::decode(&body(&[5])[..]).unwrap().resource_logs.remove(0);
        let message = [resource(1), records, resource(2)].map(|piece| piece.encode_to_vec()).concat();
        let mut body = Vec::new();
        prost::encoding::bytes::encode(1, &message, &mut body);
        body
    }

    #[test]
    fn the_pieces_are_the_rows() {
        for body in [body(&[3, 4]), body_in_pieces()] {
            let mut whole = Table::new(layout().columns());
            flatten(&layout(), ORIGIN, &body, &mut whole).unwrap();
            let mut table = Table::new(layout().columns());
            let mut taken = Vec::new();
            let mut take = |table: &mut Table| {
                if table.rows() == 2 {
                    taken.push(table.clone());
                    table.truncate(0);
                }
                Ok::<_, ()>(())
            };
            let layout = layout();
            pieces(&layout, &body).unwrap().flatten(&mut table, &mut take).unwrap();
            taken.push(table);
            assert!(taken.len() > 2);
            assert_eq!(lines(&taken), lines(&[whole]));
        }
    }

    fn lines(tables: &[Table]) -> String {
        let mut lines = Vec::new();
        for table in tables {
            write_json_lines(layout().columns(), table, &mut lines, |_| Ok::<_, ()>(())).unwrap();
        }
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn a_request_that_is_wrong_at_its_end_is_refused() {
        let body = [body(&[3]), vec![0x0a, 9, 0]].concat();
        assert!(pieces(&layout(), &body).is_err());
    }

    #[test]
    fn the_one_who_takes_the_rows_fails_once() {
        let mut table = Table::new(layout().columns());
        let mut calls = 0;
        let mut take = |_: &mut Table| {
            calls += 1;
            if calls == 2 { Err("full") } else { Ok(()) }
        };
        let layout = layout();
        let body = body(&[5]);
        let pieces = pieces(&layout, &body).unwrap();
        assert_eq!(pieces.flatten(&mut table, &mut take), Err("full"));
        assert_eq!((calls, table.rows()), (2, 2));
    }
}
