//! The tables agree with themselves, and with what prost was generated from.

use std::collections::HashMap;

use super::*;

/// Every message that can be reached from the requests.
fn reachable() -> HashMap<(&'static str, usize), &'static Message> {
    // Traces and profiles have a `Link` each.
    let key = |message: &Message| (message.name, message.fields.len());
    let mut found = HashMap::new();
    let mut next: Vec<_> = Signal::ALL.map(request).to_vec();
    while let Some(message) = next.pop() {
        if found.insert(key(message), message).is_none() {
            next.extend(message.fields.iter().filter_map(|field| match field.kind {
                Kind::Message(inner) => Some(inner),
                _ => None,
            }));
        }
    }
    found
}

/// The JSON name that protobuf derives from a field's name.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

#[test]
fn every_json_name_is_its_proto_name_in_camel_case() {
    for message in reachable().values() {
        for field in message.fields {
            assert_eq!(field.json_name, camel(field.proto_name), "{}", message.name);
            assert_eq!(field.json_key, format!(",\"{}\":", field.json_name));
        }
    }
}

#[test]
fn every_field_is_found_by_its_number_and_by_its_names() {
    for message in reachable().values() {
        for field in message.fields {
            for found in [
                message.field(field.number),
                message.field_named(field.json_name.as_bytes()),
                message.field_named(field.proto_name.as_bytes()),
            ] {
                assert_eq!(found.map(|found| found.number), Some(field.number), "{}", message.name);
            }
        }
        assert!(
            message.field(0).is_none() && message.field(31).is_none() && message.field(u32::MAX).is_none()
        );
        assert!(message.field_named(b"").is_none() && message.field_named(b"nothing").is_none());
    }
}

#[test]
fn the_items_are_log_records_spans_profiles_and_all_data_points() {
    let mut items: Vec<_> =
        reachable().into_values().filter(|message| message.is_item).map(|message| message.name).collect();
    items.sort_unstable();
    assert_eq!(
        items,
        [
            "ExponentialHistogramDataPoint",
            "HistogramDataPoint",
            "LogRecord",
            "NumberDataPoint",
            "Profile",
            "Span",
            "SummaryDataPoint"
        ]
    );
}

#[test]
fn repeated_fields_are_messages_strings_or_packable_numbers() {
    for message in reachable().values() {
        for field in message.fields.iter().filter(|field| field.is_repeated()) {
            let plain = matches!(field.kind, Kind::Message(_) | Kind::String);
            assert!(plain || field.kind.is_packable(), "{}.{}", message.name, field.proto_name);
        }
    }
}
