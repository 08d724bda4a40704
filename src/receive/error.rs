//! What keeps the stage from starting.

use std::io;

/// What keeps the stage from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of its range.
    #[error("{0}")]
    Options(String),
    /// An address cannot be listened on.
    #[error("{key} is {address}, where nothing can be received: {source}; {advice}")]
    Bind {
        /// The setting that has the address.
        key: &'static str,
        /// The address.
        address: String,
        /// What to do.
        advice: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    pub(super) fn bind(key: &'static str, address: &str, source: io::Error) -> Self {
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => {
                "stop what listens there (an OpenTelemetry Collector, another forebay), or choose another port"
            }
            io::ErrorKind::PermissionDenied => "choose a port above 1023",
            io::ErrorKind::AddrNotAvailable => {
                "choose an address of this machine; 0.0.0.0 stands for all of them"
            }
            _ => "write the address of this machine and a port, like 127.0.0.1:4317",
        };
        Self::Bind { key, address: address.to_owned(), advice, source }
    }
}
