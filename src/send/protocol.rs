//! How OTLP is spoken.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use crate::otlp::Signal;

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

impl Protocol {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];

    /// The one that is usual at this address: gRPC at port 4317, protobuf over HTTP everywhere else, as OpenTelemetry has it.
    pub fn usual_at(to: &Uri) -> Self {
        if to.port_u16() == Some(4317) { Self::Grpc } else { Self::HttpProtobuf }
    }

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

    /// The path of requests of a signal; over gRPC that of the method (`opentelemetry/proto/collector/*/v1/*_service.proto`).
    pub const fn path(self, signal: Signal) -> &'static str {
        match (self, signal) {
            (Self::HttpProtobuf | Self::HttpJson, _) => signal.path(),
            (Self::Grpc, Signal::Logs) => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            (Self::Grpc, Signal::Metrics) => {
                "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
            }
            (Self::Grpc, Signal::Traces) => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            (Self::Grpc, Signal::Profiles) => {
                "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
            }
        }
    }

    /// The media type of its requests.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Grpc => "application/grpc",
            Self::HttpProtobuf => "application/x-protobuf",
            Self::HttpJson => "application/json",
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
        for (to, usual) in [
            ("http://127.0.0.1:4317", Protocol::Grpc),
            ("http://127.0.0.1:4318", Protocol::HttpProtobuf),
            ("https://otlp.example.com/", Protocol::HttpProtobuf),
        ] {
            assert_eq!(Protocol::usual_at(&to.parse().unwrap()), usual);
        }
        assert!("http".parse::<Protocol>().unwrap_err().contains("http/json"));
    }
}
