//! Rows of log records.

use super::extra;
use super::fields::Fields;
use super::flatten::{ITEM_DEPTH, Rows};
use super::layout;
use super::shared::Shared;
use super::value::Value;
use crate::otlp::schema::Message;
use crate::otlp::wire::Reader;
use crate::otlp::{Invalid, Signal};

const OBSERVED_TIMESTAMP: usize = layout::own(Signal::Logs, "observed_timestamp");
const EVENT_NAME: usize = layout::own(Signal::Logs, "event_name");
const SEVERITY_NUMBER: usize = layout::own(Signal::Logs, "severity_number");
const SEVERITY_TEXT: usize = layout::own(Signal::Logs, "severity_text");
const BODY: usize = layout::own(Signal::Logs, "body");
const TRACE_ID: usize = layout::own(Signal::Logs, "trace_id");
const SPAN_ID: usize = layout::own(Signal::Logs, "span_id");

/// The numbers of the fields of `opentelemetry.proto.logs.v1.LogRecord`.
mod number {
    pub(super) const TIME: u32 = 1;
    pub(super) const SEVERITY_NUMBER: u32 = 2;
    pub(super) const SEVERITY_TEXT: u32 = 3;
    pub(super) const BODY: u32 = 5;
    pub(super) const ATTRIBUTES: u32 = 6;
    pub(super) const TRACE_ID: u32 = 9;
    pub(super) const SPAN_ID: u32 = 10;
    pub(super) const OBSERVED_TIME: u32 = 11;
    pub(super) const EVENT_NAME: u32 = 12;
}

impl<'a> Rows<'_, 'a> {
    /// Appends the row of a `LogRecord`.
    pub(super) fn log_record(
        &mut self,
        message: &'static Message,
        sent: Reader<'a>,
        shared: [&Shared; 2],
    ) -> Result<(), Invalid> {
        let fields = Fields::read(message, sent, &mut self.irregular)?;
        self.begin();
        let time = fields.long(number::TIME)?;
        let observed = fields.long(number::OBSERVED_TIME)?;
        let mut held = 1 << number::ATTRIBUTES | 1 << number::SEVERITY_NUMBER;
        held |= self.time(number::TIME, &[time, observed]);
        held |= self.other_time(number::OBSERVED_TIME, OBSERVED_TIMESTAMP, observed, time);
        let severity = fields.short(number::SEVERITY_NUMBER)?.cast_signed();
        if severity != 0 {
            self.table.set_integer(SEVERITY_NUMBER, severity.into());
        }
        held |= self.text(&fields, number::SEVERITY_TEXT, SEVERITY_TEXT);
        held |= self.hex(&fields, number::TRACE_ID, TRACE_ID);
        held |= self.hex(&fields, number::SPAN_ID, SPAN_ID);
        held |= self.body(&fields)?;
        // Not held: the column may have it from an attribute as well.
        self.text(&fields, number::EVENT_NAME, EVENT_NAME);
        self.attributes(&fields, number::ATTRIBUTES, ITEM_DEPTH)?;
        extra::write_rest(&fields, held, ITEM_DEPTH, &mut self.extra)?;
        self.finish(&shared);
        Ok(())
    }

    /// Sets the body. Returns the fields that are held: only text is.
    fn body(&mut self, fields: &Fields<'a>) -> Result<u32, Invalid> {
        let Some(sent) = fields.get(number::BODY) else { return Ok(0) };
        let value = Value::read(sent, ITEM_DEPTH + 1, &mut self.irregular)?;
        let text = value.text(ITEM_DEPTH + 1, &mut self.irregular, &mut self.scratch)?;
        if let Some(text) = text {
            self.table.set_text(BODY, &text);
        }
        Ok(u32::from(matches!(value, Value::Text(_))) << number::BODY)
    }
}
