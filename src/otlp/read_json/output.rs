//! The wire format as it grows, and where in the document its reader is.

use std::fmt::Write as _;

use serde::de::Error;

use super::InvalidJson;
use crate::otlp::schema::{DEPTH_MAX, Field};
use crate::otlp::wire::WireType;

/// The bytes written so far, never more than the limit.
pub(super) struct Output {
    bytes: Vec<u8>,
    limit_bytes: usize,
    /// The fields within which the reader is. Left as it is when an error ends the reading.
    path: Vec<Step>,
    /// Set when we end the reading ourselves.
    stopped: Option<Stop>,
    /// The items that were passed over because they cannot be read; `None` if one such ends the reading.
    rejected: Option<u32>,
}

/// One field on the way from the top of the document.
#[derive(Clone, Copy)]
struct Step {
    field: &'static Field,
    /// The place in its array.
    index: Option<u32>,
}

/// Why we ended the reading.
#[derive(Clone, Copy)]
enum Stop {
    TooLarge,
    TooDeep,
}

/// Where a length has to be filled in.
#[must_use]
pub(super) struct Open {
    /// Where the field's key begins.
    key: usize,
    /// The first byte after the one that is kept for the length.
    start: usize,
}

/// Where an item begins.
pub(super) struct Mark {
    bytes: usize,
    path: usize,
}

impl Output {
    /// An empty output that may grow to `limit_bytes`, with room for `expected_bytes`.
    pub(super) fn new(limit_bytes: usize, expected_bytes: usize) -> Self {
        let bytes = Vec::with_capacity(expected_bytes.min(limit_bytes));
        Self { bytes, limit_bytes, path: Vec::new(), stopped: None, rejected: None }
    }

    /// The same, for a reader that passes over items that it cannot read.
    pub(super) fn lenient(limit_bytes: usize, expected_bytes: usize) -> Self {
        Self { rejected: Some(0), ..Self::new(limit_bytes, expected_bytes) }
    }

    /// Whether an item that cannot be read is passed over.
    pub(super) const fn is_lenient(&self) -> bool {
        self.rejected.is_some()
    }

    /// The items that were passed over.
    pub(super) fn rejected(&self) -> u32 {
        self.rejected.unwrap_or(0)
    }

    /// Where an item begins.
    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), path: self.path.len() }
    }

    /// Takes an item back that cannot be read, and goes on behind it; not if it is too large, which is no fault of its own.
    pub(super) fn reject<E: Error>(&mut self, mark: &Mark) -> Result<(), E> {
        if matches!(self.stopped, Some(Stop::TooLarge)) {
            return Err(E::custom("too large"));
        }
        self.stopped = None;
        self.bytes.truncate(mark.bytes);
        self.path.truncate(mark.path);
        self.rejected = self.rejected.map(|rejected| rejected.saturating_add(1));
        Ok(())
    }

    /// The bytes written.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Enters a field.
    pub(super) fn enter(&mut self, field: &'static Field) {
        self.path.push(Step { field, index: None });
    }

    /// Enters the next element of the field's array.
    pub(super) fn enter_element(&mut self) {
        if let Some(step) = self.path.last_mut() {
            step.index = Some(step.index.map_or(0, |index| index.saturating_add(1)));
        }
    }

    /// Leaves the field entered last.
    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    /// Makes sure that one more message may nest here.
    pub(super) fn check_depth<E: Error>(&mut self) -> Result<(), E> {
        // Each message but the request is the value of a field.
        if self.path.len() < DEPTH_MAX as usize {
            return Ok(());
        }
        self.stopped = Some(Stop::TooDeep);
        Err(E::custom("too deep"))
    }

    /// Makes sure that `more` bytes fit.
    fn check_room<E: Error>(&mut self, more: usize) -> Result<(), E> {
        if self.bytes.len().saturating_add(more) <= self.limit_bytes {
            return Ok(());
        }
        self.stopped = Some(Stop::TooLarge);
        Err(E::custom("too large"))
    }

    /// Writes a field's key.
    pub(super) fn key<E: Error>(&mut self, field: &Field, wire_type: WireType) -> Result<(), E> {
        self.varint(u64::from(field.number << 3 | wire_type as u32))
    }

    /// Writes a varint.
    pub(super) fn varint<E: Error>(&mut self, value: u64) -> Result<(), E> {
        self.check_room(prost::encoding::encoded_len_varint(value))?;
        prost::encoding::encode_varint(value, &mut self.bytes);
        Ok(())
    }

    /// Writes bytes as they are.
    pub(super) fn raw<E: Error>(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.check_room(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes a field that consists of bytes.
    pub(super) fn payload<E: Error>(&mut self, field: &Field, bytes: &[u8]) -> Result<(), E> {
        self.key(field, WireType::Length)?;
        self.varint(bytes.len() as u64)?;
        self.raw(bytes)
    }

    /// Begins a field whose length is known when it is closed. Nearly all are shorter than 128 bytes: one byte is kept
    /// for the length, and a longer payload moves up when it is closed.
    pub(super) fn open<E: Error>(&mut self, field: &Field) -> Result<Open, E> {
        let key = self.bytes.len();
        self.key(field, WireType::Length)?;
        self.raw(&[0])?;
        Ok(Open { key, start: self.bytes.len() })
    }

    /// Fills in the length of a field.
    pub(super) fn close<E: Error>(&mut self, open: &Open) -> Result<(), E> {
        let end = self.bytes.len();
        let length = (end - open.start) as u64;
        let more = prost::encoding::encoded_len_varint(length) - 1;
        self.check_room::<E>(more)?;
        self.bytes.resize(end + more, 0);
        self.bytes.copy_within(open.start..end, open.start + more);
        prost::encoding::encode_varint(length, &mut &mut self.bytes[open.start - 1..]);
        Ok(())
    }

    /// Whether nothing was written since a field was opened.
    pub(super) fn is_empty_since(&self, open: &Open) -> bool {
        self.bytes.len() == open.start
    }

    /// Takes back a field that was opened.
    pub(super) fn take_back(&mut self, open: &Open) {
        self.bytes.truncate(open.key);
    }

    /// What `error`, which ended the reading, means to the client.
    pub(super) fn explain(&self, error: serde_json::Error) -> InvalidJson {
        match self.stopped {
            None => InvalidJson::Wrong { path: self.path(), reason: error },
            Some(Stop::TooDeep) => {
                InvalidJson::TooDeep { path: self.path(), line: error.line(), column: error.column() }
            }
            Some(Stop::TooLarge) => InvalidJson::TooLarge { limit_bytes: self.limit_bytes },
        }
    }

    /// Where the reader is: `resourceLogs[0].scopeLogs[2].scope`.
    fn path(&self) -> String {
        // A few names show the place; sixty would hide it.
        const SHOWN_MAX: usize = 12;
        let mut path = String::new();
        for Step { field, index } in self.path.iter().take(SHOWN_MAX) {
            let dot = if path.is_empty() { "" } else { "." };
            // A string takes every text.
            let _ = match index {
                Some(index) => write!(path, "{dot}{}[{index}]", field.json_name),
                None => write!(path, "{dot}{}", field.json_name),
            };
        }
        if self.path.len() > SHOWN_MAX {
            path.push_str("...");
        }
        path
    }
}
