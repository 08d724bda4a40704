//! The column `extra` as it is read.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::object::Object;
use super::{RestoreError, Row};

/// Members of OTLP/JSON that no column holds. What is taken out has found its place; the rest are fields of the item.
#[derive(Debug, Default)]
pub(super) struct Extra(BTreeMap<String, Box<RawValue>>);

impl Extra {
    /// That of a row.
    pub(super) fn of(row: &Row) -> Result<Self, RestoreError> {
        row.text("extra").map_or_else(|| Ok(Self::default()), Self::parse)
    }

    /// That which is an object in another one.
    pub(super) fn parse(json: &str) -> Result<Self, RestoreError> {
        let members = serde_json::from_str(json);
        members.map(Self).map_err(|error| RestoreError(format!("its column extra is damaged: {error}")))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).map(|value| &**value)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.0.remove(name)
    }

    /// A text.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        serde_json::from_str(self.take(name)?.get()).ok()
    }

    /// Adds everything that is left.
    pub(super) fn write(self, object: &mut Object) {
        for (name, value) in &self.0 {
            object.raw(name, value);
        }
    }
}
