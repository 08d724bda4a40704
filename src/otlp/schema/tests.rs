//! The tables agree with themselves, and with what prost was generated from.

use std::collections::HashMap;

use opentelemetry_proto::DESCRIPTORS;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label as DeclaredLabel, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

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

/// The messages and enumerations that the `.proto` files declare, by their full names: `.opentelemetry.proto...`.
#[derive(Default)]
struct Declared {
    messages: HashMap<String, DescriptorProto>,
    enumerations: HashMap<String, EnumDescriptorProto>,
}

impl Declared {
    fn read() -> Self {
        let mut declared = Self::default();
        for file in FileDescriptorSet::decode(DESCRIPTORS).unwrap().file {
            declared.add(&format!(".{}", file.package()), file.message_type, file.enum_type.clone());
        }
        declared
    }

    fn add(&mut self, prefix: &str, messages: Vec<DescriptorProto>, enumerations: Vec<EnumDescriptorProto>) {
        for enumeration in enumerations {
            self.enumerations.insert(format!("{prefix}.{}", enumeration.name()), enumeration);
        }
        for message in messages {
            let name = format!("{prefix}.{}", message.name());
            self.add(&name, message.nested_type.clone(), message.enum_type.clone());
            self.messages.insert(name, message);
        }
    }

    /// Holds a message of the tables against the declared one of this name, and returns those that it holds.
    fn check(&self, message: &'static Message, name: &str) -> Vec<(&'static Message, String)> {
        let declared = &self.messages[name];
        assert_eq!(message.name, declared.name());
        assert_eq!(message.fields.len(), declared.field.len(), "{name}");
        let mut inner = Vec::new();
        for field in &declared.field {
            let what = format!("{name}.{}", field.name());
            let known = message.field(field.number().cast_unsigned()).unwrap_or_else(|| panic!("{what}"));
            assert_eq!((known.proto_name, known.json_name), (field.name(), field.json_name()), "{what}");
            assert_eq!(known.label, label(field), "{what}");
            assert!(self.is_of_type(known.kind, field), "{what}: {:?}", field.r#type());
            if let Kind::Message(message) = known.kind {
                inner.push((message, field.type_name().to_owned()));
            }
        }
        inner
    }

    fn is_of_type(&self, kind: Kind, field: &FieldDescriptorProto) -> bool {
        match (kind, field.r#type()) {
            (Kind::Enum(known), Type::Enum) => {
                let declared = &self.enumerations[field.type_name()];
                let values: Vec<_> =
                    declared.value.iter().map(|value| (value.name(), value.number())).collect();
                known.name == declared.name() && known.values == values
            }
            (Kind::Id, Type::Bytes) => field.name().ends_with("_id"),
            (Kind::Bytes, Type::Bytes) => !field.name().ends_with("_id"),
            (Kind::String, Type::String)
            | (Kind::Bool, Type::Bool)
            | (Kind::Double, Type::Double)
            | (Kind::Int32, Type::Int32)
            | (Kind::Sint32, Type::Sint32)
            | (Kind::Uint32, Type::Uint32)
            | (Kind::Fixed32, Type::Fixed32)
            | (Kind::Int64, Type::Int64)
            | (Kind::Uint64, Type::Uint64)
            | (Kind::Fixed64, Type::Fixed64)
            | (Kind::Sfixed64, Type::Sfixed64)
            | (Kind::Message(_), Type::Message) => true,
            _ => false,
        }
    }
}

fn label(field: &FieldDescriptorProto) -> Label {
    match (field.label(), field.oneof_index) {
        (DeclaredLabel::Repeated, _) => Label::Repeated,
        _ if field.proto3_optional() => Label::Optional,
        (_, Some(_)) => Label::Oneof,
        _ => Label::Plain,
    }
}

#[test]
fn every_message_is_as_the_proto_files_declare_it() {
    let declared = Declared::read();
    let name = |signal| match signal {
        Signal::Logs => "logs.v1.ExportLogsServiceRequest",
        Signal::Metrics => "metrics.v1.ExportMetricsServiceRequest",
        Signal::Traces => "trace.v1.ExportTraceServiceRequest",
        Signal::Profiles => "profiles.v1development.ExportProfilesServiceRequest",
    };
    let full = |signal| format!(".opentelemetry.proto.collector.{}", name(signal));
    let mut next: Vec<_> = Signal::ALL.map(|signal| (request(signal), full(signal))).to_vec();
    let mut checked = std::collections::HashSet::new();
    while let Some((message, name)) = next.pop() {
        if checked.insert(name.clone()) {
            next.extend(declared.check(message, &name));
        }
    }
    assert_eq!(checked.len(), reachable().len());
}
