//! The columns of a table, and where their values come from.

use super::lookup::Lookup;
use super::promotion::{Promotion, Source};
use crate::otlp::Signal;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, in `snake_case`.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds. Every kind may be null but the map, which is empty instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// A signed whole number of 64 bits.
    Int64,
    /// A signed whole number of 32 bits.
    Int32,
    /// A finite floating-point number of 64 bits.
    Double,
    /// A truth value.
    Boolean,
    /// A time in UTC, in microseconds since 1970.
    Timestamp,
    /// A map from text to text or null.
    TextMap,
    /// A list of signed whole numbers of 64 bits.
    Int64List,
    /// A list of finite floating-point numbers of 64 bits.
    DoubleList,
}

/// The columns of the rows of one signal.
///
/// First those that all signals share, then those of the signal, then `extra`, and last the promoted ones in the order
/// in which they were given: so that one more never moves another.
#[derive(Clone, Debug)]
pub struct Layout {
    signal: Signal,
    columns: Vec<Column>,
    /// Where `extra` stands.
    pub(super) extra: usize,
    /// The columns that attributes of an item fill.
    pub(super) of_item: Lookup,
    /// The columns that attributes of the resource fill, if the item did not.
    pub(super) of_resource: Lookup,
    /// The columns that attributes of the scope fill.
    pub(super) of_scope: Lookup,
}

/// Columns by name, in their order.
type Columns = [(&'static str, Kind)];

/// The columns that all signals share, which come first.
const COMMON: &Columns = &[
    ("id", Kind::Text),
    ("timestamp", Kind::Timestamp),
    ("time_unix_nano", Kind::Int64),
    ("received_at", Kind::Timestamp),
    ("service_name", Kind::Text),
    ("service_version", Kind::Text),
    ("scope_name", Kind::Text),
    ("scope_version", Kind::Text),
    ("session_id", Kind::Text),
    ("user_id", Kind::Text),
    ("user_email", Kind::Text),
    ("user_account_uuid", Kind::Text),
    ("organization_id", Kind::Text),
    ("terminal_type", Kind::Text),
    ("app_version", Kind::Text),
    ("model", Kind::Text),
    ("attributes", Kind::TextMap),
    ("resource_attributes", Kind::TextMap),
];

/// The signals that have rows: all but profiles.
pub const SIGNALS: [Signal; 3] = [Signal::Logs, Signal::Metrics, Signal::Traces];

const METRICS: &Columns = &[
    ("start_timestamp", Kind::Timestamp),
    ("metric_name", Kind::Text),
    ("metric_unit", Kind::Text),
    ("metric_type", Kind::Text),
    ("temporality", Kind::Text),
    ("is_monotonic", Kind::Boolean),
    ("value", Kind::Double),
    ("value_int", Kind::Int64),
    ("attr_type", Kind::Text),
    ("count", Kind::Int64),
    ("sum", Kind::Double),
    ("min", Kind::Double),
    ("max", Kind::Double),
    ("bucket_counts", Kind::Int64List),
    ("explicit_bounds", Kind::DoubleList),
    ("flags", Kind::Int32),
];

const LOGS: &Columns = &[
    ("observed_timestamp", Kind::Timestamp),
    ("event_name", Kind::Text),
    ("event_sequence", Kind::Int64),
    ("prompt_id", Kind::Text),
    ("severity_number", Kind::Int32),
    ("severity_text", Kind::Text),
    ("body", Kind::Text),
    ("trace_id", Kind::Text),
    ("span_id", Kind::Text),
    ("tool_name", Kind::Text),
    ("decision", Kind::Text),
    ("success", Kind::Boolean),
    ("error", Kind::Text),
    ("status_code", Kind::Text),
    ("cost_usd", Kind::Double),
    ("duration_ms", Kind::Double),
    ("input_tokens", Kind::Int64),
    ("output_tokens", Kind::Int64),
    ("cache_read_tokens", Kind::Int64),
    ("cache_creation_tokens", Kind::Int64),
];

const TRACES: &Columns = &[
    ("end_timestamp", Kind::Timestamp),
    ("duration_ns", Kind::Int64),
    ("trace_id", Kind::Text),
    ("span_id", Kind::Text),
    ("parent_span_id", Kind::Text),
    ("trace_state", Kind::Text),
    ("span_name", Kind::Text),
    ("span_kind", Kind::Int32),
    ("status_code", Kind::Int32),
    ("status_message", Kind::Text),
    ("events", Kind::Text),
    ("links", Kind::Text),
];

/// The column of what no other column holds.
const EXTRA: &str = "extra";

/// Attributes of the item, or else of the resource, and the columns they fill.
const OF_BOTH: &[(&str, &str)] = &[
    ("session.id", "session_id"),
    ("user.id", "user_id"),
    ("user.email", "user_email"),
    ("user.account_uuid", "user_account_uuid"),
    ("organization.id", "organization_id"),
    ("terminal.type", "terminal_type"),
    ("app.version", "app_version"),
    ("model", "model"),
];

/// Attributes of the resource and the columns they fill.
const OF_RESOURCE: &[(&str, &str)] =
    &[("service.name", "service_name"), ("service.version", "service_version")];

/// Attributes of a data point and the columns they fill.
const OF_POINT: &[(&str, &str)] = &[("type", "attr_type")];

/// Attributes of a log record and the columns they fill, named as Claude Code names them.
const OF_LOG_RECORD: &[(&str, &str)] = &[
    ("event.name", "event_name"),
    ("event.sequence", "event_sequence"),
    ("prompt.id", "prompt_id"),
    ("tool_name", "tool_name"),
    ("decision", "decision"),
    ("success", "success"),
    ("error", "error"),
    ("status_code", "status_code"),
    ("cost_usd", "cost_usd"),
    ("duration_ms", "duration_ms"),
    ("input_tokens", "input_tokens"),
    ("output_tokens", "output_tokens"),
    ("cache_read_tokens", "cache_read_tokens"),
    ("cache_creation_tokens", "cache_creation_tokens"),
];

impl Layout {
    /// The columns of `signal`, with `promoted` ones, whose names must differ from each other. Profiles have no rows, and so
    /// no columns but those that all share.
    pub fn new(signal: Signal, promoted: &[Promotion]) -> Self {
        let of_signal = of_signal(signal);
        let own = COMMON.iter().chain(of_signal).chain(&[(EXTRA, Kind::Text)]);
        let mut columns: Vec<_> =
            own.map(|(name, kind)| Column { name: (*name).to_owned(), kind: *kind }).collect();
        let extra = columns.len() - 1;
        let mut layout = Self {
            signal,
            columns: Vec::new(),
            extra,
            of_item: Lookup::default(),
            of_resource: Lookup::default(),
            of_scope: Lookup::default(),
        };
        layout.of_item.add_all(OF_BOTH, &columns);
        layout.of_resource.add_all(OF_BOTH, &columns);
        layout.of_resource.add_all(OF_RESOURCE, &columns);
        match signal {
            Signal::Logs => layout.of_item.add_all(OF_LOG_RECORD, &columns),
            Signal::Metrics => layout.of_item.add_all(OF_POINT, &columns),
            Signal::Traces | Signal::Profiles => {}
        }
        for Promotion { name, source, key, kind } in promoted {
            let lookup = match source {
                Source::Item => &mut layout.of_item,
                Source::Resource => &mut layout.of_resource,
                Source::Scope => &mut layout.of_scope,
            };
            lookup.add(key, columns.len(), *kind);
            columns.push(Column { name: name.clone(), kind: *kind });
        }
        layout.columns = columns;
        layout
    }

    /// The signal whose rows it describes.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The columns, in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}

/// Whether a column of any signal has this name.
pub(super) fn is_taken(name: &str) -> bool {
    let own = [COMMON, METRICS, LOGS, TRACES].into_iter().flatten();
    own.map(|(own, _)| *own).chain([EXTRA]).any(|own| own == name)
}

/// The columns of a signal that not all have.
const fn of_signal(signal: Signal) -> &'static Columns {
    match signal {
        Signal::Logs => LOGS,
        Signal::Metrics => METRICS,
        Signal::Traces => TRACES,
        Signal::Profiles => &[],
    }
}

/// The place of a column that all signals share. For constants: a name that is not there does not compile.
pub(super) const fn common(name: &str) -> usize {
    place(COMMON, name)
}

/// The place of a column of one signal. For constants, as [`common`].
pub(super) const fn own(signal: Signal, name: &str) -> usize {
    COMMON.len() + place(of_signal(signal), name)
}

const fn place(columns: &Columns, name: &str) -> usize {
    let mut place = 0;
    while !is_same(columns[place].0.as_bytes(), name.as_bytes()) {
        place += 1;
    }
    place
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promoted_columns_come_last_so_that_one_more_moves_no_other() {
        let team = Promotion::parse("team", "resource.team").unwrap();
        let cost = Promotion::parse("cost", "attributes.cost as double").unwrap();
        for signal in SIGNALS {
            let plain = Layout::new(signal, &[]);
            let more = Layout::new(signal, &[team.clone(), cost.clone()]);
            let (own, promoted) = more.columns().split_at(plain.columns().len());
            assert_eq!(own, plain.columns());
            assert_eq!(own[plain.extra].name, "extra");
            assert_eq!(plain.extra + 1, own.len());
            let [team, cost] = promoted else { panic!("{promoted:?}") };
            assert_eq!((&*team.name, team.kind), ("team", Kind::Text));
            assert_eq!((&*cost.name, cost.kind), ("cost", Kind::Double));
        }
    }

    #[test]
    fn no_name_is_used_twice_and_none_is_that_of_a_folder() {
        for signal in SIGNALS {
            let layout = Layout::new(signal, &[]);
            let mut names: Vec<_> = layout.columns().iter().map(|column| &*column.name).collect();
            assert!(!names.contains(&"date") && !names.contains(&"hour"));
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), layout.columns().len());
        }
    }
}
