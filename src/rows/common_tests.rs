//! Ids, resources and scopes.

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use super::flatten::{each_row, hash};
use super::logs_tests::{log, record, request};
use super::testing::{ORIGIN, Rows, text, texts};
use super::{Layout, Origin, Promotion, Table, flatten};
use crate::otlp::Signal;

fn row(resource: Option<Resource>, scope: Option<InstrumentationScope>, attributes: Vec<KeyValue>) -> Rows {
    let mut request = request(record(attributes));
    request.resource_logs[0].resource = resource;
    request.resource_logs[0].scope_logs[0].scope = scope;
    let promoted = [("team", "resource.team"), ("lot", "scope.lot as int")]
        .map(|(name, source)| Promotion::parse(name, source).unwrap());
    Rows::of(Signal::Logs, &promoted, &request.encode_to_vec())
}

fn resource(attributes: Vec<KeyValue>) -> Resource {
    Resource { attributes, ..Resource::default() }
}

#[test]
fn an_id_depends_on_all_that_makes_a_row_another_one_and_on_nothing_else() {
    let layout = Layout::new(Signal::Logs, &[]);
    let mut request = request(LogRecord::default());
    request.resource_logs[0].scope_logs[0].log_records.push(LogRecord::default());
    let body = request.encode_to_vec();
    let ids = |origin, body: &[u8]| {
        let mut table = Table::new(layout.columns());
        flatten(&layout, origin, body, &mut table).unwrap();
        let rows = Rows { layout: layout.clone(), table };
        (0..rows.table.rows()).map(|row| rows.cell(row, "id").unwrap()).collect::<Vec<_>>()
    };
    let [first, second] = ids(ORIGIN, &body).try_into().unwrap();
    assert_eq!(ids(ORIGIN, &body)[0], first);
    assert_eq!((first.len(), &first[24..], &second[24..]), (32, "00000000", "00000001"));
    assert_eq!(first[..24], second[..24]);
    assert!(first.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit)));
    request.resource_logs[0].schema_url = "other".into();
    let others = [
        ids(Origin { writer: "other", ..ORIGIN }, &body),
        ids(Origin { seq: 8, ..ORIGIN }, &body),
        ids(Origin { received_at: 1, ..ORIGIN }, &body),
        ids(ORIGIN, &request.encode_to_vec()),
    ];
    assert!(others.iter().all(|ids| ids[0][..24] != first[..24]), "{others:?}");
}

#[test]
fn columns_of_who_it_was_come_from_the_item_or_else_from_the_resource() {
    let names = ["session_id", "user_id", "service_name", "model", "resource_attributes", "extra"];
    let of_resource = vec![
        text("session.id", "resource"),
        text("user.id", "resource"),
        text("service.name", "claude-code"),
        KeyValue { key: "model".into(), ..KeyValue::default() },
    ];
    let rows = row(
        Some(resource(of_resource)),
        None,
        vec![text("session.id", "item"), text("service.name", "item")],
    );
    assert_eq!(
        rows.cells(names),
        texts([
            Some("item"),
            Some("resource"),
            Some("claude-code"),
            None,
            Some(
                r#"{"session.id":"resource","user.id":"resource","service.name":"claude-code","model":None}"#
            ),
            Some(r#"{"resource":{"attributes":[{"key":"model"}]}}"#),
        ])
    );
}

#[test]
fn a_resource_that_is_empty_differs_from_none() {
    let extra = |resource| row(resource, None, vec![]).cell(0, "extra");
    assert_eq!(extra(None), None);
    assert_eq!(extra(Some(resource(vec![]))).as_deref(), Some(r#"{"resource":{}}"#));
    assert_eq!(extra(Some(resource(vec![text("a", "b")]))), None);
    let dropped =
        Resource { attributes: vec![text("a", "b")], dropped_attributes_count: 2, ..Resource::default() };
    assert_eq!(extra(Some(dropped)).as_deref(), Some(r#"{"resource":{"droppedAttributesCount":2}}"#));
}

#[test]
fn a_scope_has_columns_for_its_name_and_version_and_the_rest_in_extra() {
    let names = ["scope_name", "scope_version", "extra"];
    let cells = |scope| row(None, scope, vec![]).cells(names);
    assert_eq!(cells(None), texts([None; 3]));
    assert_eq!(cells(Some(InstrumentationScope::default())), texts([None, None, Some(r#"{"scope":{}}"#)]));
    let scope = InstrumentationScope { name: "n".into(), version: "v".into(), ..Default::default() };
    assert_eq!(cells(Some(scope.clone())), texts([Some("n"), Some("v"), None]));
    let scope = InstrumentationScope { attributes: vec![text("a", "b")], ..scope };
    let extra = r#"{"scope":{"attributes":[{"key":"a","value":{"stringValue":"b"}}]}}"#;
    assert_eq!(cells(Some(scope)), texts([Some("n"), Some("v"), Some(extra)]));
}

#[test]
fn attributes_of_resource_and_scope_are_promoted_in_their_type() {
    let scope = InstrumentationScope { attributes: vec![text("lot", "12")], ..Default::default() };
    let rows = row(Some(resource(vec![text("team", "core")])), Some(scope), vec![text("team", "item")]);
    assert_eq!(rows.cells(["team", "lot"]), texts([Some("core"), Some("12")]));
}

#[test]
fn schema_addresses_are_in_extra() {
    let mut request = request(LogRecord::default());
    request.resource_logs[0].schema_url = "r".into();
    request.resource_logs[0].scope_logs[0].schema_url = "s".into();
    let rows = Rows::of(Signal::Logs, &[], &request.encode_to_vec());
    let extra = r#"{"resourceSchemaUrl":"r","scopeSchemaUrl":"s"}"#;
    assert_eq!(rows.cell(0, "extra").as_deref(), Some(extra));
}

#[test]
fn a_request_without_items_has_no_rows() {
    assert_eq!(Rows::of(Signal::Metrics, &[], &[]).table.rows(), 0);
    let mut empty = request(LogRecord::default());
    empty.resource_logs[0].scope_logs.clear();
    assert_eq!(Rows::of(Signal::Logs, &[], &empty.encode_to_vec()).table.rows(), 0);
    assert_eq!(log(&[], LogRecord::default()).table.rows(), 1);
}

#[test]
fn what_rows_share_is_copied_up_to_a_limit_and_then_named() {
    const LIMIT_BYTES: usize = 1000;
    let layout = Layout::new(Signal::Logs, &[]);
    let long = "x".repeat(200);
    let mut sent = request(LogRecord::default());
    let resource_logs = &mut sent.resource_logs[0];
    resource_logs.resource = Some(resource(vec![text("service.name", &long)]));
    resource_logs.scope_logs[0].scope = Some(InstrumentationScope { name: "n".into(), ..Default::default() });
    resource_logs.scope_logs[0].log_records = vec![LogRecord::default(); 5];
    sent.resource_logs.push(sent.resource_logs[0].clone());
    let mut table = Table::new(layout.columns());
    let (body, at) = (sent.encode_to_vec(), ORIGIN.received_at);
    each_row(&layout, (hash(ORIGIN, &body), at), &body, LIMIT_BYTES, &mut table, &mut |_| ()).unwrap();
    let rows = Rows { layout, table };
    let cells =
        |row| ["service_name", "resource_attributes", "scope_name", "extra"].map(|name| rows.cell(row, name));
    let map = format!("{{\"service.name\":\"{long}\"}}");
    // The first row of each resource has it in any case; one takes more than 400 bytes.
    for row in [0, 1, 2, 5] {
        assert_eq!(cells(row), texts([Some(&long), Some(&map), Some("n"), None]), "{row}");
    }
    for (row, first) in [(3, 0), (4, 0), (6, 5), (9, 5)] {
        let extra = format!(r#"{{"resourceOf":"{}"}}"#, rows.cell(first, "id").unwrap());
        assert_eq!(cells(row), texts([None, Some("{}"), Some("n"), Some(&extra)]), "{row}");
    }
}
