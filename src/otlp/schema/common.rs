//! `opentelemetry.proto.common.v1` and `opentelemetry.proto.resource.v1`: what all signals share.

use super::Kind::{Bool, Bytes, Double, Int32, Int64, String, Uint32};
use super::{Kind, Message, field};

/// A value of any type. In JSON it is an object with one key, or none when the value is empty.
pub(crate) static ANY_VALUE: Message = Message::new(
    "AnyValue",
    &[
        field!(1, "string_value", "stringValue", Oneof, String),
        field!(2, "bool_value", "boolValue", Oneof, Bool),
        field!(3, "int_value", "intValue", Oneof, Int64),
        field!(4, "double_value", "doubleValue", Oneof, Double),
        field!(5, "array_value", "arrayValue", Oneof, Kind::Message(&ARRAY_VALUE)),
        field!(6, "kvlist_value", "kvlistValue", Oneof, Kind::Message(&KEY_VALUE_LIST)),
        field!(7, "bytes_value", "bytesValue", Oneof, Bytes),
        // Of profiles alone, but a field of the message.
        field!(8, "string_value_strindex", "stringValueStrindex", Oneof, Int32),
    ],
);

static ARRAY_VALUE: Message =
    Message::new("ArrayValue", &[field!(1, "values", "values", Repeated, Kind::Message(&ANY_VALUE))]);

static KEY_VALUE_LIST: Message =
    Message::new("KeyValueList", &[field!(1, "values", "values", Repeated, Kind::Message(&KEY_VALUE))]);

/// An attribute.
pub(crate) static KEY_VALUE: Message = Message::new(
    "KeyValue",
    &[
        field!(1, "key", "key", Plain, String),
        field!(2, "value", "value", Plain, Kind::Message(&ANY_VALUE)),
        // Of profiles alone, but a field of the message.
        field!(3, "key_strindex", "keyStrindex", Plain, Int32),
    ],
);

/// The library that made the telemetry.
pub(crate) static INSTRUMENTATION_SCOPE: Message = Message::new(
    "InstrumentationScope",
    &[
        field!(1, "name", "name", Plain, String),
        field!(2, "version", "version", Plain, String),
        field!(3, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(4, "dropped_attributes_count", "droppedAttributesCount", Plain, Uint32),
    ],
);

/// What the telemetry is about: a process on a machine.
pub(crate) static RESOURCE: Message = Message::new(
    "Resource",
    &[
        field!(1, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(2, "dropped_attributes_count", "droppedAttributesCount", Plain, Uint32),
        field!(3, "entity_refs", "entityRefs", Repeated, Kind::Message(&ENTITY_REF)),
    ],
);

static ENTITY_REF: Message = Message::new(
    "EntityRef",
    &[
        field!(1, "schema_url", "schemaUrl", Plain, String),
        field!(2, "type", "type", Plain, String),
        field!(3, "id_keys", "idKeys", Repeated, String),
        field!(4, "description_keys", "descriptionKeys", Repeated, String),
    ],
);
