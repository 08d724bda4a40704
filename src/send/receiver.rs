//! A receiver of OTLP, and how it is reached.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderMap;

use super::Protocol;

/// A receiver of OTLP, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// `host:port`, `http://host:port` or `https://host:port`; over HTTP a path may follow, before `/v1/logs` and its like.
    pub to: String,
    /// How OTLP is spoken.
    pub protocol: Protocol,
    /// Headers (over gRPC: metadata) of every request.
    pub headers: HeaderMap,
    /// How long connecting, and each request, may take.
    pub timeout: Duration,
    /// Authorities to trust beside those of the system, as PEM.
    pub ca_file: Option<PathBuf>,
}

impl Receiver {
    /// Ten seconds for each request.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// The receiver at this address, without headers.
    pub fn at(to: impl Into<String>, protocol: Protocol) -> Self {
        Self { to: to.into(), protocol, headers: HeaderMap::new(), timeout: Self::TIMEOUT, ca_file: None }
    }
}
