//! Rows that are made of requests, and requests that are made of rows.

use forebay::otlp::{Signal, read_json, validate};
use forebay::rows::{
    CsvColumns, Layout, Origin, Restorer, Row, SIGNALS, Table, flatten, read_csv_record, write_csv,
    write_csv_header, write_json_lines,
};

const ORIGIN: Origin<'_> = Origin { writer: "fuzz", seq: 1, received_at: 1_787_393_472_123_456_789 };

/// Takes bytes for rows in JSON lines or CSV, and makes requests of what can be read.
pub fn check_foreign_rows(signal: Signal, is_csv: bool, content: &[u8]) {
    let rows = if is_csv { csv_rows(signal, content) } else { json_rows(content) };
    restored(signal, &rows);
}

/// Makes rows of a request, and requests of these: as many items come back.
pub fn check_rows_of(signal: Signal, body: &[u8]) {
    if !SIGNALS.contains(&signal) {
        return;
    }
    let layout = Layout::new(signal, &[]);
    let mut table = Table::new(layout.columns());
    if flatten(&layout, ORIGIN, body, &mut table).is_err() {
        return;
    }
    let items = validate(signal, body).unwrap();
    let mut lines = Vec::new();
    write_json_lines(layout.columns(), &table, &mut lines, |_| Ok::<_, ()>(())).unwrap();
    let mut csv = Vec::new();
    write_csv_header(layout.columns(), &mut csv);
    write_csv(layout.columns(), &table, &mut csv, |_| Ok::<_, ()>(())).unwrap();
    for rows in [json_rows(&lines), csv_rows(signal, &csv)] {
        assert_eq!(rows.len(), items as usize, "every row is read again");
        assert_eq!(restored(signal, &rows), Some(items), "every row becomes an item again");
    }
}

fn json_rows(content: &[u8]) -> Vec<Row> {
    content.split_inclusive(|byte| *byte == b'\n').map_while(|line| Row::from_json(line).ok()).collect()
}

fn csv_rows(signal: Signal, mut content: &[u8]) -> Vec<Row> {
    let (mut record, mut rows) = (Vec::new(), Vec::new());
    if !read_csv_record(&mut content, &mut record).unwrap() {
        return rows;
    }
    let Ok(columns) = CsvColumns::of(&record, Some(signal)) else { return rows };
    while read_csv_record(&mut content, &mut record).unwrap() {
        let Ok(row) = columns.row(&record) else { break };
        rows.push(row);
    }
    rows
}

/// How many items come of rows; none if one of them is none of forebay's.
fn restored(signal: Signal, rows: &[Row]) -> Option<u32> {
    let (mut restorer, mut items) = (Restorer::new(signal), 0);
    let mut requests = Vec::new();
    for row in rows {
        requests.extend(restorer.add(row).ok()?);
    }
    requests.extend(restorer.rest());
    for json in requests {
        // What stands in a column of JSON is taken as it is, and may be anything.
        let body = read_json(signal, &json, usize::MAX).ok()?;
        items += validate(signal, &body).unwrap();
    }
    Some(items)
}
