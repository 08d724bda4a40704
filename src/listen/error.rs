//! What keeps a listener from being.

use std::io;
use std::path::PathBuf;

/// What keeps a listener from being.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address cannot be listened on.
    #[error("{key} is {address}, where nothing can be received: {source}; {advice}")]
    Bind {
        /// The setting that has the address.
        key: String,
        /// The address.
        address: String,
        /// What to do.
        advice: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file that a setting names is not what it has to be.
    #[error("{key} is {}: {problem}", path.display())]
    File {
        /// The setting that names the file.
        key: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in a sentence that shows nothing of a secret.
        problem: String,
    },
}

impl Error {
    pub(super) fn tcp(key: &str, address: &str, source: io::Error) -> Self {
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
        Self::Bind { key: key.to_owned(), address: address.to_owned(), advice, source }
    }

    pub(super) fn unix(key: &str, path: &std::path::Path, source: io::Error) -> Self {
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => "stop what listens there, or choose another path",
            io::ErrorKind::AlreadyExists => "move that file away, or choose another path",
            io::ErrorKind::NotFound => "create the folder",
            io::ErrorKind::PermissionDenied => "give forebay leave to write in the folder",
            _ => "choose another path, shorter than 108 bytes",
        };
        Self::Bind { key: key.to_owned(), address: format!("unix:{}", path.display()), advice, source }
    }

    pub(super) fn file(key: String, path: &std::path::Path, problem: String) -> Self {
        Self::File { key, path: path.to_owned(), problem }
    }
}
