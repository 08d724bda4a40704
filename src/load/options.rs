//! What to send, how, and how much of it.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::send::Protocol;

/// The largest request: as much as forebay takes unless it is told otherwise (`receive.max_request_bytes`).
const REQUEST_BYTES: u64 = 64 << 20;

/// What to send, how, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The far side, `host:port` or `http://host:port`; over HTTP a path may follow, before `/v1/logs` and its like.
    pub to: String,
    /// How to speak: gRPC over HTTP/2, the others over HTTP/1.1.
    pub protocol: Protocol,
    /// What a request looks like.
    pub shape: Shape,
    /// Log records a request, 1 to 100,000; if it is left out, as many as the shape has. Not with claude-code.
    pub records: Option<u32>,
    /// Bytes of a log record on average, 100 to 100,000; if it is left out, as many as the shape has. Not with
    /// claude-code.
    pub record_bytes: Option<u32>,
    /// How bodies are compressed.
    pub compression: Compression,
    /// Connections, 1 to 10,000.
    pub connections: usize,
    /// Requests at once, over all connections; if it is left out, one a connection. At least as many as connections, and
    /// over HTTP/1.1 exactly as many.
    pub in_flight: Option<usize>,
    /// When it ends.
    pub bound: Bound,
    /// Requests a second, 1 to 1,000,000; if it is left out, each answer is followed by the next request.
    pub rate: Option<u32>,
    /// The process whose processor's time and memory are told.
    pub process: Option<u32>,
    /// How long connecting, and each request, may take.
    pub timeout: Duration,
}

/// What a request looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 1,000 log records of 360 bytes.
    Logs,
    /// 2 to 6 kB of log records, and of data points, in turn, as Claude Code sends them.
    ClaudeCode,
    /// 280 log records of 360 bytes: 100 kB.
    Large,
    /// 10 log records of 380 bytes: 4 kB.
    Small,
}

/// How bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// `gzip`
    Gzip,
    /// `zstd`
    Zstd,
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// After this many requests.
    Requests(u64),
    /// When this time has passed, and what is under way is answered.
    Duration(Duration),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            to: Protocol::Grpc.default_address().to_owned(),
            protocol: Protocol::Grpc,
            shape: Shape::Logs,
            records: None,
            record_bytes: None,
            compression: Compression::None,
            connections: 16,
            in_flight: None,
            bound: Bound::Duration(Duration::from_secs(10)),
            rate: None,
            process: None,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// Checks every option.
    ///
    /// # Errors
    /// A sentence that names the option, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        within("--connections", Some(self.connections), 1..=10_000)?;
        within("--records", self.records, 1..=100_000)?;
        within("--record-bytes", self.record_bytes, 100..=100_000)?;
        within("--rate", self.rate, 1..=1_000_000)?;
        if self.shape == Shape::ClaudeCode && (self.records.is_some() || self.record_bytes.is_some()) {
            return Err("--records and --record-bytes go with log records; \
                        what claude-code sends is as large as it was seen to be"
                .to_owned());
        }
        if let Some((records, bytes)) = self.log_records()
            && u64::from(records) * u64::from(bytes) > REQUEST_BYTES
        {
            return Err(format!(
                "--records is {records} with {bytes} --record-bytes; together they must be at most {REQUEST_BYTES} bytes"
            ));
        }
        let (in_flight, connections) = (self.in_flight(), self.connections);
        if in_flight < connections {
            return Err(format!(
                "--in-flight is {in_flight}; it must be at least the number of --connections ({connections})"
            ));
        }
        if in_flight > connections && self.protocol != Protocol::Grpc {
            return Err(format!(
                "--in-flight is {in_flight} with {connections} --connections; over HTTP/1.1 each carries one request \
                 at a time, so the two must be the same"
            ));
        }
        match self.bound {
            Bound::Requests(0) => Err("--requests is 0; it must be at least 1".to_owned()),
            Bound::Duration(Duration::ZERO) => Err("--duration is 0s; it must be longer".to_owned()),
            _ if self.timeout.is_zero() => Err("--timeout is 0s; it must be longer".to_owned()),
            _ => Ok(()),
        }
    }

    /// Requests at once.
    pub fn in_flight(&self) -> usize {
        self.in_flight.unwrap_or(self.connections)
    }

    /// Log records a request, and their bytes on average. None if that is not for a person to say.
    pub(super) fn log_records(&self) -> Option<(u32, u32)> {
        let (records, record_bytes) = match self.shape {
            Shape::ClaudeCode => return None,
            Shape::Logs => (1_000, 360),
            Shape::Large => (280, 360),
            Shape::Small => (10, 380),
        };
        Some((self.records.unwrap_or(records), self.record_bytes.unwrap_or(record_bytes)))
    }
}

/// Checks a number that may have been left out.
fn within<T: PartialOrd + fmt::Display>(
    name: &str,
    value: Option<T>,
    range: RangeInclusive<T>,
) -> Result<(), String> {
    match value {
        Some(value) if !range.contains(&value) => {
            Err(format!("{name} is {value}; it must be {} to {}", range.start(), range.end()))
        }
        _ => Ok(()),
    }
}

impl Shape {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Logs, Self::ClaudeCode, Self::Large, Self::Small];

    /// `logs`, `claude-code`, `large` or `small`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::ClaudeCode => "claude-code",
            Self::Large => "large",
            Self::Small => "small",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|shape| shape.name() == text)
            .ok_or_else(|| format!("`{text}` is no shape; use logs, claude-code, large or small"))
    }
}

impl Compression {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// `none`, `gzip` or `zstd`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|compression| compression.name() == text)
            .ok_or_else(|| format!("`{text}` is no compression; use none, gzip or zstd"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_right() {
        assert_eq!(Options::default().validate(), Ok(()));
        assert_eq!(Options { connections: 3, ..Options::default() }.in_flight(), 3);
    }

    #[test]
    fn a_wrong_option_is_named_with_its_value_and_what_it_must_be() {
        let right = Options::default;
        let http = Protocol::HttpProtobuf;
        for (options, words) in [
            (Options { connections: 0, ..right() }, "--connections is 0; it must be 1 to 10000"),
            (Options { rate: Some(0), ..right() }, "--rate is 0; it must be 1 to 1000000"),
            (Options { records: Some(0), ..right() }, "--records is 0; it must be 1 to 100000"),
            (Options { record_bytes: Some(20), ..right() }, "--record-bytes is 20; it must be 100 to 100000"),
            (
                Options { records: Some(100_000), record_bytes: Some(1_000), ..right() },
                "--records is 100000 with 1000 --record-bytes; together they must be at most 67108864 bytes",
            ),
            (
                Options { in_flight: Some(15), ..right() },
                "--in-flight is 15; it must be at least the number of --connections (16)",
            ),
            (Options { in_flight: Some(32), protocol: http, ..right() }, "--in-flight is 32 with 16 --conn"),
            (
                Options { shape: Shape::ClaudeCode, records: Some(5), ..right() },
                "--records and --record-bytes go",
            ),
            (Options { bound: Bound::Requests(0), ..right() }, "--requests is 0; it must be at least 1"),
            (
                Options { bound: Bound::Duration(Duration::ZERO), ..right() },
                "--duration is 0s; it must be longer",
            ),
            (Options { timeout: Duration::ZERO, ..right() }, "--timeout is 0s; it must be longer"),
        ] {
            let said = options.validate().unwrap_err();
            assert!(said.starts_with(words), "{said}");
        }
    }

    #[test]
    fn shapes_and_compressions_are_read_by_their_names() {
        for shape in Shape::ALL {
            assert_eq!(shape.to_string().parse(), Ok(shape));
        }
        for compression in Compression::ALL {
            assert_eq!(compression.to_string().parse(), Ok(compression));
        }
        assert!("huge".parse::<Shape>().unwrap_err().contains("claude-code"));
        assert!("lz4".parse::<Compression>().unwrap_err().contains("zstd"));
    }
}
