//! `config/sql`: the tables that people paste into their readers have the columns of the rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use forebay::rows::{Kind, Layout, SIGNALS};

/// What a reader calls a type.
type TypeName = fn(Kind) -> &'static str;

/// The files that declare columns, with what a table's declaration begins with and what the types are called.
const READERS: [(&str, &str, TypeName); 3] = [
    ("athena.sql", "CREATE EXTERNAL TABLE IF NOT EXISTS ", hive),
    ("bigquery.sql", "CREATE EXTERNAL TABLE IF NOT EXISTS DATASET.", bigquery),
    ("spark.sql", "CREATE OR REPLACE TEMPORARY VIEW ", hive),
];

/// The types of Athena's tables and of Spark.
fn hive(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "STRING",
        Kind::Int64 => "BIGINT",
        Kind::Int32 => "INT",
        Kind::Double => "DOUBLE",
        Kind::Boolean => "BOOLEAN",
        Kind::Timestamp => "TIMESTAMP",
        Kind::TextMap => "MAP<STRING, STRING>",
        Kind::Int64List => "ARRAY<BIGINT>",
        Kind::DoubleList => "ARRAY<DOUBLE>",
    }
}

/// The types of BigQuery, which has one whole number and no maps.
fn bigquery(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "STRING",
        Kind::Int64 | Kind::Int32 => "INT64",
        Kind::Double => "FLOAT64",
        Kind::Boolean => "BOOL",
        Kind::Timestamp => "TIMESTAMP",
        Kind::TextMap => "STRUCT<key_value ARRAY<STRUCT<key STRING, value STRING>>>",
        Kind::Int64List => "ARRAY<INT64>",
        Kind::DoubleList => "ARRAY<FLOAT64>",
    }
}

/// A file of `config/sql` without its comments.
fn sql(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sql").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let statements: Vec<_> = text.lines().filter(|line| !line.starts_with("--")).collect();
    statements.join("\n")
}

/// The columns of the statement that begins so, each as it is declared: `name` TYPE.
fn columns<'a>(sql: &'a str, beginning: &str) -> Vec<&'a str> {
    let mut statements = sql.match_indices(beginning);
    let (start, _) = statements.next().unwrap_or_else(|| panic!("there is no `{beginning}`"));
    assert!(statements.next().is_none(), "`{beginning}` is there twice");
    let lines = sql[start..].lines().skip(1).take_while(|line| !line.starts_with(')'));
    lines.map(|line| line.trim().trim_end_matches(',')).collect()
}

#[test]
fn every_table_has_the_columns_of_the_rows_in_their_order_and_of_their_types() {
    for (file, beginning, type_name) in READERS {
        let sql = sql(file);
        for signal in SIGNALS {
            let layout = Layout::new(signal, &[]);
            let own = layout.columns().iter();
            let mut expected: Vec<_> =
                own.map(|column| format!("`{}` {}", column.name, type_name(column.kind))).collect();
            if file == "spark.sql" {
                // The others declare the columns that folders make apart from those of the objects.
                expected.extend(["`date` DATE".to_owned(), "`hour` STRING".to_owned()]);
            }
            let found = columns(&sql, &format!("{beginning}{signal} (\n"));
            assert_eq!(found, expected, "{file}: {signal}");
        }
    }
}

#[test]
fn every_file_reads_the_folders_of_all_signals_under_one_bucket_and_prefix() {
    for (file, scheme) in
        [("athena.sql", "s3://"), ("bigquery.sql", "gs://"), ("duckdb.sql", "s3://"), ("spark.sql", "s3a://")]
    {
        let sql = sql(file);
        let quoted: Vec<_> = sql.split('\'').skip(1).step_by(2).filter(|text| text.contains("://")).collect();
        for signal in SIGNALS {
            let folder = format!("{scheme}BUCKET/PREFIX/{signal}");
            assert!(quoted.iter().any(|place| place.starts_with(&folder)), "{file}: {signal}");
        }
        let stray = quoted.iter().find(|place| !place.starts_with(&format!("{scheme}BUCKET/PREFIX/")));
        assert_eq!(stray, None, "{file}");
    }
}
