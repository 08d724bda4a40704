//! Records that cannot be packed: they passed the door, and are delivered as they came, with the reason.
//!
//! An object of theirs is lines of JSON, under `unpackable/` behind the output's prefix, with the OTLP message in base64:
//!
//! ```text
//! {"signal":"logs","seq":7,"received_at":1787393472123456789,"items":3,"reason":"...","body":"CgQ..."}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::format::Format;
use super::options::{Compression, Options};
use crate::log::Record;

/// The template of their keys.
const KEY: &str = "unpackable/{signal}/date=%Y-%m-%d/hour=%H/{signal}_{unique}";

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    signal: &'a str,
    seq: u64,
    received_at: u64,
    items: u32,
    reason: &'a str,
    body: String,
}

/// What their objects are, where others are as `options` say.
pub(super) fn options(options: &Options) -> Options {
    Options {
        format: Format::OtlpJsonl,
        compression: Some(Compression::None),
        prefix: options.prefix.clone(),
        key: KEY.to_owned(),
        ..Options::default()
    }
}

/// The line of a record.
pub(super) fn line(record: &Record, reason: &str) -> Vec<u8> {
    let line = Line {
        signal: record.signal.name(),
        seq: record.seq,
        received_at: record.received_at,
        items: record.items,
        reason,
        body: STANDARD.encode(&record.body),
    };
    match serde_json::to_vec(&line) {
        Ok(mut line) => {
            line.push(b'\n');
            line
        }
        Err(error) => unreachable!("strings and numbers are always JSON: {error}"),
    }
}
