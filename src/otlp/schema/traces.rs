//! `opentelemetry.proto.trace.v1`.

use super::Kind::{Enum, Fixed32, Fixed64, Id, String, Uint32};
use super::common::{INSTRUMENTATION_SCOPE, KEY_VALUE, RESOURCE};
use super::{Enumeration, Kind, Message, field};

/// `ExportTraceServiceRequest`, and `TracesData`.
pub(super) static REQUEST: Message = Message::new(
    "ExportTraceServiceRequest",
    &[field!(1, "resource_spans", "resourceSpans", Repeated, Kind::Message(&RESOURCE_SPANS))],
);

static RESOURCE_SPANS: Message = Message::new(
    "ResourceSpans",
    &[
        field!(1, "resource", "resource", Plain, Kind::Message(&RESOURCE)),
        field!(2, "scope_spans", "scopeSpans", Repeated, Kind::Message(&SCOPE_SPANS)),
        field!(3, "schema_url", "schemaUrl", Plain, String),
    ],
);

static SCOPE_SPANS: Message = Message::new(
    "ScopeSpans",
    &[
        field!(1, "scope", "scope", Plain, Kind::Message(&INSTRUMENTATION_SCOPE)),
        field!(2, "spans", "spans", Repeated, Kind::Message(&SPAN)),
        field!(3, "schema_url", "schemaUrl", Plain, String),
    ],
);

static SPAN: Message = Message::item(
    "Span",
    &[
        field!(1, "trace_id", "traceId", Plain, Id),
        field!(2, "span_id", "spanId", Plain, Id),
        field!(3, "trace_state", "traceState", Plain, String),
        field!(4, "parent_span_id", "parentSpanId", Plain, Id),
        field!(16, "flags", "flags", Plain, Fixed32),
        field!(5, "name", "name", Plain, String),
        field!(6, "kind", "kind", Plain, Enum(&SPAN_KIND)),
        field!(7, "start_time_unix_nano", "startTimeUnixNano", Plain, Fixed64),
        field!(8, "end_time_unix_nano", "endTimeUnixNano", Plain, Fixed64),
        field!(9, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(10, "dropped_attributes_count", "droppedAttributesCount", Plain, Uint32),
        field!(11, "events", "events", Repeated, Kind::Message(&EVENT)),
        field!(12, "dropped_events_count", "droppedEventsCount", Plain, Uint32),
        field!(13, "links", "links", Repeated, Kind::Message(&LINK)),
        field!(14, "dropped_links_count", "droppedLinksCount", Plain, Uint32),
        field!(15, "status", "status", Plain, Kind::Message(&STATUS)),
    ],
);

static EVENT: Message = Message::new(
    "Event",
    &[
        field!(1, "time_unix_nano", "timeUnixNano", Plain, Fixed64),
        field!(2, "name", "name", Plain, String),
        field!(3, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(4, "dropped_attributes_count", "droppedAttributesCount", Plain, Uint32),
    ],
);

static LINK: Message = Message::new(
    "Link",
    &[
        field!(1, "trace_id", "traceId", Plain, Id),
        field!(2, "span_id", "spanId", Plain, Id),
        field!(3, "trace_state", "traceState", Plain, String),
        field!(4, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(5, "dropped_attributes_count", "droppedAttributesCount", Plain, Uint32),
        field!(6, "flags", "flags", Plain, Fixed32),
    ],
);

static STATUS: Message = Message::new(
    "Status",
    &[field!(2, "message", "message", Plain, String), field!(3, "code", "code", Plain, Enum(&STATUS_CODE))],
);

static SPAN_KIND: Enumeration = Enumeration {
    name: "SpanKind",
    values: &[
        ("SPAN_KIND_UNSPECIFIED", 0),
        ("SPAN_KIND_INTERNAL", 1),
        ("SPAN_KIND_SERVER", 2),
        ("SPAN_KIND_CLIENT", 3),
        ("SPAN_KIND_PRODUCER", 4),
        ("SPAN_KIND_CONSUMER", 5),
    ],
};

static STATUS_CODE: Enumeration = Enumeration {
    name: "StatusCode",
    values: &[("STATUS_CODE_UNSET", 0), ("STATUS_CODE_OK", 1), ("STATUS_CODE_ERROR", 2)],
};
