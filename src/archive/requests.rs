//! The requests in an object or a segment, one after the other.

use std::io::{self, BufRead, Read as _};

use super::line::Line;
use super::piece::Error;
use super::restored::Restored;
use super::stored::words_of_store;
use super::unpackable;
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
    /// A request a line, the first of which has been read.
    Lines(Lines<'a>),
    /// Rows, of which requests are made.
    Rows(Box<Restored<'a>>),
    /// One request, of JSON or of protobuf; none once it was given.
    Whole(Option<(Box<dyn BufRead + 'a>, Holds)>, Option<Signal>),
    /// The records of a segment.
    Records(Box<Records>),
}

impl Iterator for Requests<'_> {
    type Item = Result<Request, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Rows(rows) => rows.next(),
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

impl<'a> Requests<'a> {
    /// Those in the content of an object. `signal` is what its name tells.
    pub(super) fn of(
        mut content: Box<dyn BufRead + 'a>,
        holds: Holds,
        signal: Option<Signal>,
    ) -> Result<Self, Error> {
        Ok(match holds {
            Holds::Parquet => Self::Rows(Box::new(Restored::of_parquet(content, signal)?)),
            Holds::Csv => Self::Rows(Box::new(Restored::of_csv(content, signal)?)),
            Holds::Document | Holds::Message => Self::Whole(Some((content, holds)), signal),
            // Rows have the same ending, and a name of somebody's own need not tell the signal.
            Holds::Lines => {
                let mut first = Vec::new();
                content.read_until(b'\n', &mut first).map_err(|error| damaged(&error))?;
                match Line::of(&first, signal)? {
                    Line::Row => Self::Rows(Box::new(Restored::of_lines(first, content, signal))),
                    Line::Delivered => Self::Whole(None, None),
                    kind => Self::Lines(Lines { kind, first: Some(first), content, number: 0 }),
                }
            }
        })
    }
}

/// Lines that are a request each.
pub(super) struct Lines<'a> {
    kind: Line,
    /// The first, which has been read.
    first: Option<Vec<u8>>,
    content: Box<dyn BufRead + 'a>,
    number: u64,
}

impl Iterator for Lines<'_> {
    type Item = Result<Request, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut text = self.first.take().unwrap_or_default();
        if text.is_empty()
            && let Err(error) = self.content.read_until(b'\n', &mut text)
        {
            return Some(Err(damaged(&error)));
        }
        if text.is_empty() {
            return None;
        }
        self.number += 1;
        let request = match self.kind {
            Line::Request(signal) => json(signal, &text),
            _ => unpackable::request(&text),
        };
        Some(request.map_err(|error| match error {
            Error::Damaged(why) => Error::Damaged(format!("line {}: {why}", self.number)),
            other => other,
        }))
    }
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
        _ => match Line::of(&body, signal)? {
            Line::Request(signal) => json(signal, &body),
            _ => Err(Error::Foreign),
        },
    }
}

pub(super) fn json(signal: Signal, text: &[u8]) -> Result<Request, Error> {
    let body = read_json(signal, text, usize::MAX).map_err(|error| Error::Damaged(error.to_string()))?;
    let items = validate(signal, &body).map_err(|error| Error::Damaged(error.to_string()))?;
    Ok(Request { signal, body, items })
}

pub(super) fn damaged(error: &io::Error) -> Error {
    if let Some(words) = words_of_store(error) {
        return Error::Store(words);
    }
    Error::Damaged(match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(name: &str, content: &'static str) -> Result<Vec<Request>, Error> {
        let reading = crate::pack::Reading::of(name).unwrap();
        let content = reading.content(content.as_bytes()).unwrap();
        Requests::of(content, reading.holds(), crate::archive::name::signal(name))?.collect()
    }

    #[test]
    fn lines_are_told_by_what_is_in_them() {
        let record =
            "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"a\"}}]}]}]}\n";
        let sent = requests("a.jsonl", record).unwrap();
        assert_eq!(
            sent.iter().map(|request| (request.signal, request.items)).collect::<Vec<_>>(),
            [(Signal::Logs, 1)]
        );
        assert_eq!(requests("a.json", record).unwrap(), sent);
        // The same in base64, as it lies under `unpackable/`.
        let unpackable = "{\"signal\":\"logs\",\"seq\":7,\"received_at\":1,\"items\":1,\"reason\":\"why\",\"body\":\"CgkSBxIFKgMKAWE=\"}\n";
        assert_eq!(requests("unpackable/logs/logs_x.jsonl", unpackable).unwrap(), sent);
        let row = "{\"id\":\"00000000\",\"timestamp\":\"2026-11-23T10:00:00.000000Z\",\"body\":\"a\"}\n";
        assert_eq!(requests("logs_x.jsonl", row).unwrap(), sent);
        let list = "{\"key\":\"a\",\"bytes\":1,\"blake3\":\"b\",\"delivered_at\":\"c\"}\n";
        assert_eq!(requests("receipts/logs_x.jsonl", list), Ok(Vec::new()));
        assert_eq!(requests("a.jsonl", ""), Ok(Vec::new()));
        assert_eq!(requests("a.jsonl", "{\"name\":1}\n"), Err(Error::Foreign));
        assert_eq!(requests("a.json", row), Err(Error::Foreign));
        let cut = requests("a.jsonl", "{\"resourceLogs\":[]}\n{\"resourceLogs\":[").unwrap_err();
        assert!(matches!(&cut, Error::Damaged(why) if why.starts_with("line 2: ")), "{cut}");
    }
}
