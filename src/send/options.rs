//! What to send, and where to.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What to send, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The far side, `host:port` or `http://host:port`; over HTTP a path may follow, before `/v1/logs` and its like.
    pub to: String,
    /// How to speak.
    pub protocol: Protocol,
    /// How often to send the sample.
    pub count: u32,
    /// How long connecting, and each request, may take.
    pub timeout: Duration,
}

/// How OTLP is spoken, by the names of `OTEL_EXPORTER_OTLP_PROTOCOL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `grpc`
    Grpc,
    /// `http/protobuf`
    HttpProtobuf,
    /// `http/json`
    HttpJson,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            to: Protocol::Grpc.default_address().to_owned(),
            protocol: Protocol::Grpc,
            count: 1,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Protocol {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];

    /// Where forebay listens for it by default.
    pub const fn default_address(self) -> &'static str {
        match self {
            Self::Grpc => "http://127.0.0.1:4317",
            Self::HttpProtobuf | Self::HttpJson => "http://127.0.0.1:4318",
        }
    }

    /// `grpc`, `http/protobuf` or `http/json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == text)
            .ok_or_else(|| format!("`{text}` is no protocol; use grpc, http/protobuf or http/json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_read_by_their_names() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
        assert!("http".parse::<Protocol>().unwrap_err().contains("http/json"));
    }
}
