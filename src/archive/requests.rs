//! The requests in an object or a segment, one after the other.

use std::fmt;
use std::io::{self, BufRead, Read as _};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::piece::Error;
use super::stored::words_of_store;
use crate::log::{Item, Records};
use crate::otlp::{Signal, read_json, validate};
use crate::pack::Holds;

/// A request as a client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it carries.
    pub signal: Signal,
    /// The encoded `Export*ServiceRequest`.
    pub body: Vec<u8>,
    /// Log records, data points, spans or profiles in it.
    pub items: u32,
}

/// The requests of one piece, from first to last.
pub(super) enum Requests<'a> {
    /// A request a line.
    Lines { content: Box<dyn BufRead + 'a>, signal: Option<Signal>, line: u64 },
    /// One request, of JSON or of protobuf; none once it was given.
    Whole(Option<(Box<dyn BufRead + 'a>, Holds)>, Option<Signal>),
    /// The records of a segment.
    Records(Box<Records>),
}

impl Iterator for Requests<'_> {
    type Item = Result<Request, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Lines { content, signal, line } => next_line(content, signal, line).transpose(),
            Self::Whole(content, signal) => {
                let (content, holds) = content.take()?;
                Some(whole(content, holds, *signal))
            }
            Self::Records(records) => loop {
                return match records.next()? {
                    Ok(Item::Record(record)) => Some(Ok(Request {
                        signal: record.signal,
                        items: record.items,
                        body: record.body.to_vec(),
                    })),
                    Ok(Item::Damage(damage)) if damage.records_lost == 0 => continue,
                    Ok(Item::Damage(damage)) => {
                        let lost = damage.records_lost;
                        Some(Err(Error::Damaged(format!("{lost} records of it cannot be read"))))
                    }
                    Err(error) => Some(Err(Error::Damaged(error.to_string()))),
                };
            },
        }
    }
}

fn next_line(
    content: &mut dyn BufRead,
    signal: &mut Option<Signal>,
    line: &mut u64,
) -> Result<Option<Request>, Error> {
    let mut text = Vec::new();
    if content.read_until(b'\n', &mut text).map_err(|error| damaged(&error))? == 0 {
        return Ok(None);
    }
    *line += 1;
    if *line == 1 {
        // Rows have the same ending, and a name of somebody's own need not tell the signal.
        *signal = Some(signal_of(&text, *signal)?);
    }
    let signal = signal.ok_or(Error::NoRequests)?;
    json(signal, &text).map(Some).map_err(|error| match error {
        Error::Damaged(why) => Error::Damaged(format!("line {line}: {why}")),
        other => other,
    })
}

fn whole(mut content: Box<dyn BufRead + '_>, holds: Holds, signal: Option<Signal>) -> Result<Request, Error> {
    let mut body = Vec::new();
    content.read_to_end(&mut body).map_err(|error| damaged(&error))?;
    match holds {
        Holds::Message => {
            let signal = signal.ok_or(Error::UnknownSignal)?;
            let items = validate(signal, &body).map_err(|error| Error::Damaged(error.to_string()))?;
            Ok(Request { signal, body, items })
        }
        Holds::Document | Holds::Lines => json(signal_of(&body, signal)?, &body),
    }
}

fn json(signal: Signal, text: &[u8]) -> Result<Request, Error> {
    let body = read_json(signal, text, usize::MAX).map_err(|error| Error::Damaged(error.to_string()))?;
    let items = validate(signal, &body).map_err(|error| Error::Damaged(error.to_string()))?;
    Ok(Request { signal, body, items })
}

/// The signal of a request of OTLP JSON, by its members; the one that the name tells for a request that is empty.
fn signal_of(text: &[u8], named: Option<Signal>) -> Result<Signal, Error> {
    let Members(members) = serde_json::from_slice(text).map_err(|error| Error::Damaged(error.to_string()))?;
    let of_member = |name: &str| match name {
        "resourceLogs" => Some(Signal::Logs),
        "resourceMetrics" => Some(Signal::Metrics),
        "resourceSpans" => Some(Signal::Traces),
        "resourceProfiles" => Some(Signal::Profiles),
        _ => None,
    };
    match members.iter().find_map(|name| of_member(name)) {
        Some(signal) => Ok(signal),
        None if members.is_empty() => named.ok_or(Error::UnknownSignal),
        None => Err(Error::NoRequests),
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

fn damaged(error: &io::Error) -> Error {
    if let Some(words) = words_of_store(error) {
        return Error::Store(words);
    }
    Error::Damaged(match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => error.to_string(),
    })
}
