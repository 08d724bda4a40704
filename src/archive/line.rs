//! What an object of JSON is, by the names of its members alone.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::piece::Error;
use crate::otlp::Signal;

/// What an object of JSON is.
pub(super) enum Line {
    /// A request.
    Request(Signal),
    /// A row.
    Row,
    /// A record that could not be packed.
    Unpackable,
    /// An object that was delivered, in a list of such (`upload.receipts`).
    Delivered,
}

impl Line {
    /// By its members; a request that is empty has the signal that the name tells.
    pub(super) fn of(text: &[u8], named: Option<Signal>) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self::Request(named.unwrap_or(Signal::Logs)));
        }
        let Members(members) =
            serde_json::from_slice(text).map_err(|error| Error::Damaged(error.to_string()))?;
        let of_member = |name: &str| match name {
            "resourceLogs" => Some(Signal::Logs),
            "resourceMetrics" => Some(Signal::Metrics),
            "resourceSpans" => Some(Signal::Traces),
            "resourceProfiles" => Some(Signal::Profiles),
            _ => None,
        };
        match members.iter().find_map(|name| of_member(name)) {
            Some(signal) => Ok(Self::Request(signal)),
            None if members.is_empty() => named.map(Self::Request).ok_or(Error::UnknownSignal),
            None => {
                let has = |wanted: &[&str]| wanted.iter().all(|name| members.iter().any(|it| it == name));
                match () {
                    () if has(&["id", "timestamp"]) => Ok(Self::Row),
                    () if has(&["signal", "reason", "body"]) => Ok(Self::Unpackable),
                    () if has(&["key", "blake3", "delivered_at"]) => Ok(Self::Delivered),
                    () => Err(Error::Foreign),
                }
            }
        }
    }
}

/// The names of an object's members.
struct Members(Vec<String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

/// Collects names and passes over everything else.
struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = map.next_entry()? {
            names.push(name);
        }
        Ok(Members(names))
    }
}
