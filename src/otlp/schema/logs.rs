//! `opentelemetry.proto.logs.v1`.

use super::Kind::{Enum, Fixed32, Fixed64, Id, String, Uint32};
use super::common::{ANY_VALUE, INSTRUMENTATION_SCOPE, KEY_VALUE, RESOURCE};
use super::{Enumeration, Kind, Message, field};

/// `ExportLogsServiceRequest`, and `LogsData`.
pub(super) static REQUEST: Message = Message::new(
    "ExportLogsServiceRequest",
    &[field!(1, "resource_logs", "resourceLogs", Repeated, Kind::Message(&RESOURCE_LOGS))],
);

static RESOURCE_LOGS: Message = Message::new(
    "ResourceLogs",
    &[
        field!(1, "resource", "resource", Plain, Kind::Message(&RESOURCE)),
        field!(2, "scope_logs", "scopeLogs", Repeated, Kind::Message(&SCOPE_LOGS)),
        field!(3, "schema_url", "schemaUrl", Plain, String),
    ],
);

static SCOPE_LOGS: Message = Message::new(
    "ScopeLogs",
    &[
        field!(1, "scope", "scope", Plain, Kind::Message(&INSTRUMENTATION_SCOPE)),
        field!(2, "log_records", "logRecords", Repeated, Kind::Message(&LOG_RECORD)),
        field!(3, "schema_url", "schemaUrl", Plain, String),
    ],
);

static LOG_RECORD: Message = Message::item(
    "LogRecord",
    &[
        field!(1, "time_unix_nano", "timeUnixNano", Plain, Fixed64),
        field!(11, "observed_time_unix_nano", "observedTimeUnixNano", Plain, Fixed64),
        field!(2, "severity_number", "severityNumber", Plain, Enum(&SEVERITY_NUMBER)),
        field!(3, "severity_text", "severityText", Plain, String),
        field!(5, "body", "body", Plain, Kind::Message(&ANY_VALUE)),
        field!(6, "attributes", "attributes", Repeated, Kind::Message(&KEY_VALUE)),
        field!(7, "dropped_attributes_count", "droppedAttributesCount", Plain, Uint32),
        field!(8, "flags", "flags", Plain, Fixed32),
        field!(9, "trace_id", "traceId", Plain, Id),
        field!(10, "span_id", "spanId", Plain, Id),
        field!(12, "event_name", "eventName", Plain, String),
    ],
);

static SEVERITY_NUMBER: Enumeration = Enumeration {
    name: "SeverityNumber",
    values: &[
        ("SEVERITY_NUMBER_UNSPECIFIED", 0),
        ("SEVERITY_NUMBER_TRACE", 1),
        ("SEVERITY_NUMBER_TRACE2", 2),
        ("SEVERITY_NUMBER_TRACE3", 3),
        ("SEVERITY_NUMBER_TRACE4", 4),
        ("SEVERITY_NUMBER_DEBUG", 5),
        ("SEVERITY_NUMBER_DEBUG2", 6),
        ("SEVERITY_NUMBER_DEBUG3", 7),
        ("SEVERITY_NUMBER_DEBUG4", 8),
        ("SEVERITY_NUMBER_INFO", 9),
        ("SEVERITY_NUMBER_INFO2", 10),
        ("SEVERITY_NUMBER_INFO3", 11),
        ("SEVERITY_NUMBER_INFO4", 12),
        ("SEVERITY_NUMBER_WARN", 13),
        ("SEVERITY_NUMBER_WARN2", 14),
        ("SEVERITY_NUMBER_WARN3", 15),
        ("SEVERITY_NUMBER_WARN4", 16),
        ("SEVERITY_NUMBER_ERROR", 17),
        ("SEVERITY_NUMBER_ERROR2", 18),
        ("SEVERITY_NUMBER_ERROR3", 19),
        ("SEVERITY_NUMBER_ERROR4", 20),
        ("SEVERITY_NUMBER_FATAL", 21),
        ("SEVERITY_NUMBER_FATAL2", 22),
        ("SEVERITY_NUMBER_FATAL3", 23),
        ("SEVERITY_NUMBER_FATAL4", 24),
    ],
};
