//! Why nothing could be sent, in plain words.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why nothing could be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("cannot send to `{address}`: {why}; write it like http://127.0.0.1:4317")]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The authorities to trust cannot be read.
    #[error("{}: {why}", path.display())]
    CaFile {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The connection was refused.
    #[error("nothing listens on {address}: is the receiver running? a forebay is started with `forebay`")]
    NobodyListens {
        /// Host and port.
        address: String,
    },
    /// No answer in time.
    #[error("{address} did not answer within {} s", timeout.as_secs_f64())]
    TooSlow {
        /// Host and port.
        address: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// Anything else that befalls a connection.
    #[error("the connection to {address} failed: {why}")]
    Connection {
        /// Host and port.
        address: String,
        /// The innermost cause.
        why: String,
    },
    /// The bundled sample cannot be read, which is a fault in forebay.
    #[error("the bundled sample is broken: {0}")]
    Sample(String),
}

impl Error {
    /// Says in plain words what befell the connection to `address`.
    pub(crate) fn connection(address: &str, timeout: Duration, error: &(dyn StdError + 'static)) -> Self {
        let address = address.to_owned();
        let causes = || std::iter::successors(Some(error), |cause| (*cause).source());
        let kind = causes().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        let timed_out = causes().any(|cause| {
            cause.is::<tokio::time::error::Elapsed>()
                || cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
        });
        match kind {
            Some(io::ErrorKind::ConnectionRefused) => Self::NobodyListens { address },
            Some(io::ErrorKind::TimedOut) => Self::TooSlow { address, timeout },
            _ if timed_out => Self::TooSlow { address, timeout },
            _ => {
                let why = causes().last().map(ToString::to_string).unwrap_or_default();
                Self::Connection { address, why }
            }
        }
    }
}
