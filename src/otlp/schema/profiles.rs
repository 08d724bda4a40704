//! `opentelemetry.proto.profiles.v1development`, as in opentelemetry-proto 1.10.
//!
//! It may change from one version to the next. What a version adds passes as fields that are not known. Of what it changes
//! only the wire type of a field is noticed, as with any decoder: such a request is refused at the door, where its sender
//! is told the field, and not found out when it can no longer be written as JSON. What the numbers mean, such as the
//! places in the dictionary's tables, is never looked at.

use super::Kind::{Bytes, Fixed64, Id, Int32, Int64, String, Uint32, Uint64};
use super::common::{ANY_VALUE, INSTRUMENTATION_SCOPE, RESOURCE};
use super::{Kind, Message, field};

/// `ExportProfilesServiceRequest`, and `ProfilesData`.
pub(super) static REQUEST: Message = Message::new(
    "ExportProfilesServiceRequest",
    &[
        field!(1, "resource_profiles", "resourceProfiles", Repeated, Kind::Message(&RESOURCE_PROFILES)),
        field!(2, "dictionary", "dictionary", Plain, Kind::Message(&DICTIONARY)),
    ],
);

/// What all profiles of a request share: tables, of which everything else names the places.
static DICTIONARY: Message = Message::new(
    "ProfilesDictionary",
    &[
        field!(1, "mapping_table", "mappingTable", Repeated, Kind::Message(&MAPPING)),
        field!(2, "location_table", "locationTable", Repeated, Kind::Message(&LOCATION)),
        field!(3, "function_table", "functionTable", Repeated, Kind::Message(&FUNCTION)),
        field!(4, "link_table", "linkTable", Repeated, Kind::Message(&LINK)),
        field!(5, "string_table", "stringTable", Repeated, String),
        field!(6, "attribute_table", "attributeTable", Repeated, Kind::Message(&KEY_VALUE_AND_UNIT)),
        field!(7, "stack_table", "stackTable", Repeated, Kind::Message(&STACK)),
    ],
);

static RESOURCE_PROFILES: Message = Message::new(
    "ResourceProfiles",
    &[
        field!(1, "resource", "resource", Plain, Kind::Message(&RESOURCE)),
        field!(2, "scope_profiles", "scopeProfiles", Repeated, Kind::Message(&SCOPE_PROFILES)),
        field!(3, "schema_url", "schemaUrl", Plain, String),
    ],
);

static SCOPE_PROFILES: Message = Message::new(
    "ScopeProfiles",
    &[
        field!(1, "scope", "scope", Plain, Kind::Message(&INSTRUMENTATION_SCOPE)),
        field!(2, "profiles", "profiles", Repeated, Kind::Message(&PROFILE)),
        field!(3, "schema_url", "schemaUrl", Plain, String),
    ],
);

static PROFILE: Message = Message::item(
    "Profile",
    &[
        field!(1, "sample_type", "sampleType", Plain, Kind::Message(&VALUE_TYPE)),
        field!(2, "samples", "samples", Repeated, Kind::Message(&SAMPLE)),
        field!(3, "time_unix_nano", "timeUnixNano", Plain, Fixed64),
        field!(4, "duration_nano", "durationNano", Plain, Uint64),
        field!(5, "period_type", "periodType", Plain, Kind::Message(&VALUE_TYPE)),
        field!(6, "period", "period", Plain, Int64),
        field!(7, "profile_id", "profileId", Plain, Id),
        field!(8, "dropped_attributes_count", "droppedAttributesCount", Plain, Uint32),
        field!(9, "original_payload_format", "originalPayloadFormat", Plain, String),
        field!(10, "original_payload", "originalPayload", Plain, Bytes),
        field!(11, "attribute_indices", "attributeIndices", Repeated, Int32),
    ],
);

static VALUE_TYPE: Message = Message::new(
    "ValueType",
    &[
        field!(1, "type_strindex", "typeStrindex", Plain, Int32),
        field!(2, "unit_strindex", "unitStrindex", Plain, Int32),
    ],
);

static SAMPLE: Message = Message::new(
    "Sample",
    &[
        field!(1, "stack_index", "stackIndex", Plain, Int32),
        field!(2, "attribute_indices", "attributeIndices", Repeated, Int32),
        field!(3, "link_index", "linkIndex", Plain, Int32),
        field!(4, "values", "values", Repeated, Int64),
        field!(5, "timestamps_unix_nano", "timestampsUnixNano", Repeated, Fixed64),
    ],
);

static MAPPING: Message = Message::new(
    "Mapping",
    &[
        field!(1, "memory_start", "memoryStart", Plain, Uint64),
        field!(2, "memory_limit", "memoryLimit", Plain, Uint64),
        field!(3, "file_offset", "fileOffset", Plain, Uint64),
        field!(4, "filename_strindex", "filenameStrindex", Plain, Int32),
        field!(5, "attribute_indices", "attributeIndices", Repeated, Int32),
    ],
);

static STACK: Message =
    Message::new("Stack", &[field!(1, "location_indices", "locationIndices", Repeated, Int32)]);

static LOCATION: Message = Message::new(
    "Location",
    &[
        field!(1, "mapping_index", "mappingIndex", Plain, Int32),
        field!(2, "address", "address", Plain, Uint64),
        field!(3, "lines", "lines", Repeated, Kind::Message(&LINE)),
        field!(4, "attribute_indices", "attributeIndices", Repeated, Int32),
    ],
);

static LINE: Message = Message::new(
    "Line",
    &[
        field!(1, "function_index", "functionIndex", Plain, Int32),
        field!(2, "line", "line", Plain, Int64),
        field!(3, "column", "column", Plain, Int64),
    ],
);

static FUNCTION: Message = Message::new(
    "Function",
    &[
        field!(1, "name_strindex", "nameStrindex", Plain, Int32),
        field!(2, "system_name_strindex", "systemNameStrindex", Plain, Int32),
        field!(3, "filename_strindex", "filenameStrindex", Plain, Int32),
        field!(4, "start_line", "startLine", Plain, Int64),
    ],
);

/// Unlike that of a span: two ids and nothing else.
static LINK: Message = Message::new(
    "Link",
    &[field!(1, "trace_id", "traceId", Plain, Id), field!(2, "span_id", "spanId", Plain, Id)],
);

static KEY_VALUE_AND_UNIT: Message = Message::new(
    "KeyValueAndUnit",
    &[
        field!(1, "key_strindex", "keyStrindex", Plain, Int32),
        field!(2, "value", "value", Plain, Kind::Message(&ANY_VALUE)),
        field!(3, "unit_strindex", "unitStrindex", Plain, Int32),
    ],
);
