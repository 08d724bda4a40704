//! Why no load could be made, in plain words.

use std::io;

use crate::send;

/// Why no load could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option is out of its range, or does not go with another.
    #[error("{0}")]
    Option(String),
    /// The far side cannot be reached.
    #[error(transparent)]
    Connection(#[from] send::Error),
    /// Nobody has this number.
    #[error("there is no process {number} (--pid) on this machine")]
    NoProcess {
        /// As it was given.
        number: u32,
    },
    /// The kernel gives no timer.
    #[error("cannot wait for the moment at which a request is due: {0}")]
    Timer(io::Error),
    /// What was to be sent could not be made, which is a fault in forebay.
    #[error("cannot make the requests: {0}")]
    Bodies(String),
    /// A sender ended before its time, which is a fault in forebay.
    #[error("a sender ended before its time: {0}")]
    Ended(String),
}
