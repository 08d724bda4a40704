//! Every field of the answers is in the page that tells of them, and nothing else is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::*;

const PAGE: &str = include_str!("../../../config/status.md");

/// The paths of all fields of a value, as the page names them.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let is_leaf = BY_REFERENCE.iter().any(|(leaf, _)| path.ends_with(leaf));
    match value {
        Value::Object(fields) if !is_leaf => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                paths(value, &path, found);
            }
        }
        Value::Array(values) if values.first().is_some_and(Value::is_object) => {
            paths(&values[0], &format!("{path}[]"), found);
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// Fields that are told by reference, with what the page says there.
const BY_REFERENCE: &[(&str, &str)] = &[
    ("items", "by signal"),
    ("dropped_items", "by signal"),
    ("].last_error", "as `delivery.last_error`"),
    ("].delivery", "as `delivery`"),
];

fn fields_of(value: &impl Serialize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    paths(&serde_json::to_value(value).unwrap(), "", &mut found);
    found
}

/// The fields that the section with this heading names, each with what it says.
fn told(heading: &str) -> Vec<(String, String)> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(field, rest)| (field.to_owned(), rest.trim_end_matches(" |").to_owned())).collect()
}

fn assert_told(heading: &str, fields: &BTreeSet<String>) {
    let told = told(heading);
    let names: BTreeSet<String> = told.iter().map(|(field, _)| field.clone()).collect();
    assert_eq!(names.len(), told.len(), "{heading} tells a field twice");
    assert_eq!(&names, fields, "{heading}: the page on the left, the answer on the right");
    for (field, words) in told {
        let reference = BY_REFERENCE.iter().find(|(leaf, _)| field.ends_with(leaf));
        let is_object =
            !field.starts_with("series.") && !field.ends_with("[].items") || field.contains("tenants");
        if let Some((_, reference)) = reference.filter(|_| is_object) {
            assert!(words.contains(reference), "{field}: {words}");
        }
    }
}

#[test]
fn every_field_of_the_answers_is_in_the_page_and_the_reverse() {
    let error = Some(DeliveryError { at: Timestamp::UNIX_EPOCH, message: String::new() });
    let delivery = Delivery { last_error: error.clone(), ..Delivery::default() };
    let bucket = Bucket { last_error: error.clone(), ..Bucket::default() };
    let output = Output { buckets: vec![bucket], ..Output::default() };
    let listener = Listener { name: String::new(), address: String::new(), tls: false, auth: false };
    let objects = Objects {
        delivered: vec![DeliveredObject::default()],
        retrying: vec![RetriedObject { last_error: error, ..RetriedObject::default() }],
    };
    let received = Received { tenants: vec![Tenant::default()], ..Received::default() };
    let status = Status {
        listeners: vec![listener],
        delivery,
        outputs: vec![output],
        objects,
        received,
        ..Status::default()
    };
    assert_told("`GET /status`", &fields_of(&status));
    assert_told("`GET /history`", &fields_of(&History::default()));
    let settings = Settings { settings: vec![Setting::default()] };
    assert_told("`GET /config`", &fields_of(&settings));
}

#[test]
fn the_exit_codes_in_the_page_are_those_of_the_command() {
    for condition in [Condition::Fine, Condition::Degraded, Condition::Refusing] {
        let row = format!("| {} | `{}` |", condition.exit_code(), condition.name());
        assert!(PAGE.contains(&row), "{row}");
        assert_eq!(serde_json::to_value(condition).unwrap(), condition.name());
    }
}
