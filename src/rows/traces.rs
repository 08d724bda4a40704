//! Rows of spans.

use super::extra;
use super::fields::{Fields, utf8};
use super::flatten::{ITEM_DEPTH, Rows, inner, micros};
use super::layout;
use super::shared::Shared;
use crate::otlp::schema::Message;
use crate::otlp::wire::Reader;
use crate::otlp::{Invalid, Signal};

const END_TIMESTAMP: usize = layout::own(Signal::Traces, "end_timestamp");
const DURATION_NS: usize = layout::own(Signal::Traces, "duration_ns");
const TRACE_ID: usize = layout::own(Signal::Traces, "trace_id");
const SPAN_ID: usize = layout::own(Signal::Traces, "span_id");
const PARENT_SPAN_ID: usize = layout::own(Signal::Traces, "parent_span_id");
const TRACE_STATE: usize = layout::own(Signal::Traces, "trace_state");
const SPAN_NAME: usize = layout::own(Signal::Traces, "span_name");
const SPAN_KIND: usize = layout::own(Signal::Traces, "span_kind");
const STATUS_CODE: usize = layout::own(Signal::Traces, "status_code");
const STATUS_MESSAGE: usize = layout::own(Signal::Traces, "status_message");
const EVENTS: usize = layout::own(Signal::Traces, "events");
const LINKS: usize = layout::own(Signal::Traces, "links");

/// The numbers of the fields of `opentelemetry.proto.trace.v1.Span`.
mod number {
    pub(super) const TRACE_ID: u32 = 1;
    pub(super) const SPAN_ID: u32 = 2;
    pub(super) const TRACE_STATE: u32 = 3;
    pub(super) const PARENT_SPAN_ID: u32 = 4;
    pub(super) const NAME: u32 = 5;
    pub(super) const KIND: u32 = 6;
    pub(super) const START_TIME: u32 = 7;
    pub(super) const END_TIME: u32 = 8;
    pub(super) const ATTRIBUTES: u32 = 9;
    pub(super) const EVENTS: u32 = 11;
    pub(super) const LINKS: u32 = 13;
    pub(super) const STATUS: u32 = 15;
    /// Of `Status`.
    pub(super) const STATUS_MESSAGE: u32 = 2;
    /// Of `Status`.
    pub(super) const STATUS_CODE: u32 = 3;
}

impl<'a> Rows<'_, 'a> {
    /// Appends the row of a `Span`.
    pub(super) fn span(
        &mut self,
        message: &'static Message,
        sent: Reader<'a>,
        shared: [&Shared; 2],
    ) -> Result<(), Invalid> {
        let fields = Fields::read(message, sent, &mut self.irregular)?;
        self.begin();
        let mut held = 1 << number::ATTRIBUTES | 1 << number::KIND | 1 << number::STATUS;
        let start = fields.long(number::START_TIME)?;
        held |= self.time(number::START_TIME, &[start]);
        held |= self.end_time(start, fields.long(number::END_TIME)?);
        held |= self.hex(&fields, number::TRACE_ID, TRACE_ID);
        held |= self.hex(&fields, number::SPAN_ID, SPAN_ID);
        held |= self.hex(&fields, number::PARENT_SPAN_ID, PARENT_SPAN_ID);
        held |= self.text(&fields, number::TRACE_STATE, TRACE_STATE);
        held |= self.text(&fields, number::NAME, SPAN_NAME);
        let kind = fields.short(number::KIND)?.cast_signed();
        if kind != 0 {
            self.table.set_integer(SPAN_KIND, kind.into());
        }
        self.status(&fields)?;
        held |= self.list(&fields, number::EVENTS, EVENTS)?;
        held |= self.list(&fields, number::LINKS, LINKS)?;
        self.attributes(&fields, number::ATTRIBUTES, ITEM_DEPTH)?;
        extra::write_rest(&fields, held, ITEM_DEPTH, &mut self.extra)?;
        self.finish(&shared);
        Ok(())
    }

    /// Sets when the span ended and how long it took. Returns the fields that are held.
    fn end_time(&mut self, start: u64, end: u64) -> u32 {
        if end == 0 {
            return 1 << number::END_TIME;
        }
        self.table.set_integer(END_TIMESTAMP, micros(end));
        let Ok(duration) = i64::try_from(i128::from(end) - i128::from(start)) else { return 0 };
        self.table.set_integer(DURATION_NS, duration);
        1 << number::END_TIME
    }

    /// Sets the status. Its code is there if it is, for 0 is a status as well.
    fn status(&mut self, fields: &Fields<'a>) -> Result<(), Invalid> {
        let (Some(sent), Some(message)) = (fields.get(number::STATUS), inner(fields.message, number::STATUS))
        else {
            return Ok(());
        };
        let status = Fields::read(message, sent, &mut self.irregular)?;
        let code = status.short(number::STATUS_CODE)?.cast_signed();
        self.table.set_integer(STATUS_CODE, code.into());
        self.text(&status, number::STATUS_MESSAGE, STATUS_MESSAGE);
        Ok(())
    }

    /// Sets events or links as an array of OTLP/JSON. Returns the field as held.
    fn list(&mut self, fields: &Fields<'a>, number: u32, column: usize) -> Result<u32, Invalid> {
        if let Some(field) = fields.message.field(number)
            && fields.has(number)
        {
            self.scratch.clear();
            self.scratch.extend_from_slice(extra::EMPTY);
            extra::write_list(fields, field, ITEM_DEPTH, &mut self.scratch)?;
            // The array begins behind `{"events":`, which is as long as `,"events":`.
            let array = self.scratch.get(field.json_key.len()..).unwrap_or_default();
            self.table.set_text(column, &utf8(array));
        }
        Ok(1 << number)
    }
}
