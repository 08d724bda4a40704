//! The forms of a line.
//!
//! | form    | line                                                                                                     |
//! |---------|----------------------------------------------------------------------------------------------------------|
//! | text    | `2026-08-22T10:20:30.500000Z  WARN a message output=main error="denied" repeated=117`                    |
//! | journal | `<4>a message output=main error="denied" repeated=117`                                                   |
//! | json    | `{"time":"...","level":"warn","message":"a message","target":"forebay::upload","fields":{"output":"main"}}` |
//!
//! Whatever text an event has in it, its line is one line: control characters are escaped.

use std::fmt::{self, Write as _};
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde::ser::{SerializeMap as _, SerializeStruct as _};
use serde::{Serialize, Serializer};
use tracing::Level;

use super::event::{Event, Value};
use crate::telemetry::LogFormat;

/// How many others were left out.
pub(in crate::telemetry) const REPEATED: &str = "repeated";

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text { is_coloured: bool },
    Journal,
    Json,
}

impl Form {
    /// The form that lines shall have on the standard error; `journal` is what the environment says of journald.
    pub(super) fn of(format: LogFormat, journal: Option<&str>, is_terminal: bool) -> Self {
        match format {
            LogFormat::Json => Self::Json,
            LogFormat::Text if journal.is_some_and(is_standard_error) => Self::Journal,
            LogFormat::Text => Self::Text { is_coloured: is_terminal },
        }
    }

    /// The line of an event, with its end.
    pub(super) fn line(self, event: &Event) -> String {
        let mut line = match self {
            Self::Text { is_coloured } => text(event, is_coloured),
            Self::Journal => format!("<{}>{}", priority(event.level), Told { event, is_coloured: false }),
            Self::Json => serde_json::to_string(&Json(event)).unwrap_or_default(),
        };
        line.push('\n');
        line
    }
}

/// Whether the standard error is this stream of journald, named `device:inode` as systemd does in `JOURNAL_STREAM`. A
/// process whose output was led elsewhere has that variable as well.
fn is_standard_error(journal: &str) -> bool {
    fs::metadata("/proc/self/fd/2").is_ok_and(|file| format!("{}:{}", file.dev(), file.ino()) == journal)
}

fn text(event: &Event, is_coloured: bool) -> String {
    let Event { time, level, .. } = event;
    let told = Told { event, is_coloured };
    if !is_coloured {
        return format!("{time:.6} {level:>5} {told}");
    }
    let colour = match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    };
    format!("\x1b[2m{time:.6}\x1b[0m \x1b[{colour}m{level:>5}\x1b[0m {told}")
}

/// The priority of a level, as syslog numbers them.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Message and fields, for people.
struct Told<'a> {
    event: &'a Event,
    is_coloured: bool,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (italic, plain) = if self.is_coloured { ("\x1b[3m", "\x1b[0m") } else { ("", "") };
        on_one_line(f, &self.event.message)?;
        for (name, value) in &self.event.fields {
            write!(f, " {italic}{name}{plain}=")?;
            match value {
                Value::Text(text) => write!(f, "{text:?}")?,
                Value::Shown(text) => on_one_line(f, text)?,
                Value::Integer(number) => write!(f, "{number}")?,
                Value::Unsigned(number) => write!(f, "{number}")?,
                Value::Float(number) => write!(f, "{number}")?,
                Value::Boolean(truth) => write!(f, "{truth}")?,
            }
        }
        match self.event.repeated {
            0 => Ok(()),
            repeated => write!(f, " {italic}{REPEATED}{plain}={repeated}"),
        }
    }
}

/// Writes text without control characters: they would break the line, or deceive a terminal.
fn on_one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for letter in text.chars() {
        if letter.is_control() {
            write!(f, "{}", letter.escape_default())?;
        } else {
            f.write_char(letter)?;
        }
    }
    Ok(())
}

/// An event as a JSON object.
struct Json<'a>(&'a Event);

/// The fields of an event as a JSON object.
struct Fields<'a>(&'a Event);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Event { time, level, target, message, .. } = self.0;
        let mut object = serializer.serialize_struct("Event", 5)?;
        object.serialize_field("time", &format_args!("{time:.6}"))?;
        object.serialize_field("level", &level.as_str().to_ascii_lowercase())?;
        object.serialize_field("message", message)?;
        object.serialize_field("target", target)?;
        object.serialize_field("fields", &Fields(self.0))?;
        object.end()
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, value) in &self.0.fields {
            match value {
                Value::Text(text) | Value::Shown(text) => object.serialize_entry(name, text)?,
                Value::Integer(number) => object.serialize_entry(name, number)?,
                Value::Unsigned(number) => object.serialize_entry(name, number)?,
                // JSON has no numbers that are none.
                Value::Float(number) if !number.is_finite() => {
                    object.serialize_entry(name, &number.to_string())?;
                }
                Value::Float(number) => object.serialize_entry(name, number)?,
                Value::Boolean(truth) => object.serialize_entry(name, truth)?,
            }
        }
        if self.0.repeated > 0 {
            object.serialize_entry(REPEATED, &self.0.repeated)?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let fields = vec![
            ("output", Value::Text("ma\"in".to_owned())),
            ("error", Value::Shown("denied\nand \x1b[31mred".to_owned())),
            ("attempt", Value::Unsigned(3)),
            ("change", Value::Integer(-1)),
            ("share", Value::Float(0.5)),
            ("none", Value::Float(f64::NAN)),
            ("last", Value::Boolean(true)),
        ];
        Event { fields, repeated: 117, ..Event::test(Level::WARN, "it\nfailed") }
    }

    #[test]
    fn a_line_of_text_is_one_line_with_everything_in_it() {
        assert_eq!(
            Form::Text { is_coloured: false }.line(&event()),
            "2026-08-22T10:20:30.500000Z  WARN it\\nfailed output=\"ma\\\"in\" error=denied\\nand \\u{1b}[31mred attempt=3 \
             change=-1 share=0.5 none=NaN last=true repeated=117\n"
        );
        let coloured = Form::Text { is_coloured: true }.line(&Event::test(Level::ERROR, "no"));
        assert_eq!(coloured, "\x1b[2m2026-08-22T10:20:30.500000Z\x1b[0m \x1b[31mERROR\x1b[0m no\n");
    }

    #[test]
    fn journald_is_told_the_priority_and_no_time() {
        for (level, line) in [
            (Level::ERROR, "<3>full\n"),
            (Level::WARN, "<4>full\n"),
            (Level::INFO, "<6>full\n"),
            (Level::DEBUG, "<7>full\n"),
            (Level::TRACE, "<7>full\n"),
        ] {
            assert_eq!(Form::Journal.line(&Event::test(level, "full")), line);
        }
    }

    #[test]
    fn a_line_of_json_is_one_object_with_typed_fields() {
        let line = Form::Json.line(&event());
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            object,
            serde_json::json!({
                "time": "2026-08-22T10:20:30.500000Z", "level": "warn", "message": "it\nfailed", "target": "forebay::upload",
                "fields": {
                    "output": "ma\"in", "error": "denied\nand \x1b[31mred", "attempt": 3, "change": -1, "share": 0.5,
                    "none": "NaN", "last": true, "repeated": 117,
                },
            })
        );
    }

    #[test]
    fn only_the_stream_that_systemd_made_is_taken_for_journalds() {
        let file = fs::metadata("/proc/self/fd/2").unwrap();
        let (own, other) = (format!("{}:{}", file.dev(), file.ino()), format!("{}:0", file.dev()));
        for (format, journal, form) in [
            (LogFormat::Text, Some(&own), Form::Journal),
            (LogFormat::Text, Some(&other), Form::Text { is_coloured: true }),
            (LogFormat::Text, None, Form::Text { is_coloured: true }),
            (LogFormat::Json, Some(&own), Form::Json),
        ] {
            assert_eq!(Form::of(format, journal.map(String::as_str), true), form, "{format:?} {journal:?}");
        }
    }
}
