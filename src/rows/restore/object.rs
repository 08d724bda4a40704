//! An object of JSON as it is written.

use std::fmt::Display;
use std::io::Write as _;

use serde_json::value::RawValue;

use crate::otlp::write_json_text;

/// An object of JSON that is not closed yet.
#[derive(Debug)]
pub(super) struct Object(Vec<u8>);

impl Object {
    pub(super) fn new() -> Self {
        Self(b"{".to_vec())
    }

    /// Begins a member; its value is to be written next.
    pub(super) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        write_json_text(name, &mut self.0);
        self.0.push(b':');
        &mut self.0
    }

    /// Adds a member that is JSON already.
    pub(super) fn raw(&mut self, name: &str, json: &RawValue) {
        self.key(name).extend_from_slice(json.get().as_bytes());
    }

    /// Adds a member that is JSON already.
    pub(super) fn json(&mut self, name: &str, json: &[u8]) {
        self.key(name).extend_from_slice(json);
    }

    /// Adds a text, unless it is empty.
    pub(super) fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            write_json_text(text, self.key(name));
        }
    }

    /// Adds a number, if there is one.
    pub(super) fn number(&mut self, name: &str, number: Option<impl Display>) {
        if let Some(number) = number {
            // Memory takes everything.
            let _ = write!(self.key(name), "{number}");
        }
    }

    /// Adds a double, if there is one.
    pub(super) fn double(&mut self, name: &str, number: Option<f64>) {
        self.number(name, number.map(super::Cell::Double));
    }

    /// It, without its end.
    pub(super) fn open(self) -> Vec<u8> {
        self.0
    }

    /// It, whole.
    pub(super) fn close(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}
