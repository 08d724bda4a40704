//! Telemetry as flat rows: one for each data point, log record or span. Profiles have
//! no rows: what they say lies in the tables of their dictionary.
//!
//! A request of OTLP becomes rows of a [`Table`], whose columns a [`Layout`] names; from there the rows are written in the
//! format that readers want. [`flatten()`] walks over the wire format once and builds no objects. [`Restorer`] is the way back.
//!
//! # Nothing is lost
//!
//! What the other columns of a row do not hold exactly is in its last own column, `extra`: a compact object of
//! OTLP/JSON, or null if nothing is left over. From a row and its `extra` the item can be made again, with its resource
//! and its scope. Lost are only how items were grouped under resources, scopes and metrics; messages without items, such
//! as a metric without points; fields that OTLP does not have; and bytes that are not UTF-8.
//!
//! The members of `extra` are the fields of the item (and of its metric) under their names in OTLP/JSON, and beside them
//! `resource`, `resourceSchemaUrl`, `scope` and `scopeSchemaUrl`. A member counts before a column.
//!
//! What rows share is copied to each of them, up to 256 MiB for one request, which is more than telemetry of any use
//! takes. Rows beyond that have `resourceOf`, `scopeOf` or `metricOf` in `extra`: the `id` of a row, of the same request,
//! that has what they lack.
//!
//! # What becomes of what
//!
//! | What was sent | In columns | In `extra` |
//! |---|---|---|
//! | attribute that is a text | the text, in the map | |
//! | attribute that is a number or a truth value | as JSON writes it, in the map: `5`, `0.1`, `2.0`, `true`, `NaN`, `Infinity` | the attribute, in the list `attributes` |
//! | attribute of bytes | base64, in the map | the same |
//! | attribute that is an array or a map | plain JSON, in the map: `[1,"a",{"k":true}]`; of a key repeated in it the first | the same |
//! | attribute without a value | null, in the map | the same: `{"key":"a"}`, or `{"key":"a","value":{}}` for an empty value |
//! | attribute with a reference to the dictionary of profiles | null or its text, in the map | the same |
//! | attribute with an empty key, or with dots in it | as it is | |
//! | attribute key that is repeated | the first, in the map and in columns of its own | **all** attributes: a list longer than the map is the whole |
//! | attribute of a scope | only if promoted | all of them, in `scope` |
//! | text that is not UTF-8 | U+FFFD for what is not | the same |
//! | attribute that has a column of its own | what can be had in its type: numbers and truth values sent as text are parsed, a double is a whole number if it has no fraction, a whole number is the nearest double, any value is text as in the map; else null | |
//! | `session.id`, `user.id`, `user.email`, `user.account_uuid`, `organization.id`, `terminal.type`, `app.version`, `model` | of the item, or else of the resource | |
//! | `service.name`, `service.version` | of the resource | |
//! | resource without attributes | an empty map | `"resource":{}`; nothing if there was no resource |
//! | scope without name and version | null | `"scope":{}`; nothing if there was no scope |
//! | other fields of resource and scope; schema addresses | | `resource`, `scope`; `resourceSchemaUrl`, `scopeSchemaUrl` |
//! | empty text, empty id | null (an empty attribute is an empty text) | |
//! | id of a wrong length | lower-case hex of what was sent | |
//! | NaN and infinities, in columns of doubles | null | exact, as `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | time of the item (of a span: its start) | `time_unix_nano`, 0 included; `timestamp` in microseconds, cut | |
//! | time 0 | `timestamp` is the observed time of a log record, or else `received_at`: a row always has a time | |
//! | time beyond the year 2262 | `time_unix_nano` is null, timestamps are right | the time, exact |
//! | observed time, start time of a point | timestamps in microseconds, cut; null if 0 | exact, unless it is one of whole microseconds that differ from those of the item's time, or that very time |
//! | end of a span | `end_timestamp`; `duration_ns`, exact, negative if it ended first; both null if it is 0 | exact, if the duration is beyond 64 bits |
//! | whole number of a point | `value_int`; `value` is the nearest double | |
//! | double of a point | `value`; `value_int` is null | |
//! | point without a value | both null | |
//! | count beyond 2^63 - 1 | null | exact |
//! | bucket counts or bounds of a histogram, one of them beyond its type | the whole list is null | the whole list |
//! | empty list of a histogram | null | |
//! | flags of a point beyond 2^31 - 1 | null (0 is 0) | exact |
//! | temporality | `delta`, `cumulative`; null if unspecified | a number that OTLP does not have |
//! | `sum`, `min` and `max` that are not there | null; `sum` of a summary is 0 then | |
//! | exponential buckets, quantiles, exemplars, description and metadata of a metric | | under their names |
//! | severity number 0, span kind 0 | null | |
//! | body of a log record that is a text | the text | |
//! | any other body | as an attribute in the map | `body` |
//! | name of an event | the field, or else the attribute `event.name` | `eventName`, if the field is there |
//! | status of a span | `status_code`, 0 included; null if there is no status | |
//! | events and links of a span | arrays of OTLP/JSON | |
//! | flags of log records and spans, dropped counts | | if they are not 0 |
//! | resource, scope or metric of which copies would take more than 256 MiB in a request | null, and empty maps | `resourceOf`, `scopeOf`, `metricOf`: the `id` of the row that has it |
//! | field given twice, message given in pieces | as protobuf has it: the last value, the merged message | |

mod attributes;
mod cells;
mod csv;
mod extra;
mod fields;
mod flatten;
mod json_lines;
mod keys;
mod layout;
mod logs;
mod lookup;
mod metrics;
mod parquet;
mod pieces;
mod promotion;
mod restore;
mod shared;
mod table;
#[cfg(test)]
mod testing;
mod timestamp;
mod traces;
mod value;

pub use csv::{write_csv, write_csv_header};
pub use flatten::{Origin, flatten, flatten_within};
pub use json_lines::write_json_lines;
pub use layout::{Column, Kind, Layout, SIGNALS};
pub use parquet::{ParquetCompression, ParquetWriteError, ParquetWriter, ROW_GROUP_ROWS_MAX};
pub use pieces::Pieces;
pub use promotion::Promotion;
pub use restore::{Cell, CsvColumns, ParquetRows, RestoreError, Restorer, Row, read_csv_record};
pub use table::{Lists, Maps, Numbers, Table, Texts, Values};

#[cfg(test)]
mod attributes_tests;
#[cfg(test)]
mod common_tests;
#[cfg(test)]
mod logs_tests;
#[cfg(test)]
mod metrics_tests;
#[cfg(test)]
mod traces_tests;
