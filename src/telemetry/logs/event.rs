//! One event, as the code below tells it: a message and its fields.

use std::fmt;
use std::panic::PanicHookInfo;

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event as Told, Level};

use crate::telemetry::export::may_be_exported;

/// Bytes of text that are kept of one event. What is longer is cut: a line is for reading, and what is remembered of many
/// must not fill memory.
const TEXT_BYTES: usize = 8 << 10;

/// What stands where text was cut.
const CUT: char = '…';

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::telemetry) struct Event {
    pub(in crate::telemetry) time: Timestamp,
    pub(in crate::telemetry) level: Level,
    /// Where in the code it comes from.
    pub(in crate::telemetry) target: &'static str,
    pub(in crate::telemetry) message: String,
    pub(in crate::telemetry) fields: Vec<(&'static str, Value)>,
    /// How many others like it were left out since one was shown.
    pub(in crate::telemetry) repeated: u64,
    /// Whether it may be exported: it is important enough, and the export is not the reason for it.
    pub(in crate::telemetry) may_be_exported: bool,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::telemetry) enum Value {
    /// Text.
    Text(String),
    /// What something looks like that is no text.
    Shown(String),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Boolean(bool),
}

impl Event {
    /// What is told now.
    pub(super) fn new(told: &Told<'_>) -> Self {
        let metadata = told.metadata();
        let mut reading = Reading { message: String::new(), fields: Vec::new(), room: TEXT_BYTES };
        told.record(&mut reading);
        Self {
            time: Timestamp::now(),
            level: *metadata.level(),
            target: metadata.target(),
            message: reading.message,
            fields: reading.fields,
            repeated: 0,
            may_be_exported: *metadata.level() <= Level::INFO && may_be_exported(metadata.target()),
        }
    }

    /// A panic of the thread with this name.
    pub(super) fn of_panic(panic: &PanicHookInfo<'_>, thread: &str) -> Self {
        let mut reading = Reading { message: String::new(), fields: Vec::new(), room: TEXT_BYTES };
        let reason =
            reading.text(format_args!("{}", panic.payload_as_str().unwrap_or("it does not say why")));
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let fields = vec![
            ("thread", Value::Text(thread.to_owned())),
            ("place", Value::Text(place)),
            ("reason", Value::Text(reason)),
        ];
        let message = "a thread panicked".to_owned();
        let (time, level, target) = (Timestamp::now(), Level::ERROR, module_path!());
        Self { time, level, target, message, fields, repeated: 0, may_be_exported: may_be_exported(target) }
    }

    /// About how much memory it takes, in bytes.
    pub(in crate::telemetry) fn bytes(&self) -> usize {
        let of_value = |value: &Value| match value {
            Value::Text(text) | Value::Shown(text) => text.len(),
            _ => 0,
        };
        let of_fields = self.fields.iter().map(|(_, value)| size_of::<(&str, Value)>() + of_value(value));
        size_of::<Self>() + self.message.len() + of_fields.sum::<usize>()
    }
}

/// Collects what an event has to say, as far as there is room for it.
struct Reading {
    message: String,
    fields: Vec<(&'static str, Value)>,
    room: usize,
}

impl Reading {
    /// Writes text, and cuts it where there is no room for more.
    fn text(&mut self, shown: fmt::Arguments<'_>) -> String {
        let mut cut = Cut { text: String::new(), room: self.room };
        // It ends early when the text is cut.
        let _ = fmt::write(&mut cut, shown);
        self.room = cut.room;
        cut.text
    }

    fn add(&mut self, field: &Field, value: Value) {
        let name = field.name();
        self.fields.push((name.strip_prefix("r#").unwrap_or(name), value));
    }
}

impl Visit for Reading {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Unsigned(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Boolean(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.text(format_args!("{value}"));
        if field.name() == "message" {
            self.message = text;
        } else {
            self.add(field, Value::Text(text));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = self.text(format_args!("{value:?}"));
        if field.name() == "message" {
            self.message = text;
        } else {
            self.add(field, Value::Shown(text));
        }
    }
}

/// Text that is cut where there is no room for more.
struct Cut {
    text: String,
    room: usize,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if piece.len() <= self.room {
            self.room -= piece.len();
            self.text.push_str(piece);
            return Ok(());
        }
        self.text.push_str(&piece[..piece.floor_char_boundary(self.room)]);
        self.text.push(CUT);
        self.room = 0;
        Err(fmt::Error)
    }
}

#[cfg(test)]
impl Event {
    /// One with this message.
    pub(in crate::telemetry) fn test(level: Level, message: &str) -> Self {
        Self {
            time: "2026-08-22T10:20:30.5Z".parse().unwrap(),
            level,
            target: "forebay::upload",
            message: message.to_owned(),
            fields: Vec::new(),
            repeated: 0,
            may_be_exported: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn text_is_cut_between_letters_where_there_is_no_room_for_more() {
        let mut cut = Cut { text: String::new(), room: 8 };
        let (first, second) = ("abc", "déf");
        assert!(write!(cut, "{first}{second}").is_ok());
        let (over, never) = ("ü", "never");
        assert!(write!(cut, "{over}{never}").is_err());
        assert_eq!((cut.text.as_str(), cut.room), ("abcdéf…", 0));
    }
}
